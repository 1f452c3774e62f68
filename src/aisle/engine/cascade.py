"""Answers at the cost that each product needs: its terms first, then its texts, then its photo."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.engine.answering import Answerer, Grounds
from aisle.engine.evidence import Explainer
from aisle.engine.reading import Reader
from aisle.engine.store import Knowledge
from aisle.errors import EngineError
from aisle.heads.expert import FieldData, Fields
from aisle.heads.thresholds import Threshold
from aisle.heads.tiers import STAGES, Stage, Tiers
from aisle.product import Evidence, Prediction, Product

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Answers = tuple[list[Prediction], Floats]


class CascadeAnswerer:
    """Answers from terms alone (`answer_fast`), or from as little as each product needs (`answer_balanced`).

    Parameters
    ----------
    knowledge : Knowledge
        With tiers.
    reader : Reader
    explainer : Explainer
        Of the whole classifier.
    fingerprint : str

    Raises
    ------
    EngineError
        The engine was trained before there were tiers, or reads no text.
    """

    def __init__(self, knowledge: Knowledge, reader: Reader, *, explainer: Explainer, fingerprint: str) -> None:
        tiers = knowledge.tiers
        if tiers is None:
            raise EngineError("this engine was trained before there were tiers: train it anew, or ask the tier 'full'")
        if not tiers.terms.experts:
            raise EngineError("this engine reads photos alone, which no cheaper tier does: ask the tier 'full'")
        self._tiers: Tiers = tiers
        self._reader = reader
        self._whole = Answerer(
            knowledge.classifier,
            counts={subset: each.counts for subset, each in tiers.cascades.items()},
            explainer=explainer,
            fingerprint=fingerprint,
        )
        self._terms = Answerer(
            tiers.terms,
            counts={subset: pool.counts for subset, pool in tiers.terms.pools.items()},
            explainer=Explainer(knowledge, classifier=tiers.terms),
            fingerprint=fingerprint,
        )
        members = enumerate(knowledge.classifier.experts)
        self._places = [place for place, expert in members if expert.kind == "terms"]

    def answer_fast(self, products: Sequence[Product], *, precision: float, evidence: bool) -> Answers:
        """Answer from terms alone; parameters and result are those of `aisle.engine.Engine.predict`."""
        fields = self._reader.read_texts(products, embed=False)
        scores = self._tiers.terms.score(fields)
        return self._terms.answer(
            products, fields, scores=scores, problems={}, precision=precision, evidence=evidence, stage="terms"
        )

    def answer_balanced(self, products: Sequence[Product], *, precision: float, evidence: bool) -> Answers:
        """Answer each product as soon as it is sure enough; parameters and result are those of `Engine.predict`."""
        run = _Run(products, precision, evidence, len(self._whole.classifier.tree))
        fields = self._reader.read_texts(products, embed=False)
        terms = self._tiers.terms.score(fields)
        rows = np.arange(len(products))
        rows = self._settle(run, rows, fields, terms, by=self._terms, stage="terms")
        if rows.size:
            scores = np.zeros((len(self._whole.classifier.experts), len(rows), terms.shape[2]), dtype=np.float32)
            scores[self._places] = terms[:, rows]
            fields = self._reader.read_texts([products[row] for row in rows.tolist()], embed=True)
            scores += self._whole.classifier.score(fields, kind="embedding")
            left = self._settle(run, rows, fields, scores, by=self._whole, stage="texts")
            kept = np.searchsorted(rows, left)
            fields = {name: data.take(kept) for name, data in fields.items()}
            if left.size:
                self._finish(run, left, fields, scores[:, kept])
        return [prediction for prediction in run.found if prediction is not None], run.every

    def _settle(self, run: "_Run", rows: Ids, fields: Fields, scores: Array, *, by: Answerer, stage: Stage) -> Ids:
        """Answer the products that are sure enough at an early stage; return the others.

        `fields` and `scores` are of these rows.
        """
        whole, tree = self._whole, self._whole.classifier.tree
        photos = np.array([run.products[row].photo is not None for row in rows.tolist()], dtype=np.bool_)
        given = {**fields, "photo": FieldData(photos)}
        waiting = np.ones(len(rows), dtype=np.bool_)
        for subset, places in whole.classifier.subsets(given):
            promised = whole.basis(subset, run.precision)
            texts = self._tiers.texts(promised)
            cascade = self._tiers.cascades.get(promised)
            if cascade is None or not texts or (stage == "texts" and texts == promised):
                continue
            logs = by.classifier.log_probability(scores[:, places], texts)
            best = tree.most_probable(logs)
            sure = np.exp(np.minimum(logs[np.arange(len(places)), best], 0.0))
            rule = whole.certificate(promised, run.precision)
            least = max(cascade.exits[STAGES.index(stage)], rule.threshold if isinstance(rule, Threshold) else 0.0)
            early = np.flatnonzero(sure >= least)
            at = places[early]
            basis = by.explainer.explain(fields, scores, at, texts, logs[early]) if run.evidence and at.size else None
            for number, (place, row) in enumerate(zip(early.tolist(), rows[at].tolist(), strict=True)):
                grounds = Grounds(texts, promised, stage, basis[number] if basis else Evidence())
                run.found[row] = whole.decide(
                    run.products[row].id, logs[place], int(best[place]), grounds, precision=run.precision
                )
                run.every[row] = logs[place]
            waiting[at] = False
        return rows[waiting]

    def _finish(self, run: "_Run", rows: Ids, fields: Fields, scores: Array) -> None:
        """Answer what is left from everything that it has."""
        products = [run.products[row] for row in rows.tolist()]
        photos, problems = self._reader.read_photos(products)
        if photos is not None:
            fields = {**fields, "photo": photos}
            scores = scores + self._whole.classifier.score({"photo": photos})
        found, every = self._whole.answer(
            products, fields, scores=scores, problems=problems, precision=run.precision, evidence=run.evidence
        )
        run.every[rows] = every
        for row, prediction in zip(rows.tolist(), found, strict=True):
            run.found[row] = prediction


class _Run:
    """Products on their way through the stages."""

    def __init__(self, products: Sequence[Product], precision: float, evidence: bool, nodes: int) -> None:
        self.products = products
        self.precision = precision
        self.evidence = evidence
        self.found: list[Prediction | None] = [None] * len(products)
        self.every: Floats = np.empty((len(products), nodes))

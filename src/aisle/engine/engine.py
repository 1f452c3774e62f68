"""An engine: products in, categories out, with what the answer rests on."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from aisle.engine.artifact import open_artifact
from aisle.engine.evidence import Explainer
from aisle.engine.reading import Reader
from aisle.engine.store import Knowledge, from_artifact
from aisle.errors import PhotoError
from aisle.heads.answers import answer_depths
from aisle.heads.expert import FieldData
from aisle.heads.fused import FusedClassifier, Subset, all_subsets
from aisle.heads.thresholds import NotCertified, Threshold, certify
from aisle.heads.tree import ROOT, CategoryTree
from aisle.product import CategoryPath, Evidence, Prediction, Product
from aisle.settings import Settings

ALTERNATIVES = 5


class Engine:
    """Assigns categories to products. Several threads may ask at once.

    Parameters
    ----------
    knowledge : Knowledge
        What it learned.
    fingerprint : str
        Its name: 12 hex digits of the folder it was loaded from.
    settings : Settings, optional
        How many cores to use.

    Raises
    ------
    EngineError
        An encoder in it cannot be opened, or does not give what was learned from.
    """

    def __init__(self, knowledge: Knowledge, *, fingerprint: str, settings: Settings | None = None) -> None:
        self.knowledge = knowledge
        self.fingerprint = fingerprint
        self._explainer = Explainer(knowledge)
        self._blas = ThreadpoolController()
        self._reader = Reader(knowledge, threads=(settings or Settings()).threads)
        # Of the classifier, not of self: an engine that nobody uses any more gives its memory back at once.
        self._certified = lru_cache(maxsize=256)(partial(_certify, knowledge.classifier))
        self._basis = lru_cache(maxsize=256)(partial(_choose, self._certified))

    @property
    def tree(self) -> CategoryTree:
        """The categories that it tells apart."""
        return self.knowledge.classifier.tree

    @property
    def taxonomy(self) -> tuple[CategoryPath, ...]:
        """Every category path that an answer can be, parents before children."""
        return tuple(dict.fromkeys(self.tree.paths))

    @property
    def precision(self) -> float:
        """The precision of answers that is asked for unless `predict` is told another."""
        return self.knowledge.precision

    @property
    def modalities(self) -> Subset:
        """What it reads of a product."""
        return self.knowledge.classifier.fields

    def __repr__(self) -> str:
        leaves, fields = len(self.tree.terminals), ", ".join(self.modalities)
        return f"<Engine {self.fingerprint}: {leaves} categories from {fields}, precision {self.precision:g}>"

    def predict(
        self, products: Sequence[Product], *, precision: float | None = None, evidence: bool = True
    ) -> list[Prediction]:
        """Assign categories.

        Parameters
        ----------
        products : sequence of Product
            With whatever they have: a title, a description, attributes, a photo.
        precision : float, optional
            How often an answer must be right, between 0 and 1; the engine's own by default. Where the held-out products
            could not certify it, products go to review.
        evidence : bool
            Whether to gather what each answer rests on.

        Returns
        -------
        list of Prediction
            In the order of the products. A photo that cannot be read counts as none.

        Raises
        ------
        ValueError
            The precision is not between 0 and 1.
        TypeError
            Something among the products is none.
        """
        return self.predict_with_probabilities(products, precision=precision, evidence=evidence)[0]

    def predict_with_probabilities(
        self, products: Sequence[Product], *, precision: float | None = None, evidence: bool = True
    ) -> tuple[list[Prediction], NDArray[np.float64]]:
        """Assign categories, and return the log-probability of every node of `tree` as well, shape (n, nodes).

        Parameters and errors are those of `predict`.
        """
        precision = self.precision if precision is None else precision
        if not 0 < precision < 1:
            raise ValueError(f"precision {precision} must lie between 0 and 1, e.g. 0.98 for 98 %")
        given: Sequence[object] = products
        for foreign in (each for each in given if not isinstance(each, Product)):
            kind, shown = type(foreign).__name__, repr(foreign)[:60]
            raise TypeError(f"an engine reads aisle.Product(title=..., photo=...), not {kind}: {shown}")
        if not products:
            return [], np.empty((0, len(self.tree)))
        fields, problems = self._reader.read(products)
        with self._blas.limit(limits=1, user_api="blas"):  # the products are small: threads would only wait
            return self._answer(products, fields, problems, precision=precision, evidence=evidence)

    def _answer(
        self,
        products: Sequence[Product],
        fields: dict[str, FieldData],
        problems: dict[int, PhotoError],
        *,
        precision: float,
        evidence: bool,
    ) -> tuple[list[Prediction], NDArray[np.float64]]:
        classifier = self.knowledge.classifier
        every = np.empty((len(products), len(self.tree)))
        scores = classifier.score(fields)
        found: list[Prediction | None] = [None] * len(products)
        for given, rows in classifier.subsets(fields):
            subset = self._basis(given, precision)
            if subset:
                logs = classifier.log_probability(scores[:, rows], subset)
            else:
                logs = np.tile(classifier.prior(), (len(rows), 1))
            every[rows] = logs
            basis = self._explainer.explain(fields, scores, rows, subset, logs) if evidence and subset else None
            for place, row in enumerate(rows.tolist()):
                found[row] = self._decide(
                    products[row].id,
                    logs[place],
                    subset,
                    precision=precision,
                    evidence=basis[place] if basis else Evidence(),
                    problem=problems.get(row),
                )
        return [prediction for prediction in found if prediction is not None], every

    def probabilities(self, products: Sequence[Product]) -> NDArray[np.float64]:
        """Return the probability of every category of `tree`, shape (n, nodes); children sum to their parent."""
        if not products:
            return np.empty((0, len(self.tree)))
        return np.exp(np.minimum(self.knowledge.classifier.predict(self._reader.read(products)[0]), 0.0))

    def __reduce__(self) -> NoReturn:
        raise TypeError("an engine is not pickled: it is a folder, which `aisle.load` reads; copy that")

    def certificate(self, subset: Subset, *, precision: float) -> Threshold | NotCertified:
        """Return the threshold from which answers for these fields have the precision, or why there is none."""
        return self._certified(subset, precision)

    def _decide(
        self,
        identity: str,
        logs: NDArray[np.float64],
        subset: Subset,
        *,
        precision: float,
        evidence: Evidence,
        problem: PhotoError | None,
    ) -> Prediction:
        tree = self.tree
        terminals = tree.terminals
        shares = np.exp(np.minimum(logs, 0.0))
        order = terminals[np.argsort(-shares[terminals], kind="stable")][:ALTERNATIVES].tolist()
        chain = tree.chain(int(tree.most_probable(logs[None])[0]))
        step, reason = self._stop(shares[chain], chain, subset, precision=precision)
        if not subset:
            reason = "there is no title, description or photo to go by" if problem is None else str(problem)
        node = chain[step] if step >= 0 else ROOT
        return Prediction(
            id=identity,
            path=tree.paths[node] if node != ROOT else (),
            probability=float(shares[node] if node != ROOT else shares[order[0]]),
            decision="review" if node == ROOT else "accept" if step == len(chain) - 1 else "partial",
            leaf=tree.paths[order[0]],
            alternatives=tuple((tree.paths[place], float(shares[place])) for place in order),
            modalities=subset,
            evidence=evidence,
            reason=reason,
            engine=self.fingerprint,
        )

    def _stop(
        self, confidence: NDArray[np.float64], chain: Sequence[int], subset: Subset, *, precision: float
    ) -> tuple[int, str]:
        """Return how far down an answer goes, -1 for nowhere, and why no further."""
        if not subset:
            return -1, ""
        rule = self._certified(subset, precision)
        asked = f"{100 * precision:g} %"
        if isinstance(rule, NotCertified):
            return -1, f"with {' + '.join(subset)}: {rule.reason}"
        step = int(answer_depths(confidence[None], rule.threshold)[0])
        if step == len(chain) - 1:
            return step, ""
        at = self.tree.paths[chain[step + 1]]
        return step, (
            f"{' > '.join(at)} has a probability of {confidence[step + 1]:.2f}; answers are right {asked} of the time "
            f"from {rule.threshold:.3g} on"
        )


def load_engine(path: str | Path, *, settings: Settings | None = None) -> Engine:
    """Load an engine from its folder. Nothing is fetched, and nothing in it is run that is not an ONNX graph.

    Parameters
    ----------
    path : str or Path
        What ``aisle train`` wrote.
    settings : Settings, optional
        How many cores to use; this machine's by default.

    Raises
    ------
    EngineError
        The folder is missing, incomplete, changed, from a newer version, or no engine.
    """
    artifact = open_artifact(Path(path))
    artifact.verify()
    return Engine(from_artifact(artifact), fingerprint=artifact.fingerprint, settings=settings)


def _certify(classifier: FusedClassifier, subset: Subset, precision: float) -> Threshold | NotCertified:
    pool = classifier.pools.get(subset)
    if pool is None or pool.counts is None:
        reason = f"no held-out product had {' + '.join(subset) or 'nothing'} to judge such answers by"
        return NotCertified(precision=precision, delta=0.05, reason=reason, best=0.0, needed=0, answered=0)
    return certify(pool.counts, precision=precision)


def _choose(certified: Callable[[Subset, float], Threshold | NotCertified], given: Subset, precision: float) -> Subset:
    """Return the fields to answer from: all that are given, or the part that is certified and answers most.

    A further field must not silence an engine: where the few products that have it cannot certify a precision, the
    others still can.
    """
    if not given or isinstance(certified(given, precision), Threshold):
        return given
    rules = {part: certified(part, precision) for part in all_subsets(given)}
    coverage = {part: rule.coverage for part, rule in rules.items() if isinstance(rule, Threshold)}
    return max(coverage, key=lambda part: coverage[part], default=given)

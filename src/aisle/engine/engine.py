"""An engine: products in, categories out, with what the answer rests on."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from aisle.engine.answering import Answerer
from aisle.engine.artifact import open_artifact
from aisle.engine.cascade import CascadeAnswerer
from aisle.engine.evidence import Explainer
from aisle.engine.reading import Reader
from aisle.engine.store import Knowledge, from_artifact
from aisle.heads.fused import Subset
from aisle.heads.landmarks import Landmarks
from aisle.heads.thresholds import NotCertified, Threshold
from aisle.heads.tiers import Tier, check_tier
from aisle.heads.tree import CategoryTree
from aisle.product import CategoryPath, Prediction, Product
from aisle.settings import Settings


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
        self._answerer = Answerer(
            knowledge.classifier,
            counts={subset: pool.counts for subset, pool in knowledge.classifier.pools.items()},
            explainer=self._explainer,
            fingerprint=fingerprint,
        )

    @cached_property
    def _cascade(self) -> CascadeAnswerer:
        return CascadeAnswerer(self.knowledge, self._reader, explainer=self._explainer, fingerprint=self.fingerprint)

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
        self, products: Sequence[Product], *, precision: float | None = None, evidence: bool = True, tier: Tier = "full"
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
        tier : {"full", "balanced", "fast"}
            What may be spent: everything at once; terms first, then embeddings of texts, then photos, as far as each
            product needs them; terms alone.

        Returns
        -------
        list of Prediction
            In the order of the products. A photo that cannot be read counts as none.

        Raises
        ------
        ValueError
            The precision is not between 0 and 1, or there is no such tier.
        EngineError
            The engine has no cheaper tiers.
        TypeError
            Something among the products is none.
        """
        return self.predict_with_probabilities(products, precision=precision, evidence=evidence, tier=tier)[0]

    def predict_with_probabilities(
        self, products: Sequence[Product], *, precision: float | None = None, evidence: bool = True, tier: Tier = "full"
    ) -> tuple[list[Prediction], NDArray[np.float64]]:
        """Assign categories, and return the log-probability of every node of `tree` as well, shape (n, nodes).

        Parameters and errors are those of `predict`.
        """
        precision = self.precision if precision is None else precision
        if not 0 < precision < 1:
            raise ValueError(f"precision {precision} must lie between 0 and 1, e.g. 0.98 for 98 %")
        check_tier(tier)
        given: Sequence[object] = products
        for foreign in (each for each in given if not isinstance(each, Product)):
            kind, shown = type(foreign).__name__, repr(foreign)[:60]
            raise TypeError(f"an engine reads aisle.Product(title=..., photo=...), not {kind}: {shown}")
        if not products:
            return [], np.empty((0, len(self.tree)))
        fields, problems = self._reader.read(products) if tier == "full" else ({}, {})
        with self._blas.limit(limits=1, user_api="blas"):  # the products are small: threads would only wait
            if tier == "fast":
                return self._cascade.answer_fast(products, precision=precision, evidence=evidence)
            if tier == "balanced":
                return self._cascade.answer_balanced(products, precision=precision, evidence=evidence)
            scores = self.knowledge.classifier.score(fields)
            return self._answerer.answer(
                products, fields, scores=scores, problems=problems, precision=precision, evidence=evidence
            )

    def remember(self, most: int) -> None:
        """Keep the embeddings of the last so many texts, and forget those of before; none are kept unless it is asked.

        Within one call of `predict` the same text is embedded once in any case. What is kept can differ in its last
        digits from what would be computed in other company.
        """
        self._reader.remember(most)

    def drop_files(self) -> None:
        """Forget the files of the encoders, which are open: some hundred megabytes. It cannot be written again."""
        encoders = {name: replace(each, graph=b"", tokenizer=b"") for name, each in self.knowledge.encoders.items()}
        self.knowledge = replace(self.knowledge, encoders=encoders)

    def probabilities(self, products: Sequence[Product]) -> NDArray[np.float64]:
        """Return the probability of every category of `tree`, shape (n, nodes); children sum to their parent."""
        if not products:
            return np.empty((0, len(self.tree)))
        return np.exp(np.minimum(self.knowledge.classifier.predict(self._reader.read(products)[0]), 0.0))

    @property
    def landmarks(self) -> dict[str, NDArray[np.float32]]:
        """Field to centred unit vectors (m, d) of products that it learned from; only fields that it embeds."""
        return {name: view.points for name, view in self._views().items()}

    def vectors(self, products: Sequence[Product]) -> dict[str, NDArray[np.float32]]:
        """Embed products: field to centred unit vectors (n, d), whose products are cosines.

        Zero where a product lacks the field. Vectors of two engines cannot be compared.
        """
        fields = self._reader.read(products)[0]
        found = {}
        for name, view in self._views().items():
            embeddings = fields[name].embeddings
            if embeddings is not None:
                found[name] = view.unit(embeddings) * fields[name].present[:, None]
        return found

    def _views(self) -> dict[str, Landmarks]:
        experts = self.knowledge.classifier.experts
        return {expert.field: expert.view for expert in experts if isinstance(expert.view, Landmarks)}

    def __reduce__(self) -> NoReturn:
        raise TypeError("an engine is not pickled: it is a folder, which `aisle.load` reads; copy that")

    def certificate(self, subset: Subset, *, precision: float) -> Threshold | NotCertified:
        """Return the threshold from which answers for these fields have the precision, or why there is none."""
        return self._answerer.certificate(subset, precision)


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

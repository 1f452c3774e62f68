"""From the scores of experts to answers: which fields to go by, how far down to answer, and why no further."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from aisle.engine.evidence import Explainer
from aisle.errors import PhotoError
from aisle.heads.answers import AnswerCounts, answer_depths
from aisle.heads.expert import Fields
from aisle.heads.fused import FusedClassifier, Subset, all_subsets
from aisle.heads.thresholds import NotCertified, Threshold, certify
from aisle.heads.tiers import Stage
from aisle.heads.tree import ROOT
from aisle.product import Evidence, Prediction, Product

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Counts = Mapping[Subset, AnswerCounts | None]

ALTERNATIVES = 5


@dataclass(frozen=True)
class Grounds:
    """What one answer rests on.

    Attributes
    ----------
    used : tuple of str
        The fields that it was made from.
    promised : tuple of str
        The fields whose held-out answers say how far it can be trusted.
    stage : str
    evidence : Evidence
    problem : PhotoError or None
        Why the photo could not be read.
    """

    used: Subset
    promised: Subset
    stage: Stage
    evidence: Evidence = field(default_factory=Evidence)
    problem: PhotoError | None = None


class Answerer:
    """Answers by one classifier, under the promises that its held-out answers allow.

    Parameters
    ----------
    classifier : FusedClassifier
    counts : mapping of subset to AnswerCounts or None
        Held-out answers for each set of fields.
    explainer : Explainer
        Of the same classifier.
    fingerprint : str
        The engine's.
    """

    def __init__(self, classifier: FusedClassifier, *, counts: Counts, explainer: Explainer, fingerprint: str) -> None:
        self.classifier = classifier
        self.fingerprint = fingerprint
        self.explainer = explainer
        # Of the counts, not of self: an engine that nobody uses any more gives its memory back at once.
        self.certificate: Callable[[Subset, float], Threshold | NotCertified]
        self.certificate = lru_cache(maxsize=256)(partial(_certify, counts))
        self._basis = lru_cache(maxsize=256)(partial(_choose, self.certificate))

    def basis(self, given: Subset, precision: float) -> Subset:
        """Return the fields to answer from: all that are given, or the part that is certified and answers most."""
        return self._basis(given, precision)

    def answer(
        self,
        products: Sequence[Product],
        fields: Fields,
        *,
        scores: Array,
        problems: Mapping[int, PhotoError],
        precision: float,
        evidence: bool,
        stage: Stage = "all",
    ) -> tuple[list[Prediction], Floats]:
        """Answer products of which the experts have scores.

        Parameters
        ----------
        products : sequence of Product
        fields : mapping of str to FieldData
            What they have.
        scores : ndarray of float32, shape (experts, n, nodes)
        problems : mapping of int to PhotoError
            Why photos could not be read, by position.
        precision : float
            How often an answer must be right.
        evidence : bool
            Whether to gather what answers rest on.
        stage : str
            What the predictions say they were made from.

        Returns
        -------
        (list of Prediction, ndarray of float, shape (n, nodes))
            The answers, and the log-probability of every node.
        """
        every = np.empty((len(products), len(self.classifier.tree)))
        found: list[Prediction | None] = [None] * len(products)
        for given, rows in self.classifier.subsets(fields):
            subset = self.basis(given, precision)
            if subset:
                logs = self.classifier.log_probability(scores[:, rows], subset)
            else:
                logs = np.tile(self.classifier.prior(), (len(rows), 1))
            every[rows] = logs
            basis = self.explainer.explain(fields, scores, rows, subset, logs) if evidence and subset else None
            best = self.classifier.tree.most_probable(logs).tolist()
            for place, row in enumerate(rows.tolist()):
                found[row] = self.decide(
                    products[row].id,
                    logs[place],
                    best[place],
                    Grounds(subset, subset, stage, basis[place] if basis else Evidence(), problems.get(row)),
                    precision=precision,
                )
        return [prediction for prediction in found if prediction is not None], every

    def decide(self, identity: str, logs: Floats, best: int, grounds: Grounds, *, precision: float) -> Prediction:
        """Decide how far down the way to its most probable terminal node one product is answered.

        Parameters
        ----------
        identity : str
            The product's id.
        logs : ndarray of float, shape (nodes,)
            Log-probabilities.
        best : int
            That terminal node.
        grounds : Grounds
        precision : float
        """
        tree = self.classifier.tree
        terminals = tree.terminals
        shares = np.exp(np.minimum(logs, 0.0))
        order = terminals[np.argsort(-shares[terminals], kind="stable")][:ALTERNATIVES].tolist()
        chain = tree.chain(best)
        step, reason = self._stop(shares[chain], chain, grounds.promised, precision=precision)
        if not grounds.promised:
            reason = str(grounds.problem or "there is no title, description or photo to go by")
        node = chain[step] if step >= 0 else ROOT
        return Prediction(
            id=identity,
            path=tree.paths[node] if node != ROOT else (),
            probability=float(shares[node] if node != ROOT else shares[order[0]]),
            decision="review" if node == ROOT else "accept" if step == len(chain) - 1 else "partial",
            leaf=tree.paths[order[0]],
            alternatives=tuple((tree.paths[place], float(shares[place])) for place in order),
            modalities=grounds.used,
            evidence=grounds.evidence,
            reason=reason,
            engine=self.fingerprint,
            stage=grounds.stage,
        )

    def _stop(self, confidence: Floats, chain: Sequence[int], subset: Subset, *, precision: float) -> tuple[int, str]:
        """Return how far down an answer goes, -1 for nowhere, and why no further."""
        if not subset:
            return -1, ""
        rule = self.certificate(subset, precision)
        asked = f"{100 * precision:g} %"
        if isinstance(rule, NotCertified):
            return -1, f"with {' + '.join(subset)}: {rule.reason}"
        step = int(answer_depths(confidence[None], rule.threshold)[0])
        if step == len(chain) - 1:
            return step, ""
        at = self.classifier.tree.paths[chain[step + 1]]
        return step, (
            f"{' > '.join(at)} has a probability of {confidence[step + 1]:.2f}; answers are right {asked} of the time "
            f"from {rule.threshold:.3g} on"
        )


def _certify(counts: Counts, subset: Subset, precision: float) -> Threshold | NotCertified:
    found = counts.get(subset)
    if found is None:
        reason = f"no held-out product had {' + '.join(subset) or 'nothing'} to judge such answers by"
        return NotCertified(precision=precision, delta=0.05, reason=reason, best=0.0, needed=0, answered=0)
    return certify(found, precision=precision)


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

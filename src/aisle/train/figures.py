"""Honest figures of one set of predictions, as plain data: shares with intervals, calibration, coverage.

A figure at ``level_1`` is about the top categories, one at ``leaf`` about the whole path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.heads.intervals import wilson_interval
from aisle.heads.metrics import coverage_curve, hierarchical_scores, macro_f1, per_category, top_k_accuracy
from aisle.heads.reliability import (
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
    reliability,
)
from aisle.heads.tree import ROOT, CategoryTree
from aisle.product import CategoryPath

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

TARGETS = (0.80, 0.85, 0.90, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995)
"""Precisions for which the coverage is told."""
CONFIDENT_SHARE = 0.88
"""The part of the products, the most confident ones, whose accuracy is told apart."""
LEVELS = ("level_1", "level_2", "leaf")

_DIGITS = 6
_BINS = 15
_CURVE_POINTS = 120
_MANY = 5000
_RESAMPLES, _FEWER_RESAMPLES = 1000, 200


@dataclass(frozen=True, eq=False)
class Judged:
    """Predictions beside the truth.

    Attributes
    ----------
    tree : CategoryTree
        What the predictions tell apart.
    log_probability : ndarray of float, shape (n, nodes)
        Of every node, for every product.
    truths : tuple of tuple of str, n of them
        The categories that the products belong to; those that the tree does not know count as answered wrongly.
    """

    tree: CategoryTree
    log_probability: Floats
    truths: tuple[CategoryPath, ...]

    def __len__(self) -> int:
        return len(self.truths)

    @cached_property
    def answers(self) -> tuple[CategoryPath, ...]:
        """The most probable category of each product, as deep as the tree goes."""
        return tuple(self.tree.paths[node] for node in self._best.tolist())

    @cached_property
    def _best(self) -> Ids:
        return self.tree.most_probable(self.log_probability)

    @cached_property
    def _tops(self) -> slice:
        return next(run for parent, run in self.tree.siblings() if parent == ROOT)

    def right(self, level: str) -> NDArray[np.bool_]:
        """Return which answers are right at a level, shape (n,)."""
        depth = None if level == "leaf" else int(level.removeprefix("level_"))
        pairs = zip(self.answers, self.truths, strict=True)
        return np.array([answer[:depth] == truth[:depth] for answer, truth in pairs], dtype=np.bool_)

    def confidence(self, level: str) -> Floats:
        """Return the probability of each answer at the top (``level_1``) or of the whole of it (``leaf``)."""
        nodes = self.tree.chains[self._best, 0] if level == "level_1" else self._best
        return np.asarray(np.exp(np.minimum(self.log_probability[np.arange(len(self)), nodes], 0.0)))

    def chains(self) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the confidence of each node on the way to the answer, NaN beyond it, and whether it is right.

        Right is a category that is the product's own or lies above it. Both of shape (n, steps).
        """
        ways = self.tree.chains[self._best]
        known = np.not_equal(ways, ROOT)
        at = np.take_along_axis(self.log_probability, np.maximum(ways, 0), axis=1)
        right = np.zeros(ways.shape, dtype=np.bool_)
        for row, step in zip(*np.nonzero(known), strict=True):
            path = self.tree.paths[ways[row, step]]
            right[row, step] = path == self.truths[row][: len(path)]
        return np.where(known, np.exp(np.minimum(at, 0.0)), np.nan), right

    def probabilities(self, level: str) -> tuple[Floats, Ids]:
        """Return the probability of every class, and the class of each product.

        The last class is for categories that the tree does not know: nothing is ever given to it.
        """
        if level == "level_1":
            nodes = np.arange(self._tops.start, self._tops.stop)
            known = [self.tree.node(truth[:1]) for truth in self.truths]
        else:
            nodes = self.tree.terminals
            known = [self._terminal(truth) for truth in self.truths]
        place = np.full(len(self.tree) + 1, len(nodes), dtype=np.int64)
        place[nodes] = np.arange(len(nodes))
        shares = np.zeros((len(self), len(nodes) + 1))
        shares[:, :-1] = np.exp(np.minimum(self.log_probability[:, nodes], 0.0))
        return shares, place[np.array(known, dtype=np.int64)]

    def _terminal(self, truth: CategoryPath) -> int:
        node = self.tree.terminal(truth)
        return node if node != ROOT and self.tree.paths[node] == truth else ROOT


def judge(log_probability: Floats, truths: Sequence[CategoryPath], *, tree: CategoryTree) -> Judged:
    """Put predictions beside the truth.

    Raises
    ------
    ValueError
        There are no products, or not as many predictions as truths.
    """
    if log_probability.shape != (len(truths), len(tree)) or not len(truths):
        raise ValueError(f"predictions {log_probability.shape} do not fit {len(truths)} products, {len(tree)} nodes")
    return Judged(tree, np.asarray(log_probability, dtype=np.float64), tuple(truths))


def levels_of(tree: CategoryTree) -> tuple[str, ...]:
    """Return the levels at which a tree has something to say: ``level_2`` is one only where there are deeper ones."""
    deepest = int(tree.depths.max())
    return tuple(level for level in LEVELS if level != "level_2" or deepest > 2)


def figures(
    log_probability: Floats,
    truths: Sequence[CategoryPath],
    *,
    tree: CategoryTree,
    before: Floats | None = None,
) -> dict[str, Any]:
    """Return all figures of one set of predictions.

    Parameters
    ----------
    log_probability : ndarray of float, shape (n, nodes)
        Of every node of the tree, made without having seen the product.
    truths : sequence of tuple of str
        The category of each product.
    tree : CategoryTree
    before : ndarray of float, shape (n, nodes), optional
        The same before calibration, to be set beside.

    Returns
    -------
    dict
        ``products``; ``accuracy``, ``top_3`` and ``macro_f1`` by level; ``hierarchical``; ``most_confident``;
        ``calibration`` after (and before) by level; ``coverage`` at each of `TARGETS`; ``curve``; ``categories``.

    Raises
    ------
    ValueError
        There are no products, or the shapes do not fit.
    """
    judged = judge(log_probability, truths, tree=tree)
    found: dict[str, Any] = {"products": len(judged)}
    found["accuracy"] = {level: share_of(judged.right(level)) for level in levels_of(tree)}
    found |= flat_figures(judged)
    found["most_confident"] = most_confident(judged.confidence("level_1"), judged.right("level_1"))
    found["calibration"] = {"after": calibration(judged)}
    if before is not None:
        found["calibration"]["before"] = calibration(judge(before, truths, tree=tree))
    found |= _coverage(judged)
    found["categories"] = [
        {
            "category": list(row.category),
            "precision": rounded(row.precision),
            "recall": rounded(row.recall),
            "f1": rounded(row.f1),
            "support": row.support,
            "answered": row.answered,
        }
        for row in per_category(judged.answers, judged.truths, level=1)
    ]
    return found


def flat_figures(judged: Judged) -> dict[str, Any]:
    """Return the figures that one number says each: top 3, macro F1, precision, recall and F down the tree."""
    top_3, f1 = {}, {}
    for level in ("level_1", "leaf"):
        shares, labels = judged.probabilities(level)
        top_3[level] = rounded(top_k_accuracy(shares, labels, k=3))
        depth = 1 if level == "level_1" else None
        f1[level] = macro_f1([path[:depth] for path in judged.answers], [path[:depth] for path in judged.truths])
    down = hierarchical_scores(judged.answers, judged.truths)
    return {
        "top_3": top_3,
        "macro_f1": {level: rounded(value) for level, value in f1.items()},
        "hierarchical": {name: rounded(getattr(down, name)) for name in ("precision", "recall", "f1")},
    }


def share_of(right: NDArray[np.bool_] | Sequence[bool]) -> dict[str, Any]:
    """Return how many of how many are right: the share, and its 95 % interval (Wilson 1927)."""
    return rate(int(np.count_nonzero(right)), len(right))


def rate(right: int, total: int) -> dict[str, Any]:
    """Return a share of counts with its 95 % interval; no share of nothing."""
    if not total:
        return {"share": None, "low": None, "high": None, "right": 0, "of": 0}
    found = wilson_interval(right, total)
    ends = {"share": rounded(found.mean), "low": rounded(found.low), "high": rounded(found.high)}
    return ends | {"right": right, "of": total}


def most_confident(confidence: Floats, right: NDArray[np.bool_], *, share: float = CONFIDENT_SHARE) -> dict[str, Any]:
    """Return the accuracy among the most confident products."""
    count = max(1, round(share * len(right)))
    order = np.argsort(-confidence, kind="stable")[:count]
    return {"part": share} | share_of(right[order])


def calibration(judged: Judged) -> dict[str, Any]:
    """Return, at the top and for whole answers, ECE with its interval, Brier score, NLL and the reliability diagram."""
    found = {}
    for level in ("level_1", "leaf"):
        confidence, right = np.clip(judged.confidence(level), 0.0, 1.0), judged.right(level)
        resamples = _RESAMPLES if len(judged) <= _MANY else _FEWER_RESAMPLES
        error = expected_calibration_error(confidence, right, bins=_BINS, resamples=resamples)
        shares, labels = judged.probabilities(level)
        found[level] = {
            "ece": rounded(error.value),
            "ece_low": rounded(error.low),
            "ece_high": rounded(error.high),
            "brier": rounded(brier_score(shares, labels)),
            "nll": rounded(negative_log_likelihood(shares, labels)),
            "reliability": [
                {
                    "confidence": rounded(part.confidence),
                    "right": rounded(part.right),
                    "low": rounded(part.right_low),
                    "high": rounded(part.right_high),
                    "count": part.count,
                }
                for part in reliability(confidence, right, bins=_BINS)
            ],
        }
    return found


def _coverage(judged: Judged) -> dict[str, Any]:
    """Return how many products could be answered at each precision if the threshold were chosen in hindsight."""
    curve = coverage_curve(judged.confidence("level_1"), judged.right("level_1"))
    rows = []
    for target in TARGETS:
        enough = np.flatnonzero(curve.precision >= target)
        coverage = float(curve.coverage[enough[-1]]) if enough.size else 0.0
        rows.append({"precision": target, "coverage": rounded(coverage)})
    size = len(curve.coverage)
    shown = np.unique(np.linspace(0, size - 1, min(size, _CURVE_POINTS)).round().astype(np.int64))
    points = [[rounded(float(curve.coverage[at])), rounded(float(curve.precision[at]))] for at in shown.tolist()]
    return {"coverage": rows, "curve": points}


def rounded(value: float) -> float:
    """Round a figure to what is worth writing down."""
    return round(float(value), _DIGITS)

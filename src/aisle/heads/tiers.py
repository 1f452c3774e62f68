"""The cheap experts first: an answer that is sure enough needs no encoder, and one from texts no photo.

Three stages: the terms of the texts; the texts whole, embedded; everything. A cascade answers at the first stage that
is sure enough (Viola & Jones 2001; for classifiers that know how sure they are, Wang et al., "IDK Cascades", 2018).
Imported to predict: numpy only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aisle.heads.answers import GRID, AnswerCounts, answer_depths
from aisle.heads.fused import FusedClassifier, Subset

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]

Tier = Literal["fast", "balanced", "full"]
TIERS: tuple[Tier, ...] = ("fast", "balanced", "full")
"""What may be spent: terms alone; as much as a product needs; everything at once."""

Stage = Literal["terms", "texts", "all"]
STAGES: tuple[Stage, ...] = ("terms", "texts", "all")

NEVER = 2.0
"""An exit that no confidence reaches."""


@dataclass(frozen=True, eq=False)
class Cascade:
    """How the products with one set of fields go through the stages.

    Attributes
    ----------
    exits : ndarray of float, shape (2,)
        From which confidence on in a terminal category the terms, and the texts, answer for the later stages.
    counts : AnswerCounts or None
        Held-out answers of the whole cascade at each threshold; None where there were no products to count.
    """

    exits: Floats
    counts: AnswerCounts | None = None


@dataclass(frozen=True, eq=False)
class Tiers:
    """What is needed beside a classifier to answer cheaply.

    Attributes
    ----------
    terms : FusedClassifier
        The experts on terms alone, with weights and counts of their own.
    cascades : mapping of subset to Cascade
        One for every set of fields.
    """

    terms: FusedClassifier
    cascades: Mapping[Subset, Cascade] = field(default_factory=dict)

    def texts(self, subset: Subset) -> Subset:
        """Return the fields of a subset whose terms are read."""
        return tuple(name for name in subset if name in self.terms.fields)


def leaf_confidence(confidence: Floats) -> Floats:
    """Return how sure each answer is in its terminal category: the last number of each row that is one."""
    last = np.maximum((~np.isnan(confidence)).sum(axis=1) - 1, 0)
    return np.asarray(np.take_along_axis(confidence, last[:, None], axis=1)[:, 0])


def stage_taken(sure: Floats, exits: Floats, threshold: float) -> Ids:
    """Return at which stage each product is answered, an index into `STAGES`.

    Parameters
    ----------
    sure : ndarray of float, shape (2, n)
        Confidence in a terminal category after the terms, and after the texts; not-a-number where there is no such
        stage.
    exits : ndarray of float, shape (2,) or (2, n)
        As in a `Cascade`.
    threshold : float
        From which on an answer is given at all: no stage answers for a later one below it.
    """
    wide = exits[:, None] if exits.ndim == 1 else exits
    early = sure >= np.maximum(wide, threshold)
    return np.where(early[0], 0, np.where(early[1], 1, 2))


def count_cascade(confidence: Floats, right: Mask, exits: Floats, *, grid: Floats = GRID) -> AnswerCounts:
    """Count, at each threshold, which held-out products a cascade would answer and how many of them wrongly.

    Parameters
    ----------
    confidence, right : ndarray, shape (3, n, depths)
        Of the nodes on each product's most probable path at each stage, as `count_answers` takes them; not-a-number
        throughout where a product has no such stage.
    exits : ndarray of float, shape (2, n)
        Chosen without the product.
    grid : ndarray of float, shape (m,)
        Thresholds, ascending.
    """
    sure = np.stack([leaf_confidence(confidence[0]), leaf_confidence(confidence[1])])
    count, depths = confidence.shape[1:]
    by_depth = np.zeros((len(grid), depths), dtype=np.int64)
    wrong = np.zeros(len(grid), dtype=np.int64)
    rows = np.arange(count)
    for place, threshold in enumerate(grid.tolist()):
        stage = stage_taken(sure, exits, threshold)
        at = answer_depths(confidence[stage, rows], threshold)
        given = np.flatnonzero(at >= 0)
        by_depth[place] = np.bincount(at[given], minlength=depths)
        wrong[place] = np.count_nonzero(~right[stage[given], given, at[given]])
    return AnswerCounts(thresholds=grid, answered=by_depth.sum(axis=1), wrong=wrong, by_depth=by_depth, items=count)


def check_tier(tier: str) -> None:
    """Refuse what is no tier.

    Raises
    ------
    ValueError
        With those that there are.
    """
    known: Sequence[str] = TIERS
    if tier not in known:
        raise ValueError(f"tier {tier!r} is none of {', '.join(known)}")

"""The policy of a selective answer, and what it would have answered on held-out items.

Answer with the deepest node of the most probable path whose confidence reaches a threshold; with nothing where none
does. Imported to predict: numpy only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

GRID: Floats = np.round(np.concatenate([np.arange(45) / 50, 1 - np.geomspace(0.1, 1e-5, 56)]), 7)
"""The thresholds that are tested, ascending: even steps up to 0.88, then ever closer to 1. Fixed before any data."""
GRID.setflags(write=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class AnswerCounts:
    """How many held-out items would be answered at each threshold, and how many of them wrongly.

    All that `certify` needs, for whatever precision is asked later; small enough to lie in an engine's folder.

    Attributes
    ----------
    thresholds : ndarray of float, shape (m,)
        Ascending, fixed before the data was seen.
    answered, wrong : ndarray of int, shape (m,)
        Items answered, and those of them answered wrongly.
    by_depth : ndarray of int, shape (m, depths)
        Items answered with a node of that depth, the shallowest first; rows sum to `answered`.
    items : int
        All held-out items, answered or not.

    Raises
    ------
    ValueError
        The shapes or the counts cannot belong together.
    """

    thresholds: Floats
    answered: Counts
    wrong: Counts
    by_depth: Counts
    items: int

    def __post_init__(self) -> None:
        size = (len(self.thresholds),)
        shapes = {self.thresholds.shape, self.answered.shape, self.wrong.shape, self.by_depth.shape[:1]}
        if shapes != {size} or self.by_depth.ndim != 2 or not size[0]:
            raise ValueError("counts of answers need one entry per threshold, and at least one threshold")
        sound = (
            bool((np.diff(self.thresholds) > 0).all())
            and bool(((self.wrong >= 0) & (self.wrong <= self.answered) & (self.answered <= self.items)).all())
            and bool((self.by_depth >= 0).all() and (self.by_depth.sum(axis=1) == self.answered).all())
        )
        if not sound:
            raise ValueError("counts of answers must fit: ascending thresholds, 0 <= wrong <= answered <= items")

    def arrays(self) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
        """Return everything as named arrays, for a file; `from_arrays` reads them."""
        return {
            "thresholds": self.thresholds,
            "answered": self.answered,
            "wrong": self.wrong,
            "by_depth": self.by_depth,
            "items": np.array([self.items], dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, ArrayLike]) -> Self:
        """Read what `arrays` gave.

        Raises
        ------
        ValueError
            An array is missing, or they cannot belong together.
        """
        missing = {"thresholds", "answered", "wrong", "by_depth", "items"} - arrays.keys()
        if missing:
            raise ValueError(f"counts of answers lack {', '.join(sorted(missing))}")
        answered, wrong, by_depth, items = (
            np.asarray(arrays[name], dtype=np.int64) for name in ("answered", "wrong", "by_depth", "items")
        )
        if items.size != 1:
            raise ValueError(f"counts of answers hold {items.size} numbers of items instead of one")
        thresholds = np.asarray(arrays["thresholds"], dtype=np.float64)
        return cls(thresholds=thresholds, answered=answered, wrong=wrong, by_depth=by_depth, items=int(items.flat[0]))


def answer_depths(confidence: ArrayLike, threshold: float) -> NDArray[np.int64]:
    """Return the depth at which each item is answered: the deepest whose confidence is at least `threshold`.

    Parameters
    ----------
    confidence : array of float, shape (n, depths)
        Of the nodes on each item's most probable path, the shallowest first; not-a-number beyond its leaf.
    threshold : float
        From here on an answer is given.

    Returns
    -------
    ndarray of int, shape (n,)
        An index into the columns; -1 where no node is confident enough, so that a person has to look.

    Examples
    --------
    >>> answer_depths([[0.99, 0.7], [0.99, 0.98], [0.6, 0.5]], 0.9).tolist()
    [0, 1, -1]
    """
    enough = np.asarray(confidence, dtype=np.float64) >= threshold
    if not enough.shape[1]:
        return np.full(len(enough), -1, dtype=np.int64)
    deepest = enough.shape[1] - 1 - np.argmax(enough[:, ::-1], axis=1)
    return np.where(enough.any(axis=1), deepest, -1).astype(np.int64)


def count_answers(confidence: ArrayLike, right: ArrayLike, *, grid: ArrayLike = GRID) -> AnswerCounts:
    """Count, at each threshold, which held-out items would be answered and how many of them wrongly.

    The items must be independent of each other and of everything that was learned (near-duplicates: one of each group)
    and come as new products will; the guarantee is about products like these.

    Parameters
    ----------
    confidence : array of float, shape (n, depths)
        Of the nodes on each item's most probable path, the shallowest first; not-a-number beyond its leaf.
    right : array of bool, shape (n, depths)
        Whether that node is the item's true category or lies above it.
    grid : array of float, shape (m,)
        Thresholds, ascending, chosen without looking at these items.

    Raises
    ------
    ValueError
        The two arrays differ in shape, or are not two-dimensional.
    """
    chain, correct = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.bool_)
    if chain.ndim != 2 or chain.shape != correct.shape:
        raise ValueError(f"confidence {chain.shape} and right {correct.shape} must have one shape (items, depths)")
    thresholds = np.array(grid, dtype=np.float64)
    by_depth = np.zeros((len(thresholds), chain.shape[1]), dtype=np.int64)
    wrong = np.zeros(len(thresholds), dtype=np.int64)
    for place, threshold in enumerate(thresholds):
        depths = answer_depths(chain, threshold)
        rows = np.flatnonzero(depths >= 0)
        by_depth[place] = np.bincount(depths[rows], minlength=chain.shape[1])
        wrong[place] = np.count_nonzero(~correct[rows, depths[rows]])
    answered = by_depth.sum(axis=1)
    return AnswerCounts(thresholds=thresholds, answered=answered, wrong=wrong, by_depth=by_depth, items=len(chain))

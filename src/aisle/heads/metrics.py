"""How good answers are: flat, down the taxonomy, and as a function of how many are given.

An answer is a category path; a shorter one stops above the leaf, and an empty one is no answer.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aisle.heads.calibration import labelled
from aisle.product import CategoryPath

Floats = NDArray[np.float64]
Paths = Sequence[CategoryPath]


@dataclass(frozen=True)
class HierarchicalScores:
    """Precision, recall and their harmonic mean over nodes, from 0 to 1; 0 where nothing was answered."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class CategoryScores:
    """How one category fares.

    Attributes
    ----------
    category : tuple of str
        Its path.
    precision : float
        Which share of the answers that name it is right; 0 where none names it.
    recall : float
        Which share of its products was answered with it.
    f1 : float
        Their harmonic mean.
    support, answered : int
        How many products belong to it, and how many answers name it.
    """

    category: CategoryPath
    precision: float
    recall: float
    f1: float
    support: int
    answered: int


@dataclass(frozen=True, eq=False)
class CoverageCurve:
    """What share of items is answered, and rightly, from each threshold on, the most confident first.

    Attributes
    ----------
    coverage, precision, threshold : ndarray of float, shape (t,)
        One entry per distinct confidence: it is the threshold, all items at least as confident are answered.
    """

    coverage: Floats
    precision: Floats
    threshold: Floats


def accuracy(answers: Paths, truths: Paths) -> float:
    """Return the share of answers that are the whole true path; one that stops early is wrong, as is none.

    Raises
    ------
    ValueError
        There are no items, or not as many answers as truths. So do all functions here that take both.
    """
    _check_pairs(answers, truths)
    return sum(answer == truth for answer, truth in zip(answers, truths, strict=True)) / len(truths)


def macro_f1(answers: Paths, truths: Paths) -> float:
    """Return the mean F1 over the categories that are some item's truth, each counting the same."""
    rows = per_category(answers, truths)
    return sum(row.f1 for row in rows) / len(rows)


def per_category(answers: Paths, truths: Paths, *, level: int | None = None) -> list[CategoryScores]:
    """Return one row per category that is some item's truth, the largest first, then by name.

    Parameters
    ----------
    answers, truths : sequence of tuple of str, n each
        The answer and the true category of each item.
    level : int, optional
        Look at the first so many names only, at least 1. Whole paths if not given.
    """
    _check_pairs(answers, truths)
    if level is not None:
        if level < 1:
            raise ValueError(f"level {level}: the first level is 1")
        answers = [answer[:level] for answer in answers]
        truths = [truth[:level] for truth in truths]
    support, answered = Counter(truths), Counter(answers)
    right = Counter(truth for answer, truth in zip(answers, truths, strict=True) if answer == truth)
    rows = [
        CategoryScores(
            category=category,
            precision=_share(right[category], answered[category]),
            recall=_share(right[category], size),
            f1=_share(2 * right[category], answered[category] + size),
            support=size,
            answered=answered[category],
        )
        for category, size in support.items()
    ]
    return sorted(rows, key=lambda row: (-row.support, row.category))


def hierarchical_scores(answers: Paths, truths: Paths) -> HierarchicalScores:
    """Return precision, recall and F over nodes (Kiritchenko, Matwin, Nock & Famili 2006).

    An answer counts as all nodes on its path, so does the truth, the root as none. Precision is the share of the nodes
    answered that are true, recall the share of the true nodes answered, over all items together. An answer that stops
    early costs recall only; no answer adds nothing to precision and costs all of its item's recall.

    Examples
    --------
    >>> hierarchical_scores([("Home", "Mugs"), ("Home",), ()], [("Home", "Lamps"), ("Home", "Mugs"), ("Toys", "Cars")])
    HierarchicalScores(precision=0.6666666666666666, recall=0.3333333333333333, f1=0.4444444444444444)
    """
    _check_pairs(answers, truths)
    shared = sum(_common(answer, truth) for answer, truth in zip(answers, truths, strict=True))
    given, true = sum(map(len, answers)), sum(map(len, truths))
    return HierarchicalScores(_share(shared, given), _share(shared, true), _share(2 * shared, given + true))


def top_k_accuracy(probabilities: ArrayLike, labels: ArrayLike, *, k: int) -> float:
    """Return the share of items whose true class is among the k most probable ones.

    Of equally probable classes the first come first, as they would be shown.

    Parameters
    ----------
    probabilities : array of float, shape (n, K)
    labels : array of int, shape (n,)
    k : int
        At least 1.

    Raises
    ------
    ValueError
        There are no items, shapes or labels do not fit, or k is less than 1.
    """
    if k < 1:
        raise ValueError(f"k {k} must be at least 1")
    shares, truth = labelled(probabilities, labels)
    own = shares[np.arange(len(truth)), truth][:, None]
    earlier = np.arange(shares.shape[1]) < truth[:, None]
    ahead = ((shares > own) | ((shares == own) & earlier)).sum(axis=1)
    return float((ahead < k).mean())


def coverage_curve(confidence: ArrayLike, right: ArrayLike) -> CoverageCurve:
    """Return precision against coverage, as the threshold falls.

    Items of equal confidence stand or fall together: no threshold lies between them.

    Parameters
    ----------
    confidence : array of float, shape (n,)
    right : array of bool, shape (n,)

    Raises
    ------
    ValueError
        There are no items, the shapes differ, or a confidence is not a number.
    """
    levels, sizes, hits = _levels(confidence, right)
    answered = np.cumsum(sizes)
    return CoverageCurve(answered / answered[-1], np.cumsum(hits) / answered, levels)


def area_under_risk_coverage(confidence: ArrayLike, right: ArrayLike) -> float:
    """Return the mean error rate among the k most confident items, over k from 1 to n (AURC: Geifman et al. 2019).

    0 is perfect. Where items are equally confident it is the mean over all orders of them. Parameters and errors are
    those of `coverage_curve`.
    """
    _, sizes, hits = _levels(confidence, right)
    # Any k of a group of equals hold, on average, as large a share of its errors.
    errors = np.cumsum(np.repeat((sizes - hits) / sizes, sizes))
    return float((errors / np.arange(1, len(errors) + 1)).mean())


def _levels(confidence: ArrayLike, right: ArrayLike) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct confidences, descending, how many items have each, and how many of those are right."""
    shown, correct = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.bool_)
    if shown.ndim != 1 or shown.shape != correct.shape or not len(shown):
        raise ValueError(f"confidence {shown.shape} and right {correct.shape} must be lists of one length, not empty")
    if np.isnan(shown).any():
        raise ValueError("a confidence is not a number")
    negated, place, sizes = np.unique(-shown, return_inverse=True, return_counts=True)
    hits = np.bincount(place[correct], minlength=len(negated))
    return -negated, sizes.astype(np.int64), hits.astype(np.int64)


def _common(answer: CategoryPath, truth: CategoryPath) -> int:
    """Return how many names two paths share from the root down."""
    count = 0
    for one, other in zip(answer, truth, strict=False):
        if one != other:
            break
        count += 1
    return count


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _check_pairs(answers: Paths, truths: Paths) -> None:
    if len(answers) != len(truths) or not truths:
        raise ValueError(
            f"{len(answers)} answers for {len(truths)} items: one for each is needed, and at least one item"
        )

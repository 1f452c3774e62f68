"""95 % intervals that say how far a figure can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def cross_validation_interval(scores: Sequence[float], *, folds: int) -> Interval:
    """Return the mean of repeated cross-validation scores and its interval.

    Folds share training rows, so the plain standard error is too small. The correction of Nadeau & Bengio ("Inference
    for the generalization error", Machine Learning 2003) adds the ratio of test to training rows to the variance.

    Parameters
    ----------
    scores : sequence of float
        One score per fold, all repeats together; at least one.
    folds : int
        Folds per repeat, at least two.

    Raises
    ------
    ValueError
        There is no score, or there are fewer than two folds.

    Examples
    --------
    >>> cross_validation_interval([0.9, 0.9, 0.9, 0.9], folds=2)
    Interval(mean=0.9, low=0.9, high=0.9)
    """
    if not len(scores) or folds < 2:
        raise ValueError(f"{len(scores)} scores of {folds} folds: at least one score and two folds are needed")
    found = paired_interval(scores, folds=folds)
    return Interval(found.mean, max(0.0, found.low), min(1.0, found.high))


def paired_interval(differences: Sequence[float], *, folds: int) -> Interval:
    """Return the mean difference of two scores on the same folds and its interval, both from -1 to 1.

    Corrected as `cross_validation_interval` is.

    Parameters
    ----------
    differences : sequence of float
        One per fold, all repeats together; at least one.
    folds : int
        Folds per repeat, at least two.

    Examples
    --------
    >>> paired_interval([0.01, 0.03], folds=2).mean
    0.02
    """
    values = np.asarray(differences, dtype=float)
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, mean, mean)
    spread = float(np.sqrt(values.var(ddof=1) * (1 / len(values) + 1 / (folds - 1))))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * spread
    return Interval(mean, mean - half, mean + half)


def wilson_interval(right: int, total: int) -> Interval:
    """Return a share and its interval (Wilson 1927), which holds for small counts and for shares near 0 and 1.

    Raises
    ------
    ValueError
        There are none in all, or more are right than there are.

    Examples
    --------
    >>> wilson = wilson_interval(199, 210)
    >>> round(wilson.low, 2), round(wilson.high, 2)
    (0.91, 0.97)
    """
    interval = stats.binomtest(right, total).proportion_ci(method="wilson")
    return Interval(right / total, float(interval.low), float(interval.high))

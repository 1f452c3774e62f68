"""How far confidence lies from the share that is right, and what probabilities cost."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aisle.heads.calibration import labelled

Floats = NDArray[np.float64]

_Z95 = 1.959963984540054  # the 97.5th percentile of the normal distribution
_FLOOR = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class CalibrationError:
    """An expected calibration error and the ends of its 95 % interval, all shares from 0 to 1."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ReliabilityBin:
    """The answers whose confidence lies above `low` and up to `high`.

    Attributes
    ----------
    low, high : float
        Ends of the bin; the first bin holds its lower end, too.
    confidence, right : float
        Mean confidence, and the share that is right: equal where the confidence is calibrated.
    count : int
        How many answers, at least one.
    right_low, right_high : float
        95 % interval of the share (Wilson 1927).
    """

    low: float
    high: float
    confidence: float
    right: float
    count: int
    right_low: float
    right_high: float


def expected_calibration_error(
    confidence: ArrayLike,
    right: ArrayLike,
    *,
    bins: int = 15,
    mass: Literal["width", "equal"] = "width",
    resamples: int = 1000,
    seed: int = 0,
) -> CalibrationError:
    """Return how far confidence lies from the share that is right, on average over bins (Naeini et al. 2015).

    Chance alone makes the figure greater than 0, so the usual bootstrap intervals miss a truth of 0. Here the distance
    between the figure and that of endless items in the same bins is bounded by the sum of the bins' own deviations
    (triangle inequality), and that sum is what is bootstrapped: the interval holds the truth in at least 95 %, also
    where nothing is off, and is wider than need be where much is. What confidence does within a bin stays unseen.

    Parameters
    ----------
    confidence : array of float, shape (n,)
        Of the answers given, from 0 to 1.
    right : array of bool, shape (n,)
        Whether the answer is right.
    bins : int
        How many, at least 1.
    mass : {"width", "equal"}
        Bins of equal width, or with equally many answers (equal confidences stay together, so there may be fewer).
    resamples, seed : int
        Of the bootstrap.

    Raises
    ------
    ValueError
        There are no answers, the shapes differ, or a confidence lies outside 0 to 1.
    """
    shown, correct = _answers(confidence, right)
    _, member = _bin(shown, bins, mass)
    excess = correct - shown
    count = len(shown)
    found = np.bincount(member, excess, minlength=bins) / count
    generator = np.random.default_rng(seed)
    deviations = []
    for _ in range(resamples):
        rows = generator.integers(count, size=count)
        again = np.bincount(member[rows], excess[rows], minlength=bins) / count
        deviations.append(float(np.abs(again - found).sum()))
    value, reach = float(np.abs(found).sum()), float(np.quantile(deviations, 0.95))
    return CalibrationError(value, max(0.0, value - reach), min(1.0, value + reach))


def reliability(
    confidence: ArrayLike, right: ArrayLike, *, bins: int = 15, mass: Literal["width", "equal"] = "width"
) -> list[ReliabilityBin]:
    """Return the bins of a reliability diagram, the least confident first; empty ones are left out.

    Parameters and errors are those of `expected_calibration_error`.
    """
    shown, correct = _answers(confidence, right)
    edges, member = _bin(shown, bins, mass)
    rows = []
    for place in np.unique(member).tolist():
        inside = member == place
        count, share = int(inside.sum()), float(correct[inside].mean())
        low, high = _wilson(share, count)
        mean = float(shown[inside].mean())
        rows.append(ReliabilityBin(float(edges[place]), float(edges[place + 1]), mean, share, count, low, high))
    return rows


def brier_score(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean squared distance of probabilities, shape (n, K), from the truth, shape (n,) (Brier 1950).

    Summed over classes: 0 is perfect, 2 is sure and wrong.

    Raises
    ------
    ValueError
        There are no items, the shapes do not fit, or a label is no class.
    """
    shares, truth = labelled(probabilities, labels)
    own = shares[np.arange(len(truth)), truth]
    return float(((shares**2).sum(axis=1) - 2 * own + 1).mean())


def negative_log_likelihood(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean of ``-log(probability of the truth)``, in nats.

    A probability counts as at least the machine's epsilon (36 nats), so that one impossible truth does not hide all
    others. Shapes and errors are those of `brier_score`.
    """
    shares, truth = labelled(probabilities, labels)
    return float(-np.log(np.maximum(shares[np.arange(len(truth)), truth], _FLOOR)).mean())


def _answers(confidence: ArrayLike, right: ArrayLike) -> tuple[Floats, Floats]:
    shown, correct = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.bool_)
    if shown.ndim != 1 or shown.shape != correct.shape or not len(shown):
        raise ValueError(f"confidence {shown.shape} and right {correct.shape} must be lists of one length, not empty")
    if not ((shown >= 0) & (shown <= 1)).all():
        raise ValueError("a confidence must lie between 0 and 1")
    return shown, correct.astype(np.float64)


def _bin(shown: Floats, bins: int, mass: Literal["width", "equal"]) -> tuple[Floats, NDArray[np.int64]]:
    """Return the edges of the bins, one more than bins, and the bin of each answer."""
    if bins < 1:
        raise ValueError(f"{bins} bins: at least one is needed")
    if mass == "width":
        edges = np.linspace(0, 1, bins + 1)
    else:
        ends = np.unique(np.quantile(shown, np.linspace(0, 1, bins + 1)[1:], method="inverted_cdf"))
        edges = np.concatenate([[shown.min()], ends])
    return edges, np.searchsorted(edges[1:-1], shown, side="left").astype(np.int64)


def _wilson(share: float, count: int) -> tuple[float, float]:
    spread = _Z95**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = _Z95 / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)

"""Probabilities that mean what they say: temperature scaling.

Imported to predict: numpy only.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

TEMPERATURES = (0.02, 50.0)
"""The least and the greatest temperature that is ever fitted."""

_STEPS = 200
_TOLERANCE = 1e-9


def log_softmax(logits: ArrayLike, *, temperature: float = 1.0) -> Floats:
    """Return log-probabilities of logits divided by a temperature.

    Parameters
    ----------
    logits : array of float, shape (..., K)
        Below plus infinity; minus infinity for a class that cannot be.
    temperature : float
        Above 0; greater is less sure.

    Returns
    -------
    ndarray of float64, shape (..., K)
        A row in which no class can be knows nothing: all its classes are equally probable.
    """
    scores = np.asarray(logits, dtype=np.float64)
    top = scores.max(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):  # too far below the top to be a number: minus infinity is right
        scores = np.where(top == -np.inf, 0.0, scores - np.where(top == -np.inf, 0.0, top)) / temperature
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True)))


def fit_temperature(logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None) -> float:
    """Fit the temperature that makes held-out labels most probable (Guo, Pleiss, Sun & Weinberger 2017).

    The negative log-likelihood is convex in the inverse temperature; its minimum is found by Newton's method inside a
    bracket. Which class comes first never changes.

    Parameters
    ----------
    logits : array of float, shape (n, K)
        Of items that the classifier was not fitted on; minus infinity for a class it never saw.
    labels : array of int, shape (n,)
        The true classes. An item whose class has logit minus infinity is left out: no temperature can help it.
    weights : array of float, shape (n,), optional
        How much each item counts, not negative; equal if not given.

    Returns
    -------
    float
        Within `TEMPERATURES`; never less likely than 1 on these items. 1 where there is nothing to learn from: no
        items, one class, logits all equal. Where every item is right the likelihood has no maximum (ever colder is
        ever better): then one item more, as sure as the average and wrong, is taken to have been seen.

    Raises
    ------
    ValueError
        Shapes that do not fit, a label that is no class, logits that are not numbers, or negative weights.
    """
    scores, truth, mass = _calibration_items(logits, labels, weights)
    if not len(scores) or scores.shape[1] < 2:
        return 1.0
    target = scores[np.arange(len(truth)), truth]
    coldest, hottest = 1 / TEMPERATURES[0], 1 / TEMPERATURES[1]
    inverse = _newton(scores, target, mass, low=hottest, high=coldest)
    if (target >= scores.max(axis=1)).all():
        others = scores.copy()
        others[np.arange(len(truth)), truth] = -np.inf
        gap = target - others.max(axis=1)
        gap[~np.isfinite(gap)] = 0.0
        inverse = _newton(scores, target - gap / (len(gap) + 1), mass, low=hottest, high=coldest)
    before, after = (_likelihood_loss(scores, target, mass, beta) for beta in (1.0, inverse))
    return 1 / inverse if after < before else 1.0


def labelled(probabilities: ArrayLike, labels: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    """Return both as arrays that fit: shapes (n, K) and (n,), at least one item, each label a column.

    Raises
    ------
    ValueError
        They do not fit.
    """
    shares, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    _check_labels(shares, truth)
    if not len(shares):
        raise ValueError("there are no items: at least one is needed")
    return shares, truth.astype(np.int64)


def _check_labels(scores: Floats, truth: NDArray[np.generic]) -> None:
    if scores.ndim != 2 or truth.shape != scores.shape[:1]:
        raise ValueError(f"scores {scores.shape} and labels {truth.shape} must be (items, classes) and (items,)")
    if len(truth) and not (truth.dtype.kind in "iu" and int(truth.min()) >= 0 and int(truth.max()) < scores.shape[1]):
        raise ValueError(f"labels must be whole numbers from 0 to {scores.shape[1] - 1}")


def _calibration_items(
    logits: ArrayLike, labels: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Return logits with 0 as the greatest of each row, labels and weights of the items that count."""
    scores, truth = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if not scores.size and not truth.size:
        return np.zeros((0, 0)), np.zeros(0, dtype=np.int64), np.zeros(0)
    _check_labels(scores, truth)
    truth = truth.astype(np.int64)
    if np.isnan(scores).any() or (scores == np.inf).any():
        raise ValueError("logits must be numbers below infinity")
    mass = np.ones(len(scores)) if weights is None else np.asarray(weights, dtype=np.float64)
    if mass.shape != truth.shape or not (np.isfinite(mass) & (mass >= 0)).all():
        raise ValueError("weights must be finite and not negative, one for each item")
    counts = (mass > 0) & np.isfinite(scores[np.arange(len(truth)), truth])
    scores = scores[counts]
    return scores - scores.max(axis=1, keepdims=True, initial=-np.inf), truth[counts], mass[counts]


def _newton(scores: Floats, target: Floats, mass: Floats, *, low: float, high: float) -> float:
    """Return where in the bracket ``sum(mass * (log(sum(exp(beta * scores))) - beta * target))`` is least."""
    finite = np.where(np.isfinite(scores), scores, 0.0)  # its probability is 0: times anything finite it adds nothing
    beta = 1.0
    for _ in range(_STEPS):
        chance = np.exp(log_softmax(scores * beta))
        mean = (chance * finite).sum(axis=1)
        slope = float(mass @ (mean - target))
        bend = float(mass @ ((chance * finite**2).sum(axis=1) - mean**2))
        if slope == 0:
            return beta
        low, high = (low, beta) if slope > 0 else (beta, high)
        step = beta - slope / bend if bend > 0 else math.inf
        after = step if low < step < high else math.sqrt(low * high)
        if abs(after - beta) <= _TOLERANCE * beta:
            return after
        beta = after
    return beta


def _likelihood_loss(scores: Floats, target: Floats, mass: Floats, beta: float) -> float:
    return float(mass @ (np.log(np.exp(scores * beta).sum(axis=1)) - beta * target))

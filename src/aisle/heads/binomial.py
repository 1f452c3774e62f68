"""Exact binomial tails and bounds, without scipy: an engine asks for them where only numpy is loaded."""

import math

import numpy as np

_HALVINGS = 200


def binomial_log_cdf(successes: int, trials: int, probability: float) -> float:
    """Return the logarithm of ``P(X <= successes)`` for X of Binomial(`trials`, `probability`).

    The smaller tail is summed from its largest term outwards, each term as a multiple of the one before, so that
    nothing overflows and nothing cancels.

    Parameters
    ----------
    successes : int
        Any; below 0 the result is minus infinity, from `trials` on it is 0.
    trials : int
        At least 0.
    probability : float
        From 0 to 1.

    Examples
    --------
    >>> round(math.exp(binomial_log_cdf(0, 59, 0.05)), 4)
    0.0485
    """
    if successes < 0:
        return -math.inf
    if successes >= trials or probability <= 0:
        return 0.0
    if probability >= 1:
        return -math.inf
    if successes <= trials * probability:
        return min(0.0, _log_tail(successes, trials, probability))
    # The other tail holds more than `successes` successes, i.e. at most the rest of failures.
    return math.log1p(-math.exp(_log_tail(trials - successes - 1, trials, 1 - probability)))


def _log_tail(count: int, trials: int, probability: float) -> float:
    """Return the logarithm of ``P(X <= count)`` for a count at or below the mean."""
    rest = 1 - probability
    ratio = math.log(rest) - math.log(probability)
    first = (
        math.lgamma(trials + 1)
        - math.lgamma(count + 1)
        - math.lgamma(trials - count + 1)
        + count * math.log(probability)
        + (trials - count) * math.log(rest)
    )
    below = np.arange(count, 0, -1, dtype=np.float64)
    steps = np.cumsum(np.log(below) - np.log(trials - below + 1) + ratio)
    return first + math.log1p(float(np.exp(steps).sum()))


def precision_lower_bound(right: int, total: int, *, level: float) -> float:
    """Return the one-sided lower bound of a share (Clopper & Pearson 1934).

    With probability at least ``1 - level`` the true share is not below it.

    Parameters
    ----------
    right, total : int
        How many of how many.
    level : float
        The probability with which the bound may be too high.

    Returns
    -------
    float
        The share at which more wrong ones would have been as good as certain: the largest b with
        ``P(Binomial(total, 1 - b) <= total - right) <= level``; 0 where none is right.

    Examples
    --------
    >>> round(precision_lower_bound(149, 149, level=0.05), 4)
    0.9801
    """
    if right <= 0 or total <= 0:
        return 0.0
    if right >= total:
        return math.exp(math.log(level) / total)
    low, high = 0.0, right / total  # at `low` the test rejects, at `high` it does not
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        if binomial_log_cdf(total - right, total, 1 - middle) <= math.log(level):
            low = middle
        else:
            high = middle
    return low

"""How much a look at a product is worth: risk × volume × novelty."""

import math

from aisle.errors import ReviewError
from aisle.product import Evidence

LEAST_NOVELTY = 0.05
"""Of a product whose twin is labelled: little is learned from it, but not nothing."""


def value(probability: float, volume: float, novelty: float) -> float:
    """Return what a person's look at a product is worth; only the order of values means anything.

    Parameters
    ----------
    probability : float
        How likely the engine's answer is right, in [0, 1]; the rest is the risk.
    volume : float
        How often it is seen or sold, at least 0, finite.
    novelty : float
        How unlike every labelled product it is, in [0, 1].

    Raises
    ------
    ReviewError
        One of them is none of that.

    Examples
    --------
    >>> value(0.75, 8, 0.5)
    1.0
    """
    check_volume(volume)
    for name, share in (("probability", probability), ("novelty", novelty)):
        if not 0 <= share <= 1:
            raise ReviewError(f"{name} {share} must lie between 0 and 1")
    return (1 - probability) * volume * novelty


def check_volume(volume: float) -> None:
    """Refuse a volume that is none.

    Raises
    ------
    ReviewError
        It is negative, infinite or no number.
    """
    if not (math.isfinite(volume) and volume >= 0):
        raise ReviewError(f"volume {volume} must be a finite number of at least 0; give 1 where it is unknown")


def novelty(evidence: Evidence) -> float:
    """Return how unlike every labelled product one is, in [0.05, 1].

    That is 1 less the similarity of the nearest labelled product; 1 where there is none.
    """
    nearest = max((each.similarity for each in evidence.nearest), default=0.0)
    return min(1.0, max(LEAST_NOVELTY, 1.0 - nearest))

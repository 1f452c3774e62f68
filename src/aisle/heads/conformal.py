"""Sets of categories that hold the true one with a stated probability.

Split conformal classification (Vovk, Gammerman & Shafer 2005) with the score ``1 - probability of the truth``, which
gives the smallest sets on average (LAC: Sadinle, Lei & Wasserman 2019), over all items or class by class (Mondrian:
Vovk 2012). Imported to predict: numpy only.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aisle.heads.calibration import labelled

_SLACK = 1e-9  # (n + 1) * (1 - alpha) is often whole but for rounding: 25 * (1 - 0.44) is


@dataclass(frozen=True, kw_only=True, eq=False)
class ConformalRule:
    """Which categories belong in the set: those whose score ``1 - probability`` is at most their class's quantile.

    A new product's set holds its true category with probability at least ``1 - alpha``, on average over calibration
    sets and products, if the product comes as the calibration items did.

    Attributes
    ----------
    alpha : float
        How often the truth may lie outside.
    quantiles : ndarray of float, shape (K,)
        By class, from 0 to 1. At 1 the class is in every set: there were too few items to say more.
    own : ndarray of bool, shape (K,)
        Whether the quantile is the class's own, so that the probability holds among its products alone. The others
        have the quantile of all items, which promises nothing about any single class.
    counts : ndarray of int, shape (K,)
        Calibration items by class.
    """

    alpha: float
    quantiles: NDArray[np.float64]
    own: NDArray[np.bool_]
    counts: NDArray[np.int64]

    def sets(self, probabilities: ArrayLike) -> NDArray[np.bool_]:
        """Return which classes are in the set of each item.

        The most probable class is always in, the first of equals. A set only grows by that, so the truth is in it at
        least as often as without. What is lost is the upper side, ``1 - alpha + 1 / (n + 1)``: where the classifier is
        right more often than ``1 - alpha``, coverage is above what was asked. An item that is like nothing seen shows
        as a set of one, not as an empty one.

        Parameters
        ----------
        probabilities : array of float, shape (n, K)
            Made as those of the calibration items were.

        Returns
        -------
        ndarray of bool, shape (n, K)

        Raises
        ------
        ValueError
            There is another number of classes.
        """
        shares = np.asarray(probabilities, dtype=np.float64)
        if shares.ndim != 2 or shares.shape[1] != len(self.quantiles):
            raise ValueError(
                f"probabilities {shares.shape} must have a column for each of {len(self.quantiles)} classes"
            )
        inside: NDArray[np.bool_] = 1 - shares <= self.quantiles
        inside[np.arange(len(shares)), shares.argmax(axis=1)] = True
        return inside

    @property
    def note(self) -> str:
        """What the sets promise, in plain words."""
        share = f"{round(100 * (1 - self.alpha), 6):g} %"
        total, needed = int(self.counts.sum()), _least_items(self.alpha)
        if self.own.all():
            return f"the set holds the true category of at least {share} of the products of each category"
        if self.own.any():
            return (
                f"the set holds the true category of at least {share} of the products of {self.own.sum()} of "
                f"{len(self.own)} categories; the others have fewer than {needed} calibration items each and share the "
                "quantile of all items, which promises nothing for one category"
            )
        if total < needed:
            return (
                f"{share} needs at least {needed} calibration items; there were {total}, so every set holds everything"
            )
        return f"the set holds the true category of at least {share} of all products, not of each category"


def fit_conformal(
    probabilities: ArrayLike, labels: ArrayLike, *, alpha: float, class_wise: bool = False
) -> ConformalRule:
    """Learn from held-out items how probable the true category has to be to count.

    The quantile is the score of rank ``ceil((n + 1) * (1 - alpha))`` of n; where n is less than that, every class is
    in every set.

    Parameters
    ----------
    probabilities : array of float, shape (n, K)
        Of items that neither the classifier nor its calibration has seen, independent of each other.
    labels : array of int, shape (n,)
        Their true classes.
    alpha : float
        How often the truth may lie outside, between 0 and 1.
    class_wise : bool
        Give each class that has at least ``ceil(1 / alpha) - 1`` items a quantile of its own.

    Raises
    ------
    ValueError
        `alpha` is not between 0 and 1, there are no items, or shapes or labels do not fit.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha {alpha} must lie between 0 and 1, e.g. 0.1 for sets that hold the truth in 90 %")
    shares, truth = labelled(probabilities, labels)
    classes = shares.shape[1]
    scores = 1 - shares[np.arange(len(truth)), truth]
    counts = np.bincount(truth, minlength=classes).astype(np.int64)
    own = counts >= _least_items(alpha) if class_wise else np.zeros(classes, dtype=np.bool_)
    quantiles = np.full(classes, _quantile(scores, alpha))
    for place in np.flatnonzero(own).tolist():
        quantiles[place] = _quantile(scores[truth == place], alpha)
    return ConformalRule(alpha=alpha, quantiles=quantiles, own=own, counts=counts)


def _least_items(alpha: float) -> int:
    """Return from how many items on a quantile says anything: the rank is then at most their number."""
    return math.ceil(1 / alpha - _SLACK) - 1


def _quantile(scores: NDArray[np.float64], alpha: float) -> float:
    rank = math.ceil((len(scores) + 1) * (1 - alpha) - _SLACK)
    if rank > len(scores):
        return 1.0
    return float(np.partition(scores, rank - 1)[rank - 1])

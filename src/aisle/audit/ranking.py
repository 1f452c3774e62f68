"""Ranking labels by how wrong they look, given probabilities from a classifier that has not seen them.

There are many ways to read "wrong" from the probability of the label and that of its strongest rival: the first alone
(self-confidence), their difference or ratio (margins), each relative to what is usual for the category (the class
thresholds of confident learning; Northcutt, Jiang & Chuang 2021). Which serves best depends on the classifier: where it
is often at a loss a low probability says little, where categories overlap a strong rival says little. So the catalogue
itself decides: some labels are changed at random, again and again, and the readings that find the changed ones best
are averaged by rank. Nobody needs to know which labels are really wrong.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

from aisle.audit.kinship import Kinship

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

_DRAWS = 40
_CHANGED = 0.05
"""The share of labels that is changed in each draw."""
_LEFT_OUT = 0.04
"""The share that looks wrong before anything is changed, and would count against the readings that see it."""
_KEPT = 5
_FLOOR = 1e-12


def rank_labels(probabilities: Floats, labels: Ids, *, kinship: Kinship | None = None, seed: int = 0) -> Floats:
    """Rank labels by how wrong they look.

    Parameters
    ----------
    probabilities : ndarray of float, shape (n, classes)
        Of each class for each product, from a classifier that has not seen the product. Rows sum to 1.
    labels : ndarray of int, shape (n,)
        The class that each is filed under.
    kinship : Kinship, optional
        Which classes contradict one another; all of them by default.
    seed : int
        Of the labels that are changed to choose how to rank.

    Returns
    -------
    ndarray of float, shape (n,)
        From 0 to 1, the most suspicious highest. It orders; it is no probability.

    Raises
    ------
    ValueError
        The shapes do not fit, or a label is no class.
    """
    shares, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.int64)
    if shares.ndim != 2 or truth.shape != shares.shape[:1]:
        raise ValueError(f"probabilities {shares.shape} and labels {truth.shape} do not fit: one row per label")
    if len(truth) and (truth.min() < 0 or truth.max() >= shares.shape[1]):
        raise ValueError(f"labels must be from 0 to {shares.shape[1] - 1}")
    if len(truth) < 2 or shares.shape[1] < 2:
        return np.zeros(len(truth))
    kinship = kinship or Kinship.flat(shares.shape[1])
    reader = _Reader(shares, truth, kinship)
    readings = reader.read(truth, np.arange(len(truth)))
    found = rankdata(readings, axis=1)
    merits = _try_out(reader, readings, truth, kinship, suspicion=found.mean(axis=0), seed=seed)
    best = np.argsort(-merits, kind="stable")[:_KEPT]
    return np.asarray((found[best].mean(axis=0) - 1) / (len(truth) - 1))


class _Reader:
    """Reads suspicion from probabilities, in several ways."""

    def __init__(self, shares: Floats, labels: Ids, kinship: Kinship) -> None:
        self._kinship = kinship
        self._shares = shares
        usual = np.ones(shares.shape[1])
        own, _, _ = kinship.weigh(shares, labels)
        sizes = np.bincount(labels, minlength=len(usual))
        sums = np.bincount(labels, weights=own, minlength=len(usual))
        np.divide(sums, sizes, out=usual, where=sizes > 0)
        unusual = shares / np.maximum(usual, 1e-3)
        self._unusual = unusual / np.maximum(unusual.sum(axis=1, keepdims=True), _FLOOR)
        self._entropy = np.log(-(shares * np.log(np.maximum(shares, _FLOOR))).sum(axis=1) + 1e-9)

    def read(self, labels: Ids, rows: Ids) -> Floats:
        """Return each reading of how wrong the labels of some rows look, were they these; shape (readings, rows).

        Higher is worse.
        """
        own, other, _ = self._kinship.weigh(self._shares[rows], labels)
        thin, rival, _ = self._kinship.weigh(self._unusual[rows], labels)
        low, high = np.log(np.maximum(own, _FLOOR)), np.log(np.maximum(other, _FLOOR))
        return np.stack([
            -low,
            high / 2 - low,
            high - low,
            2 * high - low,
            other - own,
            np.sqrt(other) - np.sqrt(own),
            self._entropy[rows] / 2 - low,
            -np.log(np.maximum(thin, _FLOOR)),
            np.sqrt(rival) - np.sqrt(thin),
        ])  # fmt: skip


def _try_out(
    reader: _Reader, readings: Floats, labels: Ids, kinship: Kinship, *, suspicion: Floats, seed: int
) -> Floats:
    """Return how well each reading finds labels that were changed: its mean average precision over draws."""
    rng = np.random.default_rng(seed)
    can_be_wrong = ~np.asarray(kinship.fits.all(axis=1))[labels]
    calm = np.flatnonzero((suspicion <= np.quantile(suspicion, 1 - _LEFT_OUT)) & can_be_wrong)
    count = max(1, round(_CHANGED * len(calm)))
    if len(calm) <= count:
        return np.ones(len(readings))
    scores = []
    for _ in range(_DRAWS):
        places = rng.choice(len(calm), size=count, replace=False)
        wrong = [rng.choice(np.flatnonzero(~kinship.fits[label])) for label in labels[calm[places]].tolist()]
        shown = readings[:, calm]
        shown[:, places] = reader.read(np.array(wrong), calm[places])
        changed = np.zeros(len(calm), dtype=np.bool_)
        changed[places] = True
        scores.append([average_precision_score(changed, reading) for reading in shown])
    return np.asarray(np.mean(scores, axis=0))

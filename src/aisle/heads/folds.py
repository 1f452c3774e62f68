"""Splits for cross-validation: stratified, repeated, and with near-duplicates kept on one side."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

Indices = NDArray[np.int64]


def repeated_folds(
    labels: NDArray[np.int64],
    *,
    folds: int,
    repeats: int,
    groups: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> Iterator[tuple[Indices, Indices]]:
    """Yield train and test rows of repeated stratified folds.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        The category of each row; each needs at least `folds` rows.
    folds, repeats : int
        Folds per repeat, and how often all rows are dealt anew.
    groups : ndarray of int, shape (n,), optional
        Rows of one group (near-duplicates) never lie on both sides of a split.
    seed : int
        Of the first repeat; the others count on from it.

    Yields
    ------
    train, test : ndarray of int
        ``folds * repeats`` pairs; each row is tested once per repeat. Where there are fewer groups than folds there
        are fewer, and none where all rows are one group.
    """
    rows = np.arange(len(labels))
    if groups is not None:
        folds = min(folds, len(np.unique(groups)))
    for seed_of_repeat in range(seed, seed + repeats if folds > 1 else seed):
        if groups is None:
            yield from StratifiedKFold(folds, shuffle=True, random_state=seed_of_repeat).split(rows, labels)
        else:
            dealer = StratifiedGroupKFold(folds, shuffle=True, random_state=seed_of_repeat)
            yield from (pair for pair in dealer.split(rows, labels, groups) if all(side.size for side in pair))

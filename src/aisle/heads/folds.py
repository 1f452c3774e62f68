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
        ``folds * repeats`` pairs; each row is tested once per repeat. With groups there may be fewer: where fewer
        groups than folds exist, some folds would have nothing to learn from or nothing to test, and are left out.
    """
    rows = np.arange(len(labels))
    for repeat in range(repeats):
        if groups is None:
            splitter: StratifiedKFold | StratifiedGroupKFold = StratifiedKFold(
                folds, shuffle=True, random_state=seed + repeat
            )
            yield from splitter.split(rows, labels)
        else:
            splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed + repeat)
            yield from (pair for pair in splitter.split(rows, labels, groups) if all(side.size for side in pair))

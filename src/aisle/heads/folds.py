"""Splits for cross-validation: stratified, repeated, and with near-duplicates kept on one side."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from aisle.heads.tree import CategoryTree

Indices = NDArray[np.int64]

FOLDS = 5
HELD_OUT_ROWS = 20_000
"""Above this many products one part is held out instead of each in turn: it is enough to weigh and to count by."""


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


def held_out_splits(
    terminals: Indices, *, tree: CategoryTree, groups: Indices, seed: int, folds: int = FOLDS
) -> list[tuple[Indices, Indices]]:
    """Deal products so that each is held out once; of many products, one part only.

    Parameters
    ----------
    terminals : ndarray of int, shape (n,)
        The terminal node of each product; the deal is stratified by top category.
    tree : CategoryTree
    groups : ndarray of int, shape (n,)
        Near-duplicates lie on one side.
    seed : int
    folds : int
    """
    dealt = deal_folds(terminals, tree=tree, groups=groups, seed=seed, folds=folds)
    splits = [(np.flatnonzero(dealt != part), np.flatnonzero(dealt == part)) for part in range(folds)]
    splits = [(train, test) for train, test in splits if train.size and test.size]
    return splits[:1] if len(terminals) > HELD_OUT_ROWS else splits


def deal_folds(terminals: Indices, *, tree: CategoryTree, groups: Indices, seed: int, folds: int) -> Indices:
    """Return the fold of each product, from 0; the parameters are those of `held_out_splits`."""
    top = tree.chains[terminals, 0]
    rng = np.random.default_rng(seed)
    count = int(groups.max()) + 1
    # Groups are dealt in a random order, the large first, each to the fold that has least of its category.
    sizes = np.bincount(groups, minlength=count)
    first = np.full(count, len(groups))
    np.minimum.at(first, groups, np.arange(len(groups)))
    order = rng.permutation(count)
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled = np.zeros((folds, len(tree)), dtype=np.int64)
    total = np.zeros(folds, dtype=np.int64)
    fold_of = np.empty(count, dtype=np.int64)
    for group in order.tolist():
        category = top[first[group]]
        fold = min(range(folds), key=lambda fold: (filled[fold, category], total[fold]))
        fold_of[group] = fold
        filled[fold, category] += sizes[group]
        total[fold] += sizes[group]
    return fold_of[groups]

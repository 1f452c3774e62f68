"""Groups of vectors that are nearly the same, found without comparing all pairs where there are many."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from aisle.nearest.found import Alike
from aisle.nearest.lists import Lists
from aisle.nearest.rows import BLOCK, Floats, Ids, Vectors, blocks

_LOOKED_IN = 8
"""Lists that a vector is looked for in: what is nearly the same lies in its own or in one beside it."""

_ROWS = 2048
_PAIRS = 500_000
_ROUNDING = 1e-6


def group_alike(vectors: Vectors, *, at_least: float, lists: Lists | None) -> list[Alike]:
    """Find groups of vectors that are alike.

    Pairs are compared exactly. Without lists these are all pairs; with lists those of which one is in a list that is
    among the nearest to the other, so equal vectors always meet. Groups are connected components: two may share a group
    through a third.

    Parameters
    ----------
    vectors : ndarray of float16, shape (n, d)
        Unit vectors; one of zeros is like nothing.
    at_least : float
        The cosine from which on two are alike, above 0.
    lists : Lists, optional
        Of these vectors.

    Returns
    -------
    list of Alike
        In the order of their first rows.
    """
    groups = np.arange(len(vectors), dtype=np.int64)
    waiting: list[tuple[Ids, Ids]] = []
    for rows, block, others, beside in _all_pairs(vectors) if lists is None else _pairs_in_lists(vectors, lists):
        one, other = np.nonzero(block @ beside.T >= at_least - _ROUNDING)
        one, other = rows[one], others[other]
        apart = groups[one] != groups[other]
        if apart.any():
            waiting.append((one[apart], other[apart]))
        if sum(len(pair[0]) for pair in waiting) > _PAIRS:
            groups, waiting = _join(groups, waiting), []
    groups = _join(groups, waiting)
    order = np.argsort(groups, kind="stable")
    found = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    chosen = sorted((rows for rows in found if len(rows) > 1), key=lambda rows: int(rows[0]))
    return [Alike(rows, _like_first(_whole(vectors[rows]))) for rows in chosen]


def _like_first(unit: Floats) -> Floats:
    found: Floats = np.clip(unit @ unit[0], -1.0, 1.0)
    return found


def _join(groups: Ids, pairs: list[tuple[Ids, Ids]]) -> Ids:
    """Give both ends of every pair the same number."""
    if not pairs:
        return groups
    one, other = (groups[np.concatenate(ends)] for ends in zip(*pairs, strict=True))
    links = coo_array((np.ones(len(one), dtype=np.bool_), (one, other)), shape=(len(groups),) * 2)
    joined: Ids = connected_components(links, directed=False)[1].astype(np.int64)[groups]
    return joined


def _all_pairs(vectors: Vectors) -> Iterator[tuple[Ids, Floats, Ids, Floats]]:
    """Yield blocks to be compared with one another, so that each pair meets."""
    for start, block in blocks(vectors, size=_ROWS):
        rows, unit = np.arange(start, start + len(block)), _whole(block)
        for later, beside in blocks(vectors[start:]):
            yield rows, unit, np.arange(start + later, start + later + len(beside)), _whole(beside)


def _pairs_in_lists(vectors: Vectors, lists: Lists) -> Iterator[tuple[Ids, Floats, Ids, Floats]]:
    """Yield the vectors of each list, to be compared with all that are looked for in it."""
    homes = np.concatenate([lists.homes(block, count=_LOOKED_IN) for _, block in blocks(vectors)])
    seekers = _deal_out(homes.ravel(), len(lists.centres))
    members = _deal_out(lists.of_row, len(lists.centres))
    for inside, looking in zip(members, seekers, strict=True):
        for at in range(0, len(inside), BLOCK):
            there = inside[at : at + BLOCK]
            beside = _whole(vectors[there])
            for first in range(0, len(looking), _ROWS):
                here = looking[first : first + _ROWS] // homes.shape[1]
                yield here, _whole(vectors[here]), there, beside


def _deal_out(homes: NDArray[np.int32], count: int) -> list[Ids]:
    """Return the places at which each list is named; those that name none are left out."""
    order = np.argsort(homes, kind="stable")
    return np.split(order, np.searchsorted(homes[order], np.arange(count + 1)))[1:-1]


def _whole(rows: Vectors | Floats) -> Floats:
    """Return vectors with the length that half precision took a little of, so that equal ones have the cosine 1."""
    exact = rows.astype(np.float32)
    lengths = np.sqrt(np.einsum("nd,nd->n", exact, exact))
    exact /= np.where(lengths > 0, lengths, 1)[:, None]
    return exact

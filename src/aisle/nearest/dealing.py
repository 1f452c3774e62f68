"""Dealing vectors into lists, and finding out how many of these a search has to read."""

import math
from dataclasses import replace

import numpy as np

from aisle.nearest.exact import nearest_of_all
from aisle.nearest.list_search import ListSearch
from aisle.nearest.lists import Lists, faiss
from aisle.nearest.rows import Floats, Ids, Vectors, blocks, unit_rows

RECALL = 0.98
"""The share of the ten nearest that a search has to find among vectors of the index itself. What comes later may be a
little less like them: 0.95 is promised."""

TUNED_FOR = 10
"""How many nearest that is said of."""

_TAUGHT_BY = 40
"""Vectors that each centre is learned from; faiss asks for 39."""
_ROUNDS = 10
_PROBED = 500
_ROUNDING = 1e-6


def deal(vectors: Vectors, *, seed: int = 0) -> tuple[Lists, ListSearch]:
    """Deal vectors into lists, and find out how many of these a search has to read.

    Parameters
    ----------
    vectors : ndarray of float16, shape (n, d)
        Unit vectors, or zeros; at least one of the former.
    seed : int
        Of the draw that centres are learned from.

    Raises
    ------
    MissingExtraError
        faiss is not installed.
    """
    numbers = np.random.default_rng(seed)
    present = np.concatenate([start + np.flatnonzero(block.any(axis=1)) for start, block in blocks(vectors)])
    centres = _learn_centres(_draw(vectors, present, _TAUGHT_BY * _count_lists(len(present)), numbers), seed=seed)
    undealt = Lists(centres, np.empty(0, dtype=np.int32), probes=1, recall=0.0)
    dealt = replace(undealt, of_row=undealt.all_homes(vectors))
    search = ListSearch(dealt, vectors)
    probes, recall = _tune(search, vectors, _draw(vectors, present, _PROBED, numbers), lists=len(centres))
    return replace(dealt, probes=probes, recall=recall), search


def _count_lists(size: int) -> int:
    """Return the power of two near four times the root of the size: finding lists and reading them then cost alike."""
    return max(1, 1 << round(math.log2(4 * math.sqrt(size))))


def _draw(vectors: Vectors, present: Ids, size: int, numbers: np.random.Generator) -> Floats:
    rows = present if size >= len(present) else np.sort(numbers.choice(present, size=size, replace=False))
    return np.asarray(vectors[rows], dtype=np.float32)


def _learn_centres(rows: Floats, *, seed: int) -> Floats:
    """Find centres of unit length by k-means on unit vectors, shape (c, d)."""
    count = max(1, len(rows) // _TAUGHT_BY)
    means = faiss().Kmeans(
        rows.shape[1], count, niter=_ROUNDS, seed=seed, spherical=True, max_points_per_centroid=_TAUGHT_BY + 1,
        min_points_per_centroid=1,
    )  # fmt: skip
    means.train(rows)
    return unit_rows(means.centroids)


def _tune(search: ListSearch, vectors: Vectors, asked: Floats, *, lists: int) -> tuple[int, float]:
    """Return the fewest probes, a power of two or all, that find enough; and the share that they find."""
    count = min(TUNED_FOR + 1, len(vectors))  # each finds itself as well
    least = nearest_of_all(asked, vectors, count=count)[1][:, -1:]
    probes = 1
    while True:
        found = search.search(asked, count=count, probes=probes)[1]
        # By similarity, as of equals any will do; of the last digit, which the order of sums decides, nothing is made.
        recall = (float((found >= least - _ROUNDING).mean()) * count - 1) / max(count - 1, 1)
        if recall >= RECALL or probes >= lists:
            return probes, recall
        probes = min(2 * probes, lists)

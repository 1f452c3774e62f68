"""The most similar vectors by comparing with all of them, in bounded memory."""

import numpy as np

from aisle.nearest.rows import Floats, Ids, Vectors, blocks

NONE = -1
"""The row of a neighbour that there is not; its similarity is minus infinity."""

_QUERIES = 1024


def nearest_of_all(queries: Floats, vectors: Vectors, *, count: int) -> tuple[Ids, Floats]:
    """Return the most similar of all vectors.

    Parameters
    ----------
    queries : ndarray of float32, shape (q, d)
        Unit vectors; one of zeros is like nothing.
    vectors : ndarray of float16, shape (n, d)
        Unit vectors; those of zeros are never found.
    count : int
        How many to return, at least 1.

    Returns
    -------
    rows : ndarray of int, shape (q, count)
        The most similar first, of equals that with the lower number; -1 where there are no more.
    similarities : ndarray of float32, shape (q, count)
        Cosines; minus infinity where there are no more.
    """
    rows = np.full((len(queries), count), NONE, dtype=np.int64)
    similarities = np.full((len(queries), count), -np.inf, dtype=np.float32)
    for at in range(0, len(queries), _QUERIES):
        part = slice(at, at + _QUERIES)
        asked = queries[part]
        for start, block in blocks(vectors):
            found = asked @ block.T
            found[:, ~block.any(axis=1)] = -np.inf
            found[~asked.any(axis=1)] = -np.inf
            _merge(rows[part], similarities[part], found, start)
    return rows, similarities


def _merge(rows: Ids, similarities: Floats, found: Floats, start: int) -> None:
    """Put what is better than the last of those kept in its place, in order."""
    count = rows.shape[1]
    better = found > similarities[:, -1:]
    if count < found.shape[1]:
        crowded = np.flatnonzero(better.sum(axis=1) > count)
        # The smallest that is still among the best of the block; equals of it stay, to be told apart by their row.
        least = -np.partition(-found[crowded], count - 1, axis=1)[:, count - 1 : count]
        better[crowded] = found[crowded] >= least
    query, column = np.nonzero(better)
    everyone = np.concatenate([np.repeat(np.arange(len(rows)), count), query])
    values = np.concatenate([similarities.ravel(), found[query, column]])
    names = np.concatenate([rows.ravel(), start + column])
    order = np.lexsort((names, -values, everyone))
    first = np.searchsorted(everyone[order], np.arange(len(rows)))
    chosen = order[first[:, None] + np.arange(count)]
    rows[:], similarities[:] = names[chosen], values[chosen]

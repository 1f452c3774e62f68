"""k-means over many seeds.

The study asks how good clusters are *on average over seeds*, which is a hundred runs of ten starts for each of several
dozen feature sets. Run one by one, the time goes into small matrix products and into overhead. Here all starts of a
seed advance together: the distances of every product to the centres of every start are one matrix product, and so are
the new centres. Same algorithm as scikit-learn's (greedy k-means++ starts, Lloyd's iterations, the start with the least
inertia wins; Arthur & Vassilvitskii 2007), at several times its rate (``benchmarks/kmeans.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from aisle.encode.parallel import map_threads

Array = NDArray[np.float32]

KMEANS_VERSION = 2
"""Goes up whenever the same rows and seeds could give other clusters."""

_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Clustering:
    """The clusters found from one seed.

    Attributes
    ----------
    labels : ndarray of int32, shape (n,)
        The cluster of each row.
    inertia : float
        Sum of squared distances to the cluster's centre.
    """

    labels: NDArray[np.int32]
    inertia: float


def kmeans(
    X: Array,
    *,
    clusters: int,
    seeds: int | Sequence[int],
    starts: int = 10,
    iterations: int = 300,
    threads: int = 1,
) -> list[Clustering]:
    """Cluster the rows of a matrix from many seeds.

    Parameters
    ----------
    X : ndarray of float32, shape (n, d)
        One row per product.
    clusters : int
        How many clusters, at most n.
    seeds : int or sequence of int
        The seeds, or how many from 0 on; a seed gives the same result whatever the other seeds.
    starts : int
        Starts per seed, of which the one with the least inertia counts.
    iterations : int
        Lloyd iterations at most.
    threads : int
        Cores to use.

    Returns
    -------
    list of Clustering
        One per seed.

    Raises
    ------
    ValueError
        There are fewer rows than clusters, no cluster is asked for, or a number is not finite.
    """
    return list(
        iterate_kmeans(X, clusters=clusters, seeds=seeds, starts=starts, iterations=iterations, threads=threads)
    )


def iterate_kmeans(
    X: Array,
    *,
    clusters: int,
    seeds: int | Sequence[int],
    starts: int = 10,
    iterations: int = 300,
    threads: int = 1,
) -> Iterator[Clustering]:
    """Do the same as `kmeans`, and yield the result of each seed as it comes."""
    if not 1 <= clusters <= len(X):
        raise ValueError(f"{clusters} clusters of {len(X)} rows: choose from 1 to {len(X)}")
    if not np.isfinite(X).all():
        raise ValueError("rows to cluster hold numbers that are not finite")
    X = _rotate(np.ascontiguousarray(X, dtype=np.float32))

    def work(seed: int) -> Clustering:
        return _cluster(X, seed, clusters=clusters, starts=starts, iterations=iterations)

    # One thread of BLAS each: how many runs share a matrix product must not depend on what else is computed.
    with threadpool_limits(limits=1, user_api="blas"):
        yield from map_threads(work, range(seeds) if isinstance(seeds, int) else seeds, threads=threads)


def _rotate(X: Array) -> Array:
    """Centre the rows and turn them into the space they span: same distances, fewer columns where d > n.

    float32 keeps distances exact to about 1e-6 of the spread, once the mean is gone.
    """
    centred: Array = X - X.mean(axis=0, dtype=np.float64).astype(np.float32)
    if X.shape[1] <= X.shape[0]:
        return centred
    values, vectors = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    keep = values > max(values[-1], 0) * 1e-9
    if not keep.any():
        return centred[:, :1]  # all rows are equal
    return np.ascontiguousarray(vectors[:, keep] * np.sqrt(values[keep]), dtype=np.float32)


def _cluster(X: Array, seed: int, *, clusters: int, starts: int, iterations: int) -> Clustering:
    """Run all starts of one seed together and keep the best."""
    norms = np.einsum("nd,nd->n", X, X)
    centres = _plus_plus(X, norms, clusters, starts, np.random.default_rng([seed, clusters]))
    tolerance = _TOLERANCE * float(X.var(axis=0).mean())
    active = np.arange(starts)
    for _ in range(iterations):
        labels, nearest = _assign(X, norms, centres[active])
        moved = _update(X, labels, nearest, centres[active])
        shift = ((moved - centres[active]) ** 2).sum(axis=(1, 2))
        centres[active] = moved
        active = active[shift > tolerance]
        if not active.size:
            break
    labels, nearest = _assign(X, norms, centres)
    inertia = nearest.sum(axis=1, dtype=np.float64)
    best = int(inertia.argmin())
    return Clustering(labels[best], float(inertia[best]))


def _plus_plus(X: Array, norms: Array, clusters: int, runs: int, rng: np.random.Generator) -> Array:
    """Draw starting centres, each far from those before: shape (runs, clusters, d); greedy, as scikit-learn does."""
    n = X.shape[0]
    trials = 2 + int(np.log(clusters))
    chosen = rng.integers(n, size=(runs, 1))
    nearest = _distances(X, norms, chosen[:, 0])
    for _ in range(1, clusters):
        cumulative = np.cumsum(nearest, axis=1, dtype=np.float64)
        draws = rng.random((runs, trials)) * cumulative[:, -1:]
        candidates = np.stack(
            [np.searchsorted(row, draw).clip(0, n - 1) for row, draw in zip(cumulative, draws, strict=True)]
        )
        reach = _distances(X, norms, candidates.ravel()).reshape(runs, trials, n)
        np.minimum(reach, nearest[:, None, :], out=reach)
        best = reach.sum(axis=2).argmin(axis=1)
        nearest = reach[np.arange(runs), best]
        chosen = np.column_stack([chosen, candidates[np.arange(runs), best]])
    return X[chosen]


def _distances(X: Array, norms: Array, rows: NDArray[np.int64]) -> Array:
    """Squared distances from the given rows to all rows, shape (len(rows), n)."""
    squared: Array = X[rows] @ X.T
    squared *= -2
    squared += norms
    squared += norms[rows][:, None]
    np.maximum(squared, 0, out=squared)
    return squared


def _assign(X: Array, norms: Array, centres: Array) -> tuple[NDArray[np.int32], Array]:
    """Return the nearest centre of each row and the squared distance to it, both (runs, n)."""
    runs, clusters, d = centres.shape
    flat = centres.reshape(-1, d)
    scores = flat @ X.T
    scores *= -2
    scores += np.einsum("cd,cd->c", flat, flat)[:, None]
    scores = scores.reshape(runs, clusters, -1)
    best = scores[:, 0].copy()
    labels = np.zeros(best.shape, dtype=np.int32)
    for cluster in range(1, clusters):
        closer = scores[:, cluster] < best
        labels[closer] = cluster
        np.minimum(best, scores[:, cluster], out=best)
    best += norms
    return labels, np.maximum(best, 0, out=best)


def _update(X: Array, labels: NDArray[np.int32], nearest: Array, centres: Array) -> Array:
    """Return the mean of each cluster, (runs, clusters, d); an empty one takes the farthest row of its run."""
    runs, clusters, _ = centres.shape
    n = len(X)
    members = (labels[:, None, :] == np.arange(clusters, dtype=np.int32)[:, None]).astype(np.float32)
    counts = members.sum(axis=2)
    sums = (members.reshape(-1, n) @ X).reshape(runs, clusters, -1)
    for run, cluster in zip(*np.nonzero(counts == 0), strict=True):
        alone = counts[run, labels[run]] <= 1  # taking its only row would leave another cluster empty
        far = int(np.where(alone, 0, nearest[run]).argmax())
        if alone[far] or nearest[run, far] <= 0:
            continue
        home = labels[run, far]
        nearest[run, far] = 0
        sums[run, home] -= X[far]
        counts[run, home] -= 1
        sums[run, cluster] = X[far]
        counts[run, cluster] = 1
    means = sums / np.maximum(counts, 1)[:, :, None]
    return np.where(counts[:, :, None] > 0, means, centres).astype(np.float32)

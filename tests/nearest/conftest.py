"""Vectors that lie in heaps, as embeddings do, and what is nearest by the plainest arithmetic there is."""

import numpy as np
import pytest

from aisle.nearest import NearestIndex


def draw_heaps(count, *, dimension=24, heaps=40, seed=0):
    """Draw unit vectors around the middles of some heaps, which are the same for every seed."""
    middles = np.random.default_rng(99).standard_normal((heaps, dimension))
    numbers = np.random.default_rng(seed)
    rows = middles[numbers.integers(heaps, size=count)] + 0.6 * numbers.standard_normal((count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def heaps():
    return draw_heaps


@pytest.fixture
def brute_force():
    """Return a function that sorts all cosines in double precision; of equals the first comes first."""

    def nearest(queries, vectors, count):
        exact = np.asarray(queries, dtype=np.float64) @ np.asarray(vectors, dtype=np.float64).T
        order = np.argsort(-exact, axis=1, kind="stable")[:, :count]
        return order, np.take_along_axis(exact, order, axis=1)

    return nearest


@pytest.fixture
def build():
    """Return a function that indexes vectors under the names p0, p1, ..."""

    def run(vectors, **options):
        return NearestIndex.build(vectors, [f"p{row}" for row in range(len(vectors))], **options)

    return run


@pytest.fixture
def listed(build, heaps):
    """An index of 3,000 vectors that reads lists."""
    pytest.importorskip("faiss")
    return build(heaps(3000), exact_below=1000)

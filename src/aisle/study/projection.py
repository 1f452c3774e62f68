"""Two-dimensional maps (t-SNE; van der Maaten & Hinton 2008), for the eye only: nothing is clustered on them."""

import io

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from aisle.cache import KeyedStore
from aisle.files import sha256_bytes
from aisle.settings import Settings

_COMPONENTS = 50
_FEWEST = 5
_ROWS_PER_THREAD = 500  # with fewer, threads wait for each other more than they work
_SEED = 0
PROJECTION_VERSION = 1
"""Goes up whenever the same rows could give another map."""

Array = NDArray[np.float32]


def project(matrix: Array, present: NDArray[np.bool_], *, settings: Settings) -> Array:
    """Place products on a plane so that neighbours stay neighbours.

    Parameters
    ----------
    matrix : ndarray of float32, shape (n, d)
        One row per product.
    present : ndarray of bool, shape (n,)
        Rows that count.
    settings : Settings
        Cache and cores.

    Returns
    -------
    ndarray of float32, shape (n, 2)
        Not-a-number where a product has no row. Seeded: the same rows give the same map.
    """
    rows = np.ascontiguousarray(matrix[present])
    store = KeyedStore(settings.cache_dir / "study" / "maps.sqlite")
    key = sha256_bytes(rows.tobytes() + f"{rows.shape} {PROJECTION_VERSION}".encode())
    kept = store.get([key]).get(key)
    if kept is None:
        points = _place(rows, threads=settings.threads)
        buffer = io.BytesIO()
        np.save(buffer, points, allow_pickle=False)
        store.put({key: buffer.getvalue()})
    else:
        points = np.load(io.BytesIO(kept), allow_pickle=False)
    whole = np.full((len(matrix), 2), np.nan, dtype=np.float32)
    whole[present] = points
    return whole


def _place(rows: Array, *, threads: int) -> Array:
    n = len(rows)
    if n < _FEWEST or not np.ptp(rows, axis=0).any():
        return np.zeros((n, 2), dtype=np.float32)
    components = min(_COMPONENTS, *rows.shape)
    reduced = PCA(components, random_state=_SEED).fit_transform(rows)
    if components == 1:
        reduced = np.column_stack([reduced, np.zeros(n)])  # a plane is begun from two components
    perplexity = min(30.0, (n - 1) / 3)
    threads = min(threads, 1 + n // _ROWS_PER_THREAD)
    model = TSNE(init="pca", perplexity=perplexity, random_state=_SEED, n_jobs=threads)
    with threadpool_limits(limits=threads):  # its gradient asks OpenMP, not `n_jobs`, how many threads to use
        return np.asarray(model.fit_transform(reduced), dtype=np.float32)

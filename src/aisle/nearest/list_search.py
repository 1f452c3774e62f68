"""Reading lists: the most similar vectors of those that are likely to be."""

import numpy as np
from numpy.typing import NDArray

from aisle.nearest.exact import NONE
from aisle.nearest.lists import Lists, faiss
from aisle.nearest.rows import Floats, Ids, Vectors, blocks


class ListSearch:
    """Vectors in lists, in memory, which several threads may search at once.

    Parameters
    ----------
    lists : Lists
    vectors : ndarray of float16, shape (n, d)
    """

    def __init__(self, lists: Lists, vectors: Vectors) -> None:
        library = faiss()
        count, dimension = lists.centres.shape
        half, cosine = library.ScalarQuantizer.QT_fp16, library.METRIC_INNER_PRODUCT
        self._index = library.IndexIVFScalarQuantizer(lists.flat, dimension, count, half, cosine, False)
        self._index.train(lists.centres[:1])  # half precision has nothing to learn
        self._asking = library.SearchParametersIVF
        self._most = count
        self.add(vectors, lists.of_row, first=0)

    def add(self, vectors: Vectors, homes: NDArray[np.int32], *, first: int) -> None:
        """Put vectors into their lists, numbered from `first`."""
        swig_ptr = faiss().swig_ptr
        for start, block in blocks(vectors):
            rows = np.arange(first + start, first + start + len(block), dtype=np.int64)
            lists = homes[start : start + len(block)].astype(np.int64)
            self._index.add_core(len(block), swig_ptr(block), swig_ptr(rows), swig_ptr(lists))

    def search(self, queries: Floats, *, count: int, probes: int) -> tuple[Ids, Floats]:
        """Return the most similar vectors of the nearest lists, as `nearest_of_all` returns those of all.

        Parameters
        ----------
        queries : ndarray of float32, shape (q, d)
        count : int
            How many to return.
        probes : int
            How many lists to read.
        """
        asking = self._asking(nprobe=min(probes, self._most))
        found, rows = self._index.search(np.ascontiguousarray(queries), count, params=asking)
        rows[~queries.any(axis=1)] = NONE
        found[rows == NONE] = -np.inf
        order = np.lexsort((rows, -found))
        return np.take_along_axis(rows, order, axis=1), np.take_along_axis(found, order, axis=1)

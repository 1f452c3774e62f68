"""Vectors dealt into lists by their nearest centre, so that a search reads a few lists and not everything.

An inverted file (Jégou, Douze & Schmid, "Product quantization for nearest neighbor search", 2011, section 4), with
vectors in half precision. Equal vectors are always in one list: a copy is never missed. faiss finds the centres and
reads the lists; what is kept are plain arrays, so that no file of its own format is ever read.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.extras import require
from aisle.nearest.rows import Floats, Ids, Vectors, blocks

NOWHERE = -1
"""The list of a vector of zeros."""


@dataclass(frozen=True, eq=False)
class Lists:
    """Which vector is in which list.

    Attributes
    ----------
    centres : ndarray of float32, shape (c, d)
        Of unit length.
    of_row : ndarray of int32, shape (n,)
        The list of each vector; -1 for one of zeros.
    probes : int
        How many lists a search reads.
    recall : float
        The share of the ten nearest that were found so when the lists were made.
    """

    centres: Floats
    of_row: NDArray[np.int32]
    probes: int
    recall: float

    def homes(self, rows: Floats, *, count: int = 1) -> NDArray[np.int32]:
        """Return the lists nearest to some vectors, the nearest first, shape (n, count); -1 for one of zeros."""
        found: Ids = self.flat.search(np.ascontiguousarray(rows), min(count, len(self.centres)))[1]
        found[~rows.any(axis=1)] = NOWHERE
        return found.astype(np.int32)

    def all_homes(self, vectors: Vectors) -> NDArray[np.int32]:
        """Return the list of each of many vectors, shape (n,)."""
        found = [self.homes(block)[:, 0] for _, block in blocks(vectors)]
        return np.concatenate([np.empty(0, dtype=np.int32), *found])

    @cached_property
    def flat(self) -> Any:
        """The centres as faiss searches them."""
        found = faiss().IndexFlatIP(self.centres.shape[1])
        found.add(np.ascontiguousarray(self.centres))
        return found


def faiss() -> Any:
    """Return the library that finds centres and reads lists.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    return require("faiss", extra="nearest")

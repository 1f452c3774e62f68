"""What an index answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from aisle.nearest.exact import NONE
from aisle.nearest.rows import Floats, Ids


@dataclass(frozen=True, eq=False)
class Found:
    """The most similar vectors for some queries.

    Attributes
    ----------
    rows : ndarray of int64, shape (q, k)
        Their places in the index, the most similar first, of equals the one that was added first; -1 where there are no
        more. k is what was asked, or the size of the index if that is smaller.
    similarities : ndarray of float32, shape (q, k)
        Cosines, from -1 to 1; minus infinity where there are no more.
    """

    rows: Ids
    similarities: Floats
    _ids: Sequence[str]

    @cached_property
    def ids(self) -> list[list[str]]:
        """The ids, for each query as many as were found."""
        return [[self._ids[row] for row in found if row != NONE] for found in self.rows.tolist()]


@dataclass(frozen=True, eq=False)
class Alike:
    """Vectors that are nearly the same, each like another of the group.

    Attributes
    ----------
    rows : ndarray of int64, shape (m,)
        Their places in the index, ascending; two or more.
    similarities : ndarray of float32, shape (m,)
        The cosine of each with the first.
    """

    rows: Ids
    similarities: Floats

"""Many short texts as two arrays, which may lie in files that are only mapped into memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from aisle.errors import NearestError


@dataclass(frozen=True, eq=False)
class Texts(Sequence[str]):
    """A sequence of texts.

    Attributes
    ----------
    letters : ndarray of uint8
        All of them in UTF-8, one after the other.
    ends : ndarray of int64, shape (n,)
        Where each ends.
    """

    letters: NDArray[np.uint8]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Texts":
        """Pack some texts; half of a surrogate pair, which UTF-8 cannot hold, becomes a question mark."""
        encoded = [text.encode("utf-8", "replace") for text in texts]
        ends = np.cumsum([len(each) for each in encoded], dtype=np.int64)
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), ends)

    def __add__(self, others: "Texts") -> "Texts":
        """Return these and then the others."""
        ends = np.concatenate([self.ends, len(self.letters) + others.ends])
        return Texts(np.concatenate([self.letters, others.letters]), ends)

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(f"there are {len(self):,} texts, and no number {row}")
        row %= len(self)
        start = int(self.ends[row - 1]) if row else 0
        return self.letters[start : int(self.ends[row])].tobytes().decode("utf-8", "replace")

    def sound(self) -> bool:
        """Say whether every text ends where it can, and the last where the letters do."""
        ends = self.ends
        last = int(ends[-1]) if len(ends) else 0
        return last == len(self.letters) and (not len(ends) or (int(ends[0]) >= 0 and bool((np.diff(ends) >= 0).all())))


def pack_ids(ids: Sequence[str], *, count: int) -> Texts:
    """Pack as many ids as there are vectors.

    Raises
    ------
    NearestError
        There are more or fewer, or one is no text.
    """
    if isinstance(ids, str) or len(ids) != count:
        raise NearestError(f"{len(ids)} ids for {count} vectors: there must be one each")
    given: Sequence[object] = ids
    for foreign in (each for each in given if not isinstance(each, str)):
        raise NearestError(f"an id is text, not {type(foreign).__name__}: {foreign!r:.60}")
    return Texts.of(ids)

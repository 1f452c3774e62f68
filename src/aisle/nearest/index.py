"""An index of vectors: the most similar of them, exactly while they are few, nearly so and fast when they are many."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from aisle.errors import NearestError
from aisle.nearest.alike import group_alike
from aisle.nearest.dealing import TUNED_FOR, deal
from aisle.nearest.exact import NONE, nearest_of_all
from aisle.nearest.folder import open_folder
from aisle.nearest.folder_writer import FolderWriter
from aisle.nearest.found import Alike, Found
from aisle.nearest.list_search import ListSearch
from aisle.nearest.lists import Lists
from aisle.nearest.rows import BLOCK, Floats, Ids, Vectors, check_shape, halved, unit_rows
from aisle.nearest.stored import list_columns, read_index, reading, text_columns
from aisle.nearest.texts import Texts, pack_ids

EXACT_BELOW = 100_000
"""With so many vectors a search begins to read lists instead of everything."""


class NearestIndex:
    """Vectors with an id each, compared by cosine. Several threads may search at once, while none adds.

    Vectors are kept with unit length in half precision, which moves a cosine by less than 0.001. Below `EXACT_BELOW` of
    them a search compares with all. From there on it reads the lists of the nearest centres, as many as find 98 % of
    the ten nearest of vectors of the index itself, and needs the extra ``nearest``. A vector of zeros is like nothing
    and is never found.

    >>> index = NearestIndex.build([[1, 0], [0, 1], [3, 3]], ["a", "b", "c"])
    >>> index.search([[2, 0]], 2).ids
    [['a', 'c']]
    """

    def __init__(self, vectors: Vectors, ids: Texts, *, lists: Lists | None = None) -> None:
        self.vectors = vectors
        self.ids = ids
        self.lists = lists

    @classmethod
    def build(cls, vectors: Any, ids: Sequence[str], *, exact_below: int = EXACT_BELOW) -> "NearestIndex":
        """Make an index.

        Parameters
        ----------
        vectors : array of numbers, shape (n, d)
            Brought to unit length here. Centre them before, if they have a common direction.
        ids : sequence of str
            One each; they are not compared with one another.
        exact_below : int
            From how many vectors on a search may be approximate.

        Raises
        ------
        NearestError
            The vectors are no such array or hold what is no finite number, or there is not one id each.
        MissingExtraError
            There are many vectors, and faiss is not installed.
        """
        rows = halved(vectors)
        return cls.over(rows, pack_ids(ids, count=len(rows)), exact_below=exact_below)

    @classmethod
    def over(cls, vectors: Vectors, ids: Texts, *, exact_below: int = EXACT_BELOW) -> "NearestIndex":
        """Make an index over vectors that are as `build` would keep them; they are not copied."""
        index = cls(vectors, ids)
        if len(vectors) >= exact_below:
            index._deal()
        return index

    def add(self, vectors: Any, ids: Sequence[str], *, exact_below: int = EXACT_BELOW) -> None:
        """Add vectors at the end.

        Lists that there are stay as they are: once an index has become many times as large, build it anew. Parameters
        and errors are those of `build`; vectors have to have the dimension of the index.
        """
        rows = halved(vectors, dimension=self.dimension)
        names, before = pack_ids(ids, count=len(rows)), len(self)
        homes = None if self.lists is None else self.lists.all_homes(rows)
        self.vectors, self.ids = np.concatenate([self.vectors, rows]), self.ids + names
        if self.lists is not None and homes is not None:
            if "_search" in self.__dict__:
                self._search.add(rows, homes, first=before)
            self.lists = replace(self.lists, of_row=np.concatenate([self.lists.of_row, homes]))
        elif len(self) >= exact_below:
            self._deal()

    def search(self, queries: Any, k: int = 10) -> Found:
        """Find the vectors that are most like some others.

        Parameters
        ----------
        queries : array of numbers, shape (q, d)
        k : int
            How many for each, at least 1. What is said of lists holds for ten; more read more of them.

        Raises
        ------
        NearestError
            The queries are no such array or of another dimension, or k is none.
        MissingExtraError
            The index has lists, and faiss is not installed.
        """
        if k < 1:
            raise NearestError(f"{k} nearest cannot be found; ask for 1 or more")
        given, count = check_shape(queries, dimension=self.dimension), min(k, len(self))
        rows = np.empty((len(given), count), dtype=np.int64)
        similarities = np.empty((len(given), count), dtype=np.float32)
        for start in range(0, len(given), BLOCK):
            part = slice(start, start + BLOCK)
            rows[part], similarities[part] = self._nearest(unit_rows(given[part], first=start), count)
        found = np.isfinite(similarities)
        similarities[found] = np.clip(similarities[found], -1.0, 1.0)
        return Found(rows, similarities, self.ids)

    def duplicates(self, *, at_least: float = 0.95) -> list[Alike]:
        """Find groups of vectors that are nearly the same: each is like another of its group.

        Parameters
        ----------
        at_least : float
            The cosine from which on two are, above 0 and at most 1.

        Raises
        ------
        NearestError
            There is no such cosine.
        MissingExtraError
            The index has lists, and faiss is not installed.
        """
        if not 0 < at_least <= 1:
            raise NearestError(f"a similarity of {at_least:g} is not above 0 and at most 1; e.g. 0.95")
        return group_alike(self.vectors, at_least=at_least, lists=self.lists)

    def save(self, folder: str | Path) -> None:
        """Write the index to a folder; one that is there is replaced in one step.

        Raises
        ------
        NearestError
            The folder holds anything but an index.
        DiskFullError
            The disk is full; what was there is untouched.
        """
        lists, about = list_columns(self.lists)
        with FolderWriter(Path(folder)) as writer:
            for name, array in {"vectors": self.vectors, **text_columns("ids", self.ids), **lists}.items():
                writer.append(name, array)
            writer.commit(about)

    @classmethod
    def load(cls, folder: str | Path) -> "NearestIndex":
        """Open an index: its files are compared with their hashes and mapped into memory, and none of them is believed.

        Raises
        ------
        NearestError
            There is none, or it is damaged, or of a newer format.
        """
        columns, about = open_folder(Path(folder))
        with reading(Path(folder)):
            vectors, ids, lists = read_index(columns, about)
        return cls(vectors, ids, lists=lists)

    def __len__(self) -> int:
        return len(self.vectors)

    def __repr__(self) -> str:
        how = "exact" if self.lists is None else f"{len(self.lists.centres)} lists, recall {self.lists.recall:.3f}"
        return f"<NearestIndex: {len(self):,} vectors of {self.dimension} numbers, {how}>"

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return int(self.vectors.shape[1])

    @property
    def exact(self) -> bool:
        """Whether a search compares with everything."""
        return self.lists is None

    @cached_property
    def _search(self) -> ListSearch:
        if self.lists is None:
            raise ValueError("an exact index has no lists")
        return ListSearch(self.lists, self.vectors)

    def _deal(self) -> None:
        if self.vectors.any():
            self.lists, self._search = deal(self.vectors)

    def _nearest(self, asked: Floats, count: int) -> tuple[Ids, Floats]:
        if self.lists is None:
            return nearest_of_all(asked, self.vectors, count=count)
        probes = self.lists.probes * math.ceil(math.sqrt(count / TUNED_FOR))
        rows, similarities = self._search.search(asked, count=count, probes=probes)
        # Where the lists that were read hold too few, all are.
        short = np.flatnonzero((rows == NONE).any(axis=1) & asked.any(axis=1))
        if short.size:
            rows[short], similarities[short] = nearest_of_all(asked[short], self.vectors, count=count)
        return rows, similarities

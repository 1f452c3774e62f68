"""Products embedded and written as they come: how an index of them is made."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from aisle.errors import NearestError
from aisle.nearest.combination import Combination
from aisle.nearest.folder_writer import FolderWriter
from aisle.nearest.index import EXACT_BELOW, NearestIndex
from aisle.nearest.rows import Floats
from aisle.nearest.stored import list_columns
from aisle.nearest.texts import Texts
from aisle.product import Product


class Embedding(Protocol):
    """What is asked of an engine here."""

    @property
    def fingerprint(self) -> str:
        """Its name."""

    @property
    def landmarks(self) -> Mapping[str, Floats]:
        """Field to centred unit vectors of some products that it learned from."""

    def vectors(self, products: Sequence[Product]) -> Mapping[str, Floats]:
        """Return centred unit vectors by field; zero where a product lacks it."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """What became of products.

    Attributes
    ----------
    index : NearestIndex
    blank : int
        Products of which the engine embeds nothing: they are kept, and never found.
    """

    index: NearestIndex
    blank: int


def build_products(
    batches: Iterable[Sequence[Product]], engine: Embedding, *, out: Path, exact_below: int = EXACT_BELOW
) -> Built:
    """Embed products and write an index of them, in memory that hardly grows with their number.

    Parameters
    ----------
    batches : iterable of sequences of Product
        As many at a time as are to be embedded together.
    engine : Engine
        Makes the vectors.
    out : Path
        The folder; an index that is there is replaced in one step.
    exact_below : int
        From how many products on a search may be approximate.

    Raises
    ------
    NearestError
        The folder holds anything but an index, there are no products, or the engine embeds nothing.
    MissingExtraError
        There are many products, and faiss is not installed.
    """
    combination = Combination.learn(engine.landmarks)
    with FolderWriter(out) as writer:
        ids, records, blank = _TextWriter(writer, "ids"), _TextWriter(writer, "records"), 0
        for products in batches:
            vectors = combination.combine(engine.vectors(products)).astype(np.float16)
            writer.append("vectors", vectors)
            ids.append([product.id for product in products])
            records.append([json.dumps([product.title, list(product.category)]) for product in products])
            blank += int((~vectors.any(axis=1)).sum())
        if not ids.count:
            raise NearestError("there are no products to index")
        index = NearestIndex.over(writer.read("vectors"), ids.read(), exact_below=exact_below)
        columns, about = list_columns(index.lists)
        for name, array in columns.items():
            writer.append(name, array)
        for kind, directions in combination.directions.items():
            writer.append(direction_column(kind), directions)
        writer.commit(about | {"engine": engine.fingerprint})
    return Built(index=index, blank=blank)


class _TextWriter:
    """Writes texts as they come."""

    def __init__(self, writer: FolderWriter, name: str) -> None:
        self.count = 0
        self._length = 0
        self._writer = writer
        self._name = name

    def append(self, texts: Sequence[str]) -> None:
        packed = Texts.of(texts)
        self._writer.append(f"{self._name}_letters", packed.letters)
        self._writer.append(f"{self._name}_ends", packed.ends + self._length)
        self._length += len(packed.letters)
        self.count += len(texts)

    def read(self) -> Texts:
        return Texts(self._writer.read(f"{self._name}_letters"), self._writer.read(f"{self._name}_ends"))


def direction_column(kind: str) -> str:
    """Return the name of the column that holds the directions of a kind."""
    return f"directions_{kind}"

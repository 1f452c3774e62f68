"""An index of products, made with an engine: which products are most like others, and which are nearly the same."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aisle.errors import NearestError
from aisle.nearest.combination import KINDS, Combination
from aisle.nearest.exact import NONE
from aisle.nearest.folder import Columns, open_folder
from aisle.nearest.index import NearestIndex
from aisle.nearest.product_writer import Embedding, direction_column
from aisle.nearest.rows import Floats, Ids
from aisle.nearest.stored import check, read_index, read_texts, reading
from aisle.nearest.texts import Texts
from aisle.product import Neighbour, Product


@dataclass(frozen=True, eq=False)
class ProductIndex:
    """Products, and the vectors that one engine makes of them.

    Attributes
    ----------
    index : NearestIndex
    records : Texts
        Title and category of each, as JSON.
    combination : Combination
        How embeddings become one vector.
    engine : str
        Fingerprint of the engine.
    source : Path
        The folder.
    """

    index: NearestIndex
    records: Texts
    combination: Combination
    engine: str
    source: Path

    @classmethod
    def load(cls, folder: Path) -> "ProductIndex":
        """Open what `aisle.nearest.product_writer.build_products` has written.

        Raises
        ------
        NearestError
            There is none, or it is damaged, of a newer format, or not one of products.
        """
        columns, about = open_folder(folder)
        with reading(folder):
            vectors, ids, lists = read_index(columns, about)
            index = NearestIndex(vectors, ids, lists=lists)
            engine = about["engine"]
            if not isinstance(engine, str):
                raise ValueError("no engine is named")
            combination = Combination(
                {kind: _read_directions(columns, kind) for kind in KINDS if direction_column(kind) in columns}
            )
            if combination.width != index.dimension:
                raise ValueError(f"the vectors have {index.dimension} numbers of {combination.width}")
            return cls(index, read_texts(columns, "records", count=len(index)), combination, engine, folder)

    def nearest(self, engine: Embedding, products: Sequence[Product], *, count: int) -> list[tuple[Neighbour, ...]]:
        """Find the products most like some others; none for one that has nothing to compare.

        Raises
        ------
        NearestError
            The engine is not the one that the index was built with.
        """
        self.check_engine(engine.fingerprint)
        vectors = engine.vectors(products)
        with reading(self.source):
            asked = self.combination.combine(vectors)
        found = self.index.search(asked, count)
        return [
            tuple(self._neighbours(rows[rows != NONE], similarities))
            for rows, similarities in zip(found.rows, found.similarities, strict=True)
        ]

    def duplicates(self, *, at_least: float) -> Iterator[tuple[Neighbour, ...]]:
        """Yield groups of products that are nearly the same, each with its similarity to the first of the group."""
        for group in self.index.duplicates(at_least=at_least):
            yield tuple(self._neighbours(group.rows, group.similarities))

    def check_engine(self, fingerprint: str) -> None:
        """Refuse vectors that cannot be compared with these.

        Raises
        ------
        NearestError
            They are another engine's.
        """
        if fingerprint != self.engine:
            raise NearestError(
                f"{self.source} was built with the engine {self.engine}, and this one is {fingerprint}: what they make "
                "of products cannot be compared. Name that engine, or build anew: "
                f"`aisle index build ENGINE PRODUCTS --out {self.source}`"
            )

    def _neighbours(self, rows: Ids, similarities: Floats) -> Iterator[Neighbour]:
        for row, similarity in zip(rows.tolist(), similarities.tolist(), strict=False):
            title, category = _parse_record(self.records[row], source=self.source)
            yield Neighbour(id=self.index.ids[row], title=title, category=category, similarity=similarity)


def _read_directions(columns: Columns, kind: str) -> Floats:
    found = columns[direction_column(kind)]
    check(found, f"directions of {kind}", kind="float32", shape=(None, None))
    if not np.isfinite(found).all():
        raise ValueError(f"the directions of {kind} are no directions")
    return np.array(found)


def _parse_record(text: str, *, source: Path) -> tuple[str, tuple[str, ...]]:
    try:
        title, category = json.loads(text)
        if isinstance(title, str) and isinstance(category, list) and all(isinstance(name, str) for name in category):
            return title, tuple(category)
    except (ValueError, TypeError, RecursionError):
        pass
    raise NearestError(f"{source} does not say what its products are; build it anew")

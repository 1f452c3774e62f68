"""A catalogue: products, the rows that were set aside, and what was understood of the columns."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aisle.catalog.columns import Columns, recognise_columns
from aisle.catalog.quarantine import BadRow
from aisle.catalog.rows import RowReader
from aisle.catalog.tables import open_frame, open_table
from aisle.errors import CatalogError
from aisle.product import Product


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """Everything read from one catalogue; ``rows == len(products) + len(bad_rows)`` always holds.

    Attributes
    ----------
    source : str
        The path, or what kind of object it was.
    products : tuple of Product
        In the order of the rows.
    bad_rows : tuple of BadRow
        Rows set aside, with the reason.
    columns : Columns
        Which column plays which part.
    photos_missing : tuple of str
        Ids of products that have no photo file.
    photos_named : int
        Products whose row names a photo.
    notes : tuple of str
        What a person should know, e.g. a guessed encoding.
    """

    source: str
    products: tuple[Product, ...] = field(repr=False)
    bad_rows: tuple[BadRow, ...]
    columns: Columns
    photos_missing: tuple[str, ...] = ()
    photos_named: int = 0
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows in the source, good and bad."""
        return len(self.products) + len(self.bad_rows)

    def categories(self, *, level: int = 1) -> dict[str, int]:
        """Count the labelled products of each category at a depth, largest first."""
        counts = Counter(product.label(level) for product in self.products if product.category)
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def read_catalog(source: Any, *, columns: Mapping[str, str] | None = None, separator: str | None = None) -> Catalog:
    """Read a whole catalogue.

    Parameters
    ----------
    source : path, data frame or list of dict
        CSV, JSON lines, Parquet, a folder (with a table, or with photos in folders that name their category);
        or a pandas, Polars or PyArrow table.
    columns : mapping of str to str, optional
        Role to column (``{"title": "product_name"}``) for what is not recognised by name.
    separator : str, optional
        What stands between the names of a category path when it is neither ``>`` nor ``>>``.

    Returns
    -------
    Catalog
        Products, and rows set aside with their reason.

    Raises
    ------
    CatalogError
        The source cannot be read as a catalogue, or no row of it is usable.
    """
    is_path = isinstance(source, (str, os.PathLike))
    table = open_table(source) if is_path else open_frame(source)
    recognised = recognise_columns(table.columns, mapping=columns)
    reader = RowReader(table=table, columns=recognised, separator=separator)
    products: list[Product] = []
    bad_rows: list[BadRow] = []
    for item in reader:
        (bad_rows if isinstance(item, BadRow) else products).append(item)  # type: ignore[arg-type]
    if not products:
        place = source if is_path else "the data"
        if not bad_rows:
            raise CatalogError(f"{place} names its columns but has no rows")
        raise CatalogError(f"{place}: none of {len(bad_rows)} rows is usable; the first: {bad_rows[0].message}")
    return Catalog(
        source=str(source) if is_path else type(source).__name__,
        products=tuple(products),
        bad_rows=tuple(bad_rows),
        columns=recognised,
        photos_missing=tuple(reader.photos_missing),
        photos_named=reader.photo_names,
        notes=table.notes,
    )

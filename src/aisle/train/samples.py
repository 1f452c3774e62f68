"""Products and labels as scikit-learn's users have them: frames, dictionaries, titles, arrays."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from aisle.catalog import BadRow, Catalog, read_catalog
from aisle.catalog.category_path import parse_category
from aisle.catalog.columns import Columns, recognise_columns
from aisle.catalog.rows import RowReader
from aisle.catalog.tables import open_frame
from aisle.errors import CatalogError
from aisle.product import CategoryPath, Product, format_path

_KINDS = (
    "a list of titles, of dictionaries or of aisle.Product, a data frame with a column `title`, `description` or "
    "`photo`, or the path of a catalogue"
)


@dataclass(frozen=True)
class Labels:
    """Category paths, and how whoever gave them writes them.

    Attributes
    ----------
    paths : list of tuple of str
        One per product; empty where it has none.
    given : list
        As they were given.
    """

    paths: list[CategoryPath]
    given: list[Any]

    @classmethod
    def of_products(cls, products: Sequence[Product]) -> Self:
        """Take the categories that products carry."""
        paths = [product.category for product in products]
        return cls(paths, [format_path(path) for path in paths])

    @classmethod
    def read(cls, y: Any) -> Self:
        """Read labels as scikit-learn's users give them.

        Raises
        ------
        ValueError
            One is missing, or they are no labels.
        """
        if isinstance(y, str) or not hasattr(y, "__len__"):
            raise TypeError(f"y is {y!r:.100}; give one label per product")
        if any(isinstance(label, (tuple, list)) for label in y):
            paths = [_path_of(label) for label in y]
            given: list[Any] = [format_path(path) for path in paths]
        else:
            given = column_or_1d(y if hasattr(y, "dtype") else np.asarray(y, dtype=object), warn=True).tolist()
            paths = [_path_of(label) for label in given]
        for row, path in enumerate(paths):
            if not path:
                raise ValueError(f"y[{row}] is {given[row]!r}, which is no label; leave such products out of X and y")
        if len({isinstance(label, str) for label in given}) > 1:
            raise ValueError("y mixes text with numbers; make all labels text")
        check_classification_targets(np.asarray(given))
        return cls(paths, given)

    def written(self, level: int | None) -> dict[CategoryPath, Any]:
        """Return how each path is written that `level` leaves whole.

        Raises
        ------
        ValueError
            One path is written in two ways.
        """
        found: dict[CategoryPath, Any] = {}
        for path, label in zip(self.paths, self.given, strict=True):
            if path == path[:level] and found.setdefault(path, label) != label:
                raise ValueError(f"the labels {found[path]!r} and {label!r} are one category; write it in one way")
        return found


def read_products(X: Any, *, with_category: bool = False) -> list[Product]:
    """Return one product per row of whatever a user of scikit-learn has.

    Parameters
    ----------
    X : path, Catalog, data frame, or sequence of Product, of mapping or of str
    with_category : bool
        Whether a column of categories is read.

    Raises
    ------
    CatalogError
        A row or the whole cannot be read as products.
    ValueError
        There are none.
    TypeError
        These are no products.
    """
    if isinstance(X, Catalog):
        found = list(X.products)
    elif isinstance(X, (str, os.PathLike)):
        found = list(read_catalog(X).products)
    elif hasattr(X, "columns") or hasattr(X, "column_names"):
        found = _read_rows(X, with_category=with_category)
    else:
        found = _read_items(_items_of(X), with_category=with_category)
    if not found:
        raise ValueError(f"X holds 0 sample(s); give at least one product: {_KINDS}")
    return found


def _items_of(X: Any) -> list[Any]:
    if hasattr(X, "__array__"):
        array = np.asarray(X)
        if array.ndim != 1:
            raise TypeError(f"X is an array of shape {array.shape}; products are {_KINDS}: X[:, 0] where it is titles")
        return list(array.tolist())
    if not isinstance(X, Sequence) or isinstance(X, (bytes, bytearray)):
        raise TypeError(f"X is of type {type(X).__name__}; products are {_KINDS}")
    return list(X)


def _read_items(items: list[Any], *, with_category: bool) -> list[Product]:
    if items and all(isinstance(item, Product) for item in items):
        return items
    if items and all(isinstance(item, Mapping) for item in items):
        return _read_rows(items, with_category=with_category)
    found = []
    for row, item in enumerate(items):
        missing = item is None or item != item
        if not missing and not isinstance(item, str):
            raise TypeError(f"X[{row}] is {item!r:.100}, of type {type(item).__name__}; products are {_KINDS}")
        found.append(Product(id=str(row + 1), title="" if missing else item))
    return found


def _read_rows(frame: Any, *, with_category: bool) -> list[Product]:
    """Read a frame so that no row is lost: labels stand beside it."""
    table = open_frame(frame)
    if not len(frame):
        return []
    try:
        columns = recognise_columns(table.columns)
    except CatalogError as err:
        shown = ", ".join(table.columns[:20])
        raise CatalogError(
            f"no column of {shown} is known to hold a title, a description or a photo; rename one to `title`, or give "
            "read_catalog(X, columns={'title': NAME}).products"
        ) from err
    if not with_category:
        roles = {role: names for role, names in columns.by_role.items() if role != "category"}
        columns = Columns(by_role=roles, unused=columns.unused)
    found = []
    for row in RowReader(table=table, columns=columns, remember=False):
        if isinstance(row, BadRow):
            if row.code != "empty_product":
                raise CatalogError(f"row {row.row} of X, column {row.field}: {row.message}; mend it or leave it out")
            found.append(Product(id=str(row.row)))
        else:
            found.append(row)
    return found


def _path_of(label: Any) -> CategoryPath:
    if isinstance(label, str):
        return parse_category(label)
    if isinstance(label, (tuple, list)):
        return tuple(" ".join(str(name).split()) for name in label)
    return () if label is None or label != label else (str(label),)


def check_lengths(products: Sequence[Product], labels: Labels) -> None:
    """Refuse labels that are more or fewer than the products.

    Raises
    ------
    ValueError
        They are.
    """
    count, given = len(products), len(labels.paths)
    if count != given:
        raise ValueError(
            f"X and y have inconsistent numbers of samples: {count} products and {given} labels; give one label per "
            "product"
        )

"""From a row of a table to a `Product`, or to a `BadRow` that says why not."""

import json
import math
import numbers
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aisle.catalog.category_path import parse_category
from aisle.catalog.columns import Columns
from aisle.catalog.photo_files import PhotoFinder
from aisle.catalog.quarantine import BadRow
from aisle.catalog.tables import Row, Table
from aisle.product import CategoryPath, Product

MAX_TEXT = 100_000
MAX_NAME = 10_000
"""The longest category path or photo name that is read, in characters; an id has a tenth of that."""

_LIMITS = {"id": MAX_NAME // 10, "photo": MAX_NAME, "category": MAX_NAME}
_RUBY_PAIR = re.compile(r'"key"=>"((?:[^"\\]|\\.)*)",\s*"value"=>"((?:[^"\\]|\\.)*)"')
_NO_VALUE = frozenset({"nan", "none", "null", "n/a", "<na>", "nat"})
_NO_TEXT = re.compile("[\ud800-\udfff]")


class _BadCellError(Exception):
    """One cell spoils its row."""

    def __init__(self, code: str, column: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.column = column


@dataclass
class RowReader:
    """Turns the rows of one table into products, one at a time and in order.

    Attributes
    ----------
    remember : bool
        Whether ids are kept, so that one that comes twice is a bad row and products without a photo can be
        told; without it, memory does not grow with the rows.
    finder : PhotoFinder
        Where photos are looked for: beside the table, unless told otherwise.
    photo_names : int
        Products whose row names a photo.
    photos_missing : list of str
        Ids of products without a photo file.
    """

    table: Table
    columns: Columns
    separator: str | None = None
    remember: bool = True
    finder: PhotoFinder | None = None
    photo_names: int = 0
    photos_missing: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._finder = self.finder or PhotoFinder(self.table.folder)

    def __iter__(self) -> Iterator[Product | BadRow]:
        """Yield a product or a bad row for each row: nothing is lost."""
        for item, _ in self.entries():
            yield item

    def entries(self) -> Iterator[tuple[Product | BadRow, Row]]:
        """Yield the same, each with its row: number and cells; a row that is damaged itself has no cells."""
        for row in self.table.rows:
            if isinstance(row, BadRow):
                yield row, (row.row, {})
            else:
                yield self._attempt(*row), row

    def _attempt(self, number: int, values: Mapping[str, Any]) -> Product | BadRow:
        try:
            return self._product(number, values)
        except _BadCellError as err:
            return BadRow(number, err.code, err.column, str(err))
        except Exception as err:  # the boundary of a row: a foreign object in a cell may do anything
            return BadRow(number, "bad_value", "", f"the row cannot be read: {type(err).__name__}: {err}"[:500])

    def _product(self, number: int, values: Mapping[str, Any]) -> Product:
        photo = self._photo_bytes(values)
        texts = {role: self._text(values, role) for role in ("id", "title", "description", "brand")}
        texts["photo"] = "" if photo else self._text(values, "photo")
        identity = texts["id"] if "id" in self.columns.by_role else str(number)
        if not identity:
            raise _BadCellError("missing_id", self.columns.name("id"), "the row has no id")
        if not (texts["title"] or texts["description"] or texts["photo"] or photo):
            raise _BadCellError("empty_product", "", "no title, no description and no photo")
        if identity in self._seen:
            message = f"id {identity!r} has been seen before"
            raise _BadCellError("duplicate_id", self.columns.name("id"), message)
        product = Product(
            id=identity,
            title=texts["title"],
            description=texts["description"],
            photo=photo or self._finder.find(texts["photo"], product_id=texts["id"]),
            attributes=self._attributes(values, texts["brand"]),
            category=self._category(values),
        )
        self.photo_names += bool(texts["photo"] or photo)
        if self.remember:
            self._seen.add(identity)
            if product.photo is None:
                self.photos_missing.append(identity)
        return product

    def _photo_bytes(self, values: Mapping[str, Any]) -> bytes | None:
        """Return a photo that lies in the table itself, as the data sets of model hubs keep it."""
        for column in self.columns.by_role.get("photo", ()):
            value = values.get(column)
            if isinstance(value, Mapping):
                value = value.get("bytes")
            if isinstance(value, (bytes, bytearray)) and value:
                return bytes(value)
        return None

    def _category(self, values: Mapping[str, Any]) -> CategoryPath:
        names: list[str] = []
        for column in self.columns.by_role.get("category", ()):
            value = values.get(column)
            text = _checked(value, column=column, limit=_LIMITS["category"])
            nested = isinstance(value, (list, tuple))
            part = parse_category(value if nested else text, separator=self.separator)
            if not part:
                break  # what stands below an unknown name has no place
            names += part
        return tuple(names)

    def _attributes(self, values: Mapping[str, Any], brand: str) -> dict[str, str]:
        found = {"brand": brand} if brand else {}
        for column in self.columns.by_role.get("specifications", ()):
            _checked(values.get(column), column=column, limit=MAX_TEXT)
            found.update(parse_specifications(values.get(column)))
        return found

    def _text(self, values: Mapping[str, Any], role: str) -> str:
        for column in self.columns.by_role.get(role, ()):
            value = values.get(column)
            if role == "photo" and isinstance(value, Mapping):
                value = value.get("path")
            if role == "photo" and isinstance(value, Path):
                value = str(value)
            return _checked(value, column=column, limit=_LIMITS.get(role, MAX_TEXT))
        return ""


def parse_specifications(value: Any) -> dict[str, str]:
    """Read specifications: a mapping, JSON, the raw Flipkart (Ruby) form, or ``key: value; key: value``.

    >>> parse_specifications("Colour: Red; Size: 4 cm")
    {'Colour': 'Red', 'Size': '4 cm'}
    """
    if isinstance(value, Mapping):
        return {str(key): text for key, item in value.items() if (text := _as_text(item))}
    text = _as_text(value)
    if pairs := _RUBY_PAIR.findall(text):
        return dict(pairs)
    if text.startswith("{") and "=>" not in text:
        try:
            return parse_specifications(json.loads(text))
        except (ValueError, RecursionError):
            return {}
    found = (part.partition(":") for part in text.split(";"))
    return {key.strip(): item.strip() for key, _, item in found if key.strip() and item.strip()}


def _checked(value: Any, *, column: str, limit: int) -> str:
    """Return a cell as text that can be written and is not too long."""
    try:
        text = _as_text(value)
    except UnicodeDecodeError:
        text = "\udc80"
    if _NO_TEXT.search(text):
        raise _BadCellError("bad_encoding", column, f"{column} holds bytes that are not valid text")
    if len(text) > limit:
        message = f"{len(text):,} characters; at most {limit:,} are read"
        raise _BadCellError("bad_value", column, message)
    return text


def _as_text(value: Any) -> str:
    """Return a cell as stripped text: nothing for null and not-a-number, JSON for nested values."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode()
    elif isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, default=str) if value else ""
    elif not isinstance(value, bool) and isinstance(value, numbers.Real):
        return _number(value)
    text = str(value).replace("\0", " ").strip()
    return "" if text.lower() in _NO_VALUE else text


def _number(value: numbers.Real) -> str:
    """Write a number; a whole one without a point, because a column of ids with a gap turns into floats."""
    if isinstance(value, numbers.Integral):
        return str(int(value))
    number = float(value)
    if math.isnan(number):
        return ""
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else str(value)

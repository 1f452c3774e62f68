"""From a row of a table to a `Product`, or to a `BadRow` that says why not."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aisle.catalog.category_path import parse_category
from aisle.catalog.columns import Columns
from aisle.catalog.photo_files import PhotoFinder
from aisle.catalog.quarantine import BadRow
from aisle.catalog.tables import Table
from aisle.product import Product

MAX_TEXT = 100_000
_RUBY_PAIR = re.compile(r'"key"=>"((?:[^"\\]|\\.)*)",\s*"value"=>"((?:[^"\\]|\\.)*)"')
_NO_VALUE = frozenset({"nan", "none", "null", "n/a"})


@dataclass
class RowReader:
    """Turns the rows of one table into products, one at a time and in order.

    Attributes
    ----------
    photo_names : int
        Products whose row names a photo.
    photos_missing : list of str
        Ids of products without a photo file.
    """

    table: Table
    columns: Columns
    separator: str | None = None
    photo_names: int = 0
    photos_missing: list[str] = field(default_factory=list)
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._finder = PhotoFinder(self.table.folder)

    def __iter__(self) -> Iterator[Product | BadRow]:
        """Yield a product or a bad row for each row: nothing is lost."""
        for item in self.table.rows:
            yield item if isinstance(item, BadRow) else self._product(*item)

    def _product(self, number: int, values: Mapping[str, Any]) -> Product | BadRow:
        texts = {role: self._text(values, role) for role in ("title", "description", "photo", "brand")}
        identity = self._text(values, "id")
        if "id" in self.columns.by_role:
            if not identity:
                return BadRow(number, "missing_id", self.columns.name("id"), "the row has no id")
        else:
            identity = str(number)
        if not (texts["title"] or texts["description"] or texts["photo"]):
            return BadRow(number, "empty_product", "", "no title, no description and no photo")
        for role, text in texts.items():
            if len(text) > MAX_TEXT:
                message = f"{len(text)} characters; at most {MAX_TEXT} are read"
                return BadRow(number, "bad_value", self.columns.name(role), message)
        if identity in self._seen:
            return BadRow(
                number, "duplicate_id", self.columns.name("id"), f"id {identity!r} has been seen before"
            )
        self._seen.add(identity)
        return Product(
            id=identity,
            title=texts["title"],
            description=texts["description"],
            photo=self._photo(texts["photo"], identity),
            attributes=self._attributes(values, texts["brand"]),
            category=self._category(values),
        )

    def _photo(self, cell: str, identity: str) -> Any:
        self.photo_names += bool(cell)
        path = self._finder.find(cell, product_id=identity)
        if path is None:
            self.photos_missing.append(identity)
        return path

    def _category(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        names: list[str] = []
        for column in self.columns.by_role.get("category", ()):
            names += parse_category(_as_text(values.get(column)), separator=self.separator)
        return tuple(names)

    def _attributes(self, values: Mapping[str, Any], brand: str) -> dict[str, str]:
        found = {"brand": brand} if brand else {}
        for column in self.columns.by_role.get("specifications", ()):
            found.update(parse_specifications(values.get(column)))
        return found

    def _text(self, values: Mapping[str, Any], role: str) -> str:
        for column in self.columns.by_role.get(role, ()):
            return _as_text(values.get(column))
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
        except json.JSONDecodeError:
            return {}
    found = (part.partition(":") for part in text.split(";"))
    return {key.strip(): item.strip() for key, _, item in found if key.strip() and item.strip()}


def _as_text(value: Any) -> str:
    """Return a cell as stripped text: nothing for null and not-a-number, JSON for nested values."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False, default=str) if value else ""
    text = str(value).replace("\0", " ").strip()
    return "" if text.lower() in _NO_VALUE else text

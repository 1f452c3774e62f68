"""The table of goods: one row per kind, read from the TOML files beside this module."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from aisle.catalog.sample.drawings import DRAWINGS
from aisle.catalog.sample.model import Good, words

# The order of the shelves is part of what a seed means.
_SHELVES = ("watches", "kitchen", "beauty", "computers", "furnishing", "decor", "baby")


@cache
def read_stock() -> tuple[tuple[Good, ...], ...]:
    """Return the kinds of goods: one group per top category, in a fixed order."""
    folder = files("aisle.catalog.sample") / "goods"
    shelves = (tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8")) for name in _SHELVES)
    return tuple(tuple(_good(shelf["category"], row) for row in shelf["goods"]) for shelf in shelves)


def _good(category: str, row: Mapping[str, Any]) -> Good:
    low, high = row["price"]
    return Good(
        path=(category, row["name"]),
        draw=DRAWINGS[row["drawing"]],
        nouns=words(row["nouns"]),
        variants=words(row["variants"]),
        materials=words(row["materials"]),
        users=words(row["users"]),
        facts=words(row["facts"]),
        sizes=tuple(row["sizes"]),
        colours=tuple(row["colours"]),
        patterns=tuple(row.get("patterns", ("plain",))),
        pose=row.get("pose", "standing"),
        lying=tuple(row.get("lying", ())),
        most=row.get("most", 1),
        price=(float(low), float(high)),
    )

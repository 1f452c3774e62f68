"""The rows of ``catalog.csv``, the bad ones among them."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from aisle.catalog.sample.items import Item, make_item
from aisle.catalog.sample.plan import Plan
from aisle.product import format_path

COLUMNS = ("id", "title", "description", "brand", "category", "photo", "price", "specifications")

BAD_FIELDS = {"duplicate_id": "id", "bad_encoding": "title"}
"""The column at fault, for the codes that have one; the others concern the whole row."""

_BAD_ROW_STREAM = 4


def write_rows(plan: Plan, items: Sequence[Item], photos: Mapping[str, str], *, seed: int) -> bytes:
    """Return the catalogue as CSV: UTF-8 but for the rows that are meant to be broken.

    Parameters
    ----------
    plan : Plan
        Says where the bad rows stand.
    items : sequence of Item
        The good products, in order.
    photos : mapping of str to str
        Id to the file that the row names, relative to the catalogue; no entry where it names none.
    seed : int
        That of the sample.
    """
    good_rows = iter(items)
    lines = [_line(COLUMNS)]
    written: list[Item] = []
    for row in range(1, len(items) + len(plan.bad_rows) + 1):
        if row in plan.bad_rows:
            lines.append(_bad_line(plan, row, written, seed=seed))
        else:
            item = next(good_rows)
            lines.append(_line(_cells(item, photos.get(item.id, ""))))
            written.append(item)
    return b"".join(lines)


def _cells(item: Item, photo: str) -> list[str]:
    text, category = item.text, format_path(item.filed.path)
    return [
        item.id,
        text.title,
        text.description,
        item.brand,
        category,
        photo,
        item.price,
        text.specifications,
    ]


def _bad_line(plan: Plan, row: int, before: Sequence[Item], *, seed: int) -> bytes:
    """Return a row about a product of its own, damaged in one way."""
    code = plan.bad_rows[row]
    rng = np.random.default_rng([seed, _BAD_ROW_STREAM, row])
    template = before[int(rng.integers(len(before)))]
    cells = _cells(make_item(template.good, len(plan.goods) + row, seed=seed), "")
    if code == "missing_cells":
        return _line(cells[: int(rng.integers(2, 6))])
    if code == "extra_cells":
        return _line([*cells[:3], "in stock", "ships today", *cells[3:]])
    if code == "duplicate_id":
        return _line([template.id, *cells[1:]])
    if code == "empty_product":
        return _line([cells[0], "", "", *cells[3:]])
    # A row pasted from a spreadsheet in Windows-1252: its accents are not valid UTF-8.
    return _line([cells[0], "Offre d'été à saisir", *cells[2:]], encoding="cp1252")


def _line(cells: Sequence[str], *, encoding: str = "utf-8") -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue().encode(encoding, errors="replace")


def bad_row_truth(plan: Plan) -> Iterator[dict[str, object]]:
    """Yield what a reader should say of each bad row."""
    for row, code in plan.bad_rows.items():
        yield {"row": row, "code": code, "field": BAD_FIELDS.get(code, "")}

"""Rows that cannot become a product: kept, numbered, explained."""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from aisle.files import atomic_write

_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - spreadsheets run the full-width ones as well


@dataclass(frozen=True)
class BadRow:
    """One row that was set aside.

    Attributes
    ----------
    row : int
        Data row number, from 1; the header does not count and a quoted cell with line breaks is one row.
    code : str
        A stable word: ``bad_encoding``, ``bad_json``, ``bad_value``, ``duplicate_id``, ``empty_product``,
        ``extra_cells``, ``missing_cells``, ``missing_id``, ``unreadable``.
    field : str
        The column at fault, or empty when it is the whole row.
    message : str
        What is wrong, for a person.
    """

    row: int
    code: str
    field: str
    message: str


def write_quarantine(path: Path, bad_rows: Iterable[BadRow], *, source: str | None = None) -> None:
    """Write bad rows as CSV: row, code, field, message; before them the source, where there are several."""
    with open_quarantine(path, source=source) as write:
        for bad in bad_rows:
            write(bad)


@contextmanager
def open_quarantine(path: Path, *, source: str | None = None) -> Iterator[Callable[[BadRow], None]]:
    """Open a quarantine file, which takes its name once it is complete, and yield what writes one row.

    Cells that a spreadsheet would run as formulas are quoted; characters that no file can hold are written
    as escapes. A `source`, where there are several, is the first cell of each row.
    """
    with atomic_write(path, mode="w") as file:
        writer = csv.writer(file)
        first = {} if source is None else {"source": source}
        writer.writerow([*first, *(f.name for f in fields(BadRow))])

        def write(bad: BadRow) -> None:
            cells = (
                str(cell).encode("utf-8", "backslashreplace").decode() for cell in (*first.values(), *astuple(bad))
            )
            writer.writerow([quote_formula(cell) for cell in cells])

        yield write


def quote_formula(cell: str) -> str:
    """Keep a spreadsheet from running a cell (OWASP, "CSV injection").

    >>> quote_formula("=1+1")
    "'=1+1"
    """
    return f"'{cell}" if cell[:1] in _FORMULA_STARTS else cell

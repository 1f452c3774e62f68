"""Suspects as a table that a spreadsheet opens and does not run."""

import csv
from collections.abc import Sequence
from pathlib import Path

from aisle.audit.result import Suspect
from aisle.catalog.quarantine import quote_formula
from aisle.files import atomic_write

COLUMNS = (
    "rank",
    "id",
    "title",
    "given",
    "suggested",
    "score",
    "kind",
    "against",
    "suggested_probability",
    "duplicate_group",
    "reason",
)


def write_table(path: Path, suspects: Sequence[Suspect]) -> None:
    """Write suspects as CSV; cells that a spreadsheet would run as formulas are quoted."""
    with atomic_write(path, mode="w") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for suspect in suspects:
            row = suspect.row()
            cells = ("" if row[name] is None else str(row[name]) for name in COLUMNS)
            writer.writerow([quote_formula(_printable(cell)) for cell in cells])


def _printable(cell: str) -> str:
    """Write characters that no file can hold as escapes."""
    return cell.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")

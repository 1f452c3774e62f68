"""Products one at a time, from sources of any length: what is classified need not fit in memory."""

import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from aisle.catalog.columns import Columns, recognise_columns
from aisle.catalog.photo_files import PhotoFinder
from aisle.catalog.quarantine import BadRow
from aisle.catalog.rows import RowReader
from aisle.catalog.tables import Table, open_frame, open_pipe, open_table
from aisle.errors import CatalogError
from aisle.product import Product

KINDS = ("csv", "jsonl", "parquet")
"""What a file may hold where its name does not say."""

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class StreamedProduct:
    """A product and the row it was made of.

    Attributes
    ----------
    row : int
        Data row number, from 1.
    product : Product
        What was understood.
    cells : mapping of str to object
        The row as it was read: text from CSV, values from JSON lines and Parquet.
    """

    row: int
    product: Product
    cells: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class CatalogStream:
    """The rows of a source, to be read once, in order; each is answered on its own.

    Ids are not compared, since that would take memory for each: one that comes twice is no error here.

    Attributes
    ----------
    source : str
        The path, or what kind of object it was.
    columns : Columns
        Which column plays which part.
    notes : tuple of str
        What a person should know, e.g. a guessed encoding.
    """

    source: str
    columns: Columns
    notes: tuple[str, ...]
    _reader: RowReader = field(repr=False)
    _file: IO[bytes] | None = field(default=None, repr=False)

    def __iter__(self) -> Iterator[StreamedProduct | BadRow]:
        """Yield a product or a bad row for each row: nothing is lost."""
        with nullcontext() if self._file is None else closing(self._file):
            for item, (number, cells) in self._reader.entries():
                yield item if isinstance(item, BadRow) else StreamedProduct(number, item, cells)

    def unused(self, streamed: StreamedProduct) -> dict[str, Any]:
        """Return the cells of a row that play no part, also those of keys that only later lines have."""
        used = {name for names in self.columns.by_role.values() for name in names}
        return {name: value for name, value in streamed.cells.items() if name not in used}


def stream_catalog(
    source: Any,
    *,
    columns: Mapping[str, str] | None = None,
    separator: str | None = None,
    labels: bool = True,
    kind: str | None = None,
) -> CatalogStream:
    """Read a catalogue of any length, row by row, in memory that does not grow with it.

    Columns and photos are found as `aisle.catalog.read_catalog` finds them.

    Parameters
    ----------
    source : path, ``"-"``, binary file, data frame or list of dict
        As for `read_catalog`; ``"-"`` is standard input. What can be read only once (that, a binary file, a
        named pipe) holds CSV or JSON lines, and its photos lie in the working folder.
    columns : mapping of str to str, optional
        Role to column.
    separator : str, optional
        What stands between the names of a category path when it is neither ``>`` nor ``>>``.
    labels : bool
        Whether categories are read; if not, their columns are columns that play no part, whatever they hold.
    kind : {"csv", "jsonl", "parquet"}, optional
        What the source holds, where neither its name nor its first byte says.

    Raises
    ------
    CatalogError
        The source cannot be read as a catalogue. A source that turns out to be damaged further on raises
        while it is read.
    """
    table, name, file = _open(source, kind)
    return stream_table(table, name=name, columns=columns, separator=separator, labels=labels, file=file)


def stream_table(
    table: Table,
    *,
    name: str,
    columns: Mapping[str, str] | None = None,
    separator: str | None = None,
    labels: bool = True,
    file: IO[bytes] | None = None,
    finder: PhotoFinder | None = None,
) -> CatalogStream:
    """Read a table that is open already, as `stream_catalog` does.

    Parameters
    ----------
    table : Table
        The rows.
    name : str
        What to call it.
    columns, separator, labels
        As for `stream_catalog`.
    file : binary file, optional
        Closed at the end.
    finder : PhotoFinder, optional
        One that knows the photos beside the table already.

    Raises
    ------
    CatalogError
        Its columns are not those of a catalogue.
    """
    recognised = recognise_columns(table.columns, mapping=columns)
    if not labels:
        recognised = _without_labels(recognised, table.columns)
    reader = RowReader(table=table, columns=recognised, separator=separator, remember=False, finder=finder)
    return CatalogStream(source=name, columns=recognised, notes=table.notes, _reader=reader, _file=file)


def _open(source: Any, kind: str | None) -> tuple[Table, str, IO[bytes] | None]:
    """Return the table, what to call it, and a file that is to be closed at its end."""
    if kind is not None and kind not in KINDS:
        raise CatalogError(f"{kind!r} is no kind of catalogue; known: {', '.join(KINDS)}")
    if isinstance(source, str) and source == STANDARD_INPUT:
        if sys.stdin is None:
            raise CatalogError("standard input is closed; name a file")
        return open_pipe(sys.stdin.buffer, name="standard input", kind=kind), "standard input", None
    if isinstance(source, (str, os.PathLike)):
        if not _is_pipe(Path(source)):
            return open_table(source, kind=kind), str(source), None
        with ExitStack() as opened:
            file = opened.enter_context(Path(source).open("rb"))
            table = open_pipe(file, name=str(source), kind=kind)
            opened.pop_all()
        return table, str(source), file
    if hasattr(source, "read"):
        name = str(getattr(source, "name", "the file"))
        return open_pipe(source, name=name, kind=kind), name, None
    return open_frame(source), type(source).__name__, None


def _is_pipe(path: Path) -> bool:
    """Tell a named pipe or a device, such as a shell's ``<(...)``, from a file."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def _without_labels(columns: Columns, names: tuple[str, ...]) -> Columns:
    by_role = {role: found for role, found in columns.by_role.items() if role != "category"}
    taken = {name for found in by_role.values() for name in found}
    return Columns(by_role=by_role, unused=tuple(name for name in names if name not in taken))

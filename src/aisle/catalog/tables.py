"""Rows as they lie in a file: CSV, JSON lines, Parquet, a folder of photos, a data frame.

A reader yields ``(row number, values)`` and yields a `BadRow` instead where the row itself is damaged; it
never stops at one. Memory is bounded: one row, or one Parquet batch, at a time.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from aisle.catalog.csv_table import open_csv
from aisle.catalog.json_lines import find_keys, read_json_lines
from aisle.catalog.parquet_table import ParquetTable, distinct_names
from aisle.catalog.pipe import Piped
from aisle.catalog.quarantine import BadRow
from aisle.errors import CatalogError, CatalogNotFoundError

CSV_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
JSON_SUFFIXES = frozenset({".jsonl", ".ndjson"})
PARQUET_SUFFIXES = frozenset({".parquet", ".pq"})
TABLE_SUFFIXES = CSV_SUFFIXES | JSON_SUFFIXES | PARQUET_SUFFIXES
PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic"}
)
"""Files that are meant to be photos; which of them can be decoded is for `aisle.catalog.photos` to say."""

_REMEDIES = {
    ".xlsx": "save it as CSV (UTF-8)",
    ".xls": "save it as CSV (UTF-8)",
    ".json": "write one object per line, as .jsonl",
    **dict.fromkeys((".gz", ".zip", ".bz2", ".xz", ".zst"), "unpack it first"),
}

Row = tuple[int, Mapping[str, Any]]


@dataclass(frozen=True)
class Table:
    """A source of rows.

    Attributes
    ----------
    columns : tuple of str
        The names in the order of the file.
    rows : iterable of (int, mapping) or BadRow
        To be read once.
    folder : Path or None
        Where photos may lie.
    notes : tuple of str
        What a person should know, e.g. a guessed encoding.
    """

    columns: tuple[str, ...]
    rows: Iterable[Row | BadRow]
    folder: Path | None
    notes: tuple[str, ...] = ()


def open_table(source: str | os.PathLike[str], *, kind: str | None = None) -> Table:
    """Open a catalogue file or folder.

    Parameters
    ----------
    source : path
        The file, or the folder with one or with photos.
    kind : {"csv", "jsonl", "parquet"}, optional
        What is in the file, where its name does not say.

    Raises
    ------
    CatalogNotFoundError
        Nothing is there.
    CatalogError
        It may not be read, the kind of file is not known, the file is empty, or a folder holds several
        tables.
    """
    if not str(source):
        raise CatalogError("the catalogue's path is empty; name a file or a folder")
    path = Path(source)
    try:
        if path.is_dir():
            return _open_folder(path)
        if not path.exists():
            raise CatalogNotFoundError(f"there is no catalogue at {path}; check the path")
        return _open_file(path, kind=kind)
    except CatalogError:
        raise
    except OSError as err:
        raise CatalogError(f"{path} cannot be read: {err.strerror or err}") from err


def open_pipe(stream: IO[bytes], *, name: str, kind: str | None = None) -> Table:
    """Open CSV or JSON lines that can be read only once; photos lie in the working folder.

    Parameters
    ----------
    stream : binary file
        Standard input, say. Its first byte that is not blank tells JSON lines from CSV.
    name : str
        What messages call it.
    kind : {"csv", "jsonl"}, optional
        What is in it, where that byte misleads.

    Raises
    ------
    CatalogError
        It is empty, cannot be read, or is of another kind.
    """
    try:
        pipe = Piped(stream, name=name)
        found = kind or pipe.kind
        if not pipe.kind:
            raise CatalogError(f"{name} is empty")
        if found == "array":
            raise CatalogError(f"{name} is a JSON array; write one object per line")
        if found == "parquet":
            raise CatalogError(f"Parquet cannot be read from {name}, because its index is at its end; name a file")
        return _open_jsonl(pipe) if found == "jsonl" else _open_csv(pipe)
    except OSError as err:
        raise CatalogError(f"{name} cannot be read: {err.strerror or err}") from err


def open_frame(frame: Any) -> Table:
    """Open a pandas, Polars or PyArrow table, or a list of dictionaries; photos lie in the working folder.

    Raises
    ------
    CatalogError
        The object is none of these, or a column's name stands twice.
    """
    names: Iterable[Any] = ()
    if hasattr(frame, "to_pylist") and hasattr(frame, "column_names"):
        names = frame.column_names
        records = frame.to_pylist
    elif hasattr(frame, "to_dicts") and hasattr(frame, "columns"):
        names = frame.columns
        records = frame.to_dicts
    elif hasattr(frame, "to_dict") and hasattr(frame, "columns"):
        names = frame.columns
        records = partial(frame.to_dict, "records")
    elif isinstance(frame, Sequence) and all(isinstance(record, Mapping) for record in frame):
        names = dict.fromkeys(name for record in frame for name in record)
        records = partial(iter, frame)
    else:
        raise CatalogError(f"a catalogue is a path, a data frame or a list of dictionaries, not {type(frame).__name__}")
    columns = distinct_names([str(name) for name in names], place="the data")
    rows = (
        (number, {str(name): value for name, value in record.items()})
        for number, record in enumerate(records(), start=1)
    )
    return Table(columns=columns, rows=rows, folder=Path())


def table_kind(name: str, *, suffix: str) -> str:
    """Tell what a file holds by how its name ends: ``csv``, ``jsonl`` or ``parquet``.

    Raises
    ------
    CatalogError
        It is of no known kind; the message names the remedy, where there is one.
    """
    suffix = suffix.lower()
    for kind, suffixes in (("csv", CSV_SUFFIXES), ("jsonl", JSON_SUFFIXES), ("parquet", PARQUET_SUFFIXES)):
        if suffix in suffixes:
            return kind
    known = ", ".join(sorted(TABLE_SUFFIXES))
    remedy = f"; {_REMEDIES[suffix]}" if suffix in _REMEDIES else ""
    raise CatalogError(f"{name} is of no known kind{remedy}; known: {known}, or a folder")


def _open_file(path: Path, *, kind: str | None = None) -> Table:
    if path.stat().st_size == 0:
        raise CatalogError(f"{path} is empty")
    found = kind or table_kind(str(path), suffix=path.suffix)
    if found == "parquet":
        parquet = ParquetTable(path, name=str(path))
        return Table(columns=parquet.columns, rows=parquet.rows(), folder=path.parent)
    return _open_jsonl(path) if found == "jsonl" else _open_csv(path)


def _open_folder(folder: Path) -> Table:
    tables = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in TABLE_SUFFIXES - {".txt"} and p.is_file()]
    tables = [p for p in tables if not p.name.startswith(".") and ".quarantine." not in p.name]
    if len(tables) > 1:
        names = ", ".join(p.name for p in tables)
        raise CatalogError(f"{folder} holds several tables ({names}); name the one to read")
    if tables:
        return _open_file(tables[0])
    photos = [
        p
        for p in sorted(folder.rglob("*"))
        if p.suffix.lower() in PHOTO_SUFFIXES
        and not any(part.startswith(".") for part in p.relative_to(folder).parts)
        and p.is_file()
    ]
    if not photos:
        raise CatalogError(f"{folder} holds neither a table (CSV, JSON lines, Parquet) nor photos")
    rows = [(number, _photo_row(photo.relative_to(folder))) for number, photo in enumerate(photos, start=1)]
    notes = (f"{folder} holds photos and no table: the folders are the categories, the file names the titles",)
    return Table(columns=("id", "title", "photo", "category"), rows=rows, folder=folder, notes=notes)


def _photo_row(path: Path) -> dict[str, Any]:
    title = " ".join(path.stem.replace("_", " ").replace("-", " ").split())
    return {
        "id": path.as_posix(),
        "title": "" if _is_code(title) else title,
        "photo": path.as_posix(),
        "category": path.parts[:-1],
    }


def _is_code(title: str) -> bool:
    """Tell a hash or a counter from a name: "IMG 0042" says nothing of a product."""
    letters = title.replace(" ", "").lower()
    for prefix in ("img", "dsc", "dscn", "dscf", "pxl", "photo", "image", "p"):
        if letters.removeprefix(prefix).isdigit():
            return True
    digits = sum(char.isdigit() for char in letters)
    if " " not in title and digits >= 3 and 2 * digits > len(letters):  # A10042: an article number
        return True
    return len(letters) >= 16 and all(c in "0123456789abcdef" for c in letters)


def _open_csv(path: Path | Piped) -> Table:
    file = open_csv(path)
    return Table(columns=file.columns, rows=file.rows(), folder=path.parent, notes=file.notes)


def _open_jsonl(path: Path | Piped) -> Table:
    return Table(columns=find_keys(path), rows=read_json_lines(path), folder=path.parent)

"""Rows as they lie in a file: CSV, JSON lines, Parquet, a folder of photos, a data frame.

A reader yields ``(row number, values)`` and yields a `BadRow` instead where the row itself is damaged; it never stops
at one. Memory is bounded: one row, or one Parquet batch, at a time.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from aisle.catalog.quarantine import BadRow
from aisle.errors import CatalogError, CatalogNotFoundError
from aisle.extras import require

CSV_SUFFIXES = frozenset({".csv", ".tsv", ".txt"})
JSON_SUFFIXES = frozenset({".jsonl", ".ndjson"})
PARQUET_SUFFIXES = frozenset({".parquet", ".pq"})
TABLE_SUFFIXES = CSV_SUFFIXES | JSON_SUFFIXES | PARQUET_SUFFIXES
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})

_SAMPLE_BYTES = 1 << 20
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


def open_table(source: Path) -> Table:
    """Open a catalogue file or folder.

    Raises
    ------
    CatalogNotFoundError
        Nothing is there.
    CatalogError
        The kind of file is not known, the file is empty, or a folder holds several tables.
    """
    if not source.exists():
        raise CatalogNotFoundError(f"there is no catalogue at {source}; check the path")
    if source.is_dir():
        return _open_folder(source)
    if source.stat().st_size == 0:
        raise CatalogError(f"{source} is empty")
    suffix = source.suffix.lower()
    if suffix in PARQUET_SUFFIXES:
        return _open_parquet(source)
    if suffix in JSON_SUFFIXES:
        return _open_jsonl(source)
    if suffix in CSV_SUFFIXES:
        return _open_csv(source)
    raise CatalogError(
        f"{source} is of no known kind; known: {', '.join(sorted(TABLE_SUFFIXES))}, or a folder"
    )


def open_frame(frame: Any) -> Table:
    """Open a pandas, Polars or PyArrow table, or a list of dictionaries, with photos relative to the working folder.

    Raises
    ------
    CatalogError
        The object is none of these.
    """
    if hasattr(frame, "to_dicts"):
        records = frame.to_dicts()
    elif hasattr(frame, "to_pylist"):
        records = frame.to_pylist()
    elif hasattr(frame, "to_dict") and hasattr(frame, "columns"):
        records = frame.to_dict("records")
    elif isinstance(frame, Sequence) and all(isinstance(record, Mapping) for record in frame):
        records = frame
    else:
        raise CatalogError(
            f"a catalogue is a path, a data frame or a list of dictionaries, not {type(frame).__name__}"
        )
    columns = tuple(dict.fromkeys(str(name) for record in records for name in record))
    return Table(columns=columns, rows=list(enumerate(records, start=1)), folder=Path())


def _open_folder(folder: Path) -> Table:
    tables = [
        p for p in sorted(folder.iterdir()) if p.suffix.lower() in TABLE_SUFFIXES - {".txt"} and p.is_file()
    ]
    tables = [p for p in tables if not p.name.startswith(".") and ".quarantine." not in p.name]
    if len(tables) > 1:
        names = ", ".join(p.name for p in tables)
        raise CatalogError(f"{folder} holds several tables ({names}); name the one to read")
    if tables:
        return open_table(tables[0])
    photos = [
        p
        for p in sorted(folder.rglob("*"))
        if p.suffix.lower() in PHOTO_SUFFIXES
        and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    ]
    if not photos:
        raise CatalogError(f"{folder} holds neither a table (CSV, JSON lines, Parquet) nor photos")
    rows = [(number, _photo_row(photo.relative_to(folder))) for number, photo in enumerate(photos, start=1)]
    notes = (
        f"{folder} holds photos and no table: the folders are the categories, the file names the titles",
    )
    return Table(columns=("id", "title", "photo", "category"), rows=rows, folder=folder, notes=notes)


def _photo_row(path: Path) -> dict[str, str]:
    title = " ".join(path.stem.replace("_", " ").replace("-", " ").split())
    return {
        "id": path.as_posix(),
        "title": "" if _is_code(title) else title,
        "photo": path.as_posix(),
        "category": " > ".join(path.parts[:-1]),
    }


def _is_code(title: str) -> bool:
    """Tell a hash or a counter from a name: "IMG 0042" says nothing of a product."""
    letters = title.replace(" ", "").lower()
    return letters.isdigit() or (len(letters) >= 16 and all(c in "0123456789abcdef" for c in letters))


def _open_csv(path: Path) -> Table:
    encoding, notes = _guess_encoding(path)
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
        first = file.readline()
        delimiter = max(",;\t|", key=first.count)
        file.seek(0)
        header = next(csv.reader(file, delimiter=delimiter), [])
    columns = tuple(name.strip() or f"column_{i}" for i, name in enumerate(header, start=1))
    if len(set(columns)) != len(columns):
        doubled = next(name for name in columns if columns.count(name) > 1)
        raise CatalogError(f"{path}: the header names column {doubled!r} twice; rename one")
    rows = _csv_rows(path, columns, encoding=encoding, delimiter=delimiter)
    return Table(columns=columns, rows=rows, folder=path.parent, notes=notes)


def _guess_encoding(path: Path) -> tuple[str, tuple[str, ...]]:
    """UTF-8 unless the file says otherwise; one damaged row must not change how all others are read."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", ()
    text = sample.decode("utf-8", errors="surrogateescape")
    broken = sum("\udc80" <= char <= "\udcff" for char in text)
    valid = sum(char > "\x7f" for char in text) - broken
    if broken > max(valid, 3):
        return "cp1252", (f"{path} is not UTF-8; it was read as Windows-1252 (Western European)",)
    return "utf-8-sig", ()


def _csv_rows(
    path: Path, columns: tuple[str, ...], *, encoding: str, delimiter: str
) -> Iterator[Row | BadRow]:
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        reader = csv.reader(_without_nul(file), delimiter=delimiter)
        next(reader)
        number = 0
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as err:
                number += 1
                yield BadRow(
                    number, "unreadable", "", f"near line {reader.line_num}: {err}; is a quote left open?"
                )
                continue
            if cells:
                number += 1
                yield _csv_row(number, cells, columns)


def _without_nul(lines: IO[str]) -> Iterator[str]:
    """Mark NUL characters as damage, which spoils their own row only, instead of an error of the reader."""
    for line in lines:
        yield line.replace("\0", "\udc80")


def _csv_row(number: int, cells: list[str], columns: tuple[str, ...]) -> Row | BadRow:
    for name, cell in zip(columns, cells, strict=False):
        if any("\udc80" <= char <= "\udcff" for char in cell):
            return BadRow(number, "bad_encoding", name, f"{name} holds bytes that are not valid text")
    if len(cells) != len(columns):
        code = "missing_cells" if len(cells) < len(columns) else "extra_cells"
        return BadRow(number, code, "", f"{len(cells)} cells where the header has {len(columns)}")
    return number, dict(zip(columns, cells, strict=True))


def _open_jsonl(path: Path) -> Table:
    columns: dict[str, None] = {}
    for index, item in enumerate(_jsonl_rows(path)):
        if not isinstance(item, BadRow):
            columns.update(dict.fromkeys(item[1]))
        if index >= 1000:
            break
    if not columns:
        raise CatalogError(f"{path} holds no JSON object in its first lines; one object per line is expected")
    return Table(columns=tuple(columns), rows=_jsonl_rows(path), folder=path.parent)


def _jsonl_rows(path: Path) -> Iterator[Row | BadRow]:
    number = 0
    with path.open("rb") as file:
        for line in file:
            if not line.strip():
                continue
            number += 1
            try:
                value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except UnicodeDecodeError:
                yield BadRow(number, "bad_encoding", "", "the line is not valid UTF-8")
            except (json.JSONDecodeError, RecursionError) as err:
                yield BadRow(number, "bad_json", "", f"the line is not valid JSON: {err}")
            else:
                if isinstance(value, dict):
                    yield number, value
                else:
                    yield BadRow(number, "bad_json", "", "the line is not a JSON object")


def _open_parquet(path: Path) -> Table:
    parquet = require("pyarrow.parquet", extra="data")
    arrow = require("pyarrow", extra="data")
    try:
        file = parquet.ParquetFile(path)
    except arrow.ArrowException as err:
        raise CatalogError(f"{path} is not a readable Parquet file: {err}") from err
    return Table(columns=tuple(file.schema_arrow.names), rows=_parquet_rows(file), folder=path.parent)


def _parquet_rows(file: Any) -> Iterator[Row]:
    number = 0
    for batch in file.iter_batches(batch_size=1024):
        for values in batch.to_pylist():
            number += 1
            yield number, values

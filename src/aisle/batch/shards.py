"""Shards: some thousand rows of one file, which a worker reads by itself and numbers as the whole file does.

A shard carries what was recognised at the beginning of its file (encoding, delimiter, columns), so nothing is guessed
anew from rows in the middle. Rows without an id column are called by their number in their file, as ever; in a
batch of several files two may bear the same, as two ids may, and so answers carry their file and row as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice, pairwise
from pathlib import Path

from aisle.batch.parquet_rows import cut_row_groups, read_parquet, take_parquet
from aisle.batch.remote_photos import fetch_photos
from aisle.batch.sources import Source
from aisle.batch.storage import is_remote, local_path, told
from aisle.catalog.columns import Columns, recognise_columns
from aisle.catalog.csv_table import CsvFile, open_csv
from aisle.catalog.json_lines import find_keys, find_places, read_json_lines
from aisle.catalog.photo_files import PhotoFinder
from aisle.catalog.place import Place
from aisle.catalog.quarantine import BadRow
from aisle.catalog.stream import CatalogStream, stream_table
from aisle.catalog.tables import Row, Table
from aisle.errors import CatalogError

SHARD_ROWS = 2500
_PLAN_BLOCK = 4 << 20
_LEAST_BLOCK = 1 << 16
_MOST_BLOCK = 8 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    """What the beginning of a file says of all its rows.

    Attributes
    ----------
    columns : tuple of str
        In the order of the file.
    encoding, delimiter : str
        Of CSV.
    notes : tuple of str
        What a person should know, e.g. a guessed encoding.
    """

    columns: tuple[str, ...] = ()
    encoding: str = ""
    delimiter: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows of one file.

    Attributes
    ----------
    number : int
        0, 1, 2, ... in the order of the input.
    source : Source
        The file.
    first_row : int
        Counted from 1 in the file.
    rows : int
        How many; bad ones count.
    begin, end : int
        Where they lie, in bytes; 0 in Parquet.
    line : int
        Lines before them, in CSV.
    layout : Layout
        What the beginning of the file says of them.
    """

    number: int
    source: Source
    first_row: int
    rows: int
    begin: int = 0
    end: int = 0
    line: int = 0
    layout: Layout = field(default_factory=Layout)


def plan_shards(sources: Sequence[Source], *, rows: int = SHARD_ROWS) -> Iterator[Shard]:
    """Cut files into shards, in one pass over CSV and JSON lines, and from the index of Parquet.

    A shard has so many rows, but fewer where its file, or a large row group of Parquet, ends. Memory does not grow with
    the files.

    Parameters
    ----------
    sources : sequence of Source
        As `aisle.batch.sources.find_sources` finds them.
    rows : int
        Of a shard.

    Raises
    ------
    CatalogError
        A file cannot be read as a catalogue, or changed meanwhile.
    """
    if rows < 1:
        raise ValueError(f"a shard of {rows} rows is none; at least 1")
    number = 0
    for source in sources:
        if not source.size:
            continue
        source.check_unchanged()
        with told(source.url):
            for shard in _cut_parquet(source, rows) if source.kind == "parquet" else _cut_text(source, rows):
                yield replace(shard, number=number)
                number += 1
        source.check_unchanged()


def recognise_source(source: Source, *, mapping: Mapping[str, str] | None = None) -> Columns:
    """Return which column of a file plays which part, by its beginning, before anything is answered.

    Raises
    ------
    CatalogError
        It cannot be read as a catalogue, or no column holds what a product needs.
    """
    with told(source.url):
        if source.kind == "parquet":
            columns = take_parquet(source).columns
        else:
            file = source.file()
            columns = open_csv(file).columns if source.kind == "csv" else find_keys(file)
    return recognise_columns(columns, mapping=mapping)


def read_shard(
    shard: Shard, *, mapping: Mapping[str, str] | None = None, separator: str | None = None, labels: bool = False
) -> CatalogStream:
    """Read the rows of a shard, and no others: the same, with the same numbers, as `stream_catalog` reads of its file.

    Photos of files on this machine are looked for beside them, those in the table itself are taken from there. Beside
    a file of an object store lie those that its rows name by their path from there; they are fetched.

    Parameters
    ----------
    shard : Shard
        As planned.
    mapping : mapping of str to str, optional
        Role to column.
    separator : str, optional
        What stands between the names of a category path.
    labels : bool
        Whether categories are read; a batch does not ask for them.

    Raises
    ------
    CatalogError
        The file has changed or is gone; also while the stream is read, and where a row group is damaged.
    """
    source, layout = shard.source, shard.layout
    source.check_unchanged()
    columns, rows = _open_parquet(shard) if source.kind == "parquet" else (layout.columns, _read_text(shard))
    complete = _complete(rows, shard)
    finder = None
    if is_remote(source.url):
        photo = recognise_columns(columns, mapping=mapping).by_role.get("photo", ())
        complete = fetch_photos(complete, columns=photo, url=source.url)
    else:
        finder = _photos_beside(local_path(source.url).parent)
    table = Table(columns=columns, rows=complete, folder=None, notes=layout.notes)
    return stream_table(table, name=source.name, columns=mapping, separator=separator, labels=labels, finder=finder)


def _cut_parquet(source: Source, rows: int) -> Iterator[Shard]:
    first = 1
    for count in cut_row_groups(take_parquet(source).groups, rows=rows):
        yield Shard(number=0, source=source, first_row=first, rows=count)
        first += count


def _cut_text(source: Source, rows: int) -> Iterator[Shard]:
    file = source.file(block=_PLAN_BLOCK)
    if source.kind == "csv":
        table = open_csv(file)
        layout = Layout(table.columns, table.encoding, table.delimiter, table.notes)
        places = table.places(every=rows)
    else:
        layout = Layout(find_keys(file))
        places = find_places(file, every=rows)
    for begin, end in pairwise(places):
        yield Shard(
            number=0,
            source=source,
            first_row=begin.row + 1,
            rows=end.row - begin.row,
            begin=begin.byte,
            end=min(end.byte, source.size),  # a wide encoding may be cut off within its last character
            line=begin.line,
            layout=layout,
        )


def _open_parquet(shard: Shard) -> tuple[tuple[str, ...], Iterator[Row]]:
    table = take_parquet(shard.source)
    return table.columns, read_parquet(shard.source, table, first=shard.first_row, count=shard.rows)


def _read_text(shard: Shard) -> Iterator[Row | BadRow]:
    layout = shard.layout
    file = shard.source.file(block=min(max(shard.end - shard.begin, _LEAST_BLOCK), _MOST_BLOCK))
    begin = Place(byte=shard.begin, line=shard.line, row=shard.first_row - 1)
    if shard.source.kind == "jsonl":
        return islice(read_json_lines(file, begin=begin), shard.rows)
    table = CsvFile(file, layout.columns, layout.encoding, layout.delimiter, layout.notes, begin)
    return islice(table.rows(), shard.rows)


def _complete(rows: Iterator[Row | BadRow], shard: Shard) -> Iterator[Row | BadRow]:
    """Yield the rows; a CatalogError where the file had others when it was planned."""
    read = 0
    with told(shard.source.url):
        for row in rows:
            read += 1
            yield row
    shard.source.check_unchanged()
    if read < shard.rows:
        raise CatalogError(f"{shard.source.name} ends behind row {shard.first_row + read - 1:,}; it has changed")


@lru_cache(maxsize=4)
def _photos_beside(folder: Path) -> PhotoFinder:
    """Look through a folder once in a process, not once in a shard."""
    return PhotoFinder(folder)

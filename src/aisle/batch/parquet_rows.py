"""Parquet files in shards: where they are cut, and a reader that goes on where the last shard ended.

What Parquet can skip is row groups; within one it has to decode from its beginning. Files are often one row group of a
million rows, so a process keeps the file that it read last: through such a group it goes once, not once in a shard.
"""

from collections.abc import Iterator, Sequence

from aisle.batch.sources import Source
from aisle.batch.storage import is_remote, local_path
from aisle.catalog.parquet_table import ParquetRow, ParquetTable

_BLOCK = 1 << 18

_read_last: dict[Source, ParquetTable] = {}


def cut_row_groups(groups: Sequence[int], *, rows: int) -> Iterator[int]:
    """Yield how many rows each shard has.

    Whole row groups go together as long as they fit; a larger one is cut by itself. So a damaged one costs the rows of
    as few others as can be.

    >>> list(cut_row_groups([2, 2, 5, 1], rows=4))
    [4, 4, 1, 1]
    """
    gathered = 0
    for size in groups:
        if gathered and gathered + size > rows:
            yield gathered
            gathered = 0
        if size > rows:
            yield from (min(rows, size - begin) for begin in range(0, size, rows))
        else:
            gathered += size
    if gathered:
        yield gathered


def take_parquet(source: Source) -> ParquetTable:
    """Open a file, or take the one that this process read last, if it is the same.

    Raises
    ------
    CatalogError
        It is no Parquet file.
    """
    table = _read_last.pop(source, None)
    if table is None:
        file = source.file(block=_BLOCK).open() if is_remote(source.url) else local_path(source.url)
        table = ParquetTable(file, name=source.name)
    return table


def read_parquet(source: Source, table: ParquetTable, *, first: int, count: int) -> Iterator[ParquetRow]:
    """Read rows, with their numbers from 1, and keep the file for what comes next.

    Raises
    ------
    CatalogError
        A row group is damaged.
    """
    yield from table.rows(first=first, count=count)
    _read_last.clear()
    _read_last[source] = table

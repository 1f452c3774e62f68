"""Parquet: rows in batches, from any row on, in memory that depends neither on the file nor on its row groups."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import IO, Any

from aisle.errors import CatalogError
from aisle.extras import require

_BATCH = 256  # rows; a row may hold a photo
_BUFFER = 1 << 20  # bytes of each column; without a buffer a whole row group is read at once

ParquetRow = tuple[int, dict[str, Any]]


class ParquetTable:
    """The rows of a Parquet file. To read on where it stopped costs nothing; to go back, its row group anew.

    Parameters
    ----------
    file : Path or binary file
        A binary file is left open.
    name : str
        What messages call it.

    Attributes
    ----------
    columns : tuple of str
        In the order of the file.
    groups : tuple of int
        The rows of each row group, which are read independently of each other.

    Raises
    ------
    CatalogError
        It is no Parquet file, or a column's name stands there twice.
    """

    def __init__(self, file: Path | IO[bytes], *, name: str) -> None:
        arrow = require("pyarrow", extra="data")
        parquet = require("pyarrow.parquet", extra="data")
        self._name = name
        self._damage = (arrow.ArrowException, OSError)
        try:
            self._file = parquet.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER)
        except self._damage as err:
            raise CatalogError(f"{name} is not a readable Parquet file: {err}") from err
        self.columns = distinct_names(self._file.schema_arrow.names, place=name)
        meta = self._file.metadata
        self.groups = tuple(meta.row_group(group).num_rows for group in range(meta.num_row_groups))
        self._ends = [*accumulate(self.groups)]
        self._batches: Iterator[Any] = iter(())
        self._batch: Any = None
        self._group = -1
        self._row = 0  # how many rows lie before the next one

    def rows(self, *, first: int = 1, count: int | None = None) -> Iterator[ParquetRow]:
        """Read rows, with their numbers from 1.

        Raises
        ------
        CatalogError
            A row group is damaged.
        """
        last = sum(self.groups) if count is None else first + count - 1
        number = first - 1
        try:
            while number < last:
                self._go_to(number)
                for cells in zip(*map(_cells, self._take(last - number).columns), strict=True):
                    number += 1
                    yield number, dict(zip(self.columns, cells, strict=True))
        except self._damage as err:
            self._group = -1
            raise CatalogError(f"{self._name} is damaged behind row {number}: {err}; write it anew") from err

    def _go_to(self, row: int) -> None:
        group = bisect_right(self._ends, row)
        if group != self._group or row < self._row:
            self._open(group)
        while self._row < row:
            self._take(row - self._row)

    def _open(self, group: int) -> None:
        self._group = group
        self._row = self._ends[group - 1] if group else 0
        self._batch = None
        self._batches = self._file.iter_batches(batch_size=_BATCH, row_groups=[group], use_threads=False)

    def _take(self, most: int) -> Any:
        """Return the next rows, at least one and at most so many."""
        while self._batch is None or not self._batch.num_rows:
            if self._row == self._ends[self._group]:
                self._open(bisect_right(self._ends, self._row))
            self._batch = next(self._batches, None)
            if self._batch is None:
                raise OSError(f"row group {self._group} has fewer rows than the index says")
        part = self._batch.slice(0, most)
        self._batch = self._batch.slice(part.num_rows)
        self._row += part.num_rows
        return part


def distinct_names(names: Sequence[str], *, place: str) -> tuple[str, ...]:
    """Return names as they are; a CatalogError says which one stands there twice."""
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise CatalogError(f"{place}: column {doubled[0]!r} is there twice; rename one")
    return tuple(names)


def _cells(column: Any) -> list[Any]:
    """Return a column as Python values; one that Python cannot hold, as the year 60000, counts as none."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        return [_cell(scalar) for scalar in column]


def _cell(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        return None

"""Predictions as JSON lines, CSV or Parquet, written as they come; memory does not grow with their number.

JSON lines hold everything; columns of the input that play no part stand under ``extra``. CSV and Parquet have fixed
columns; those of the input follow under their own names, as text, with ``_input`` behind a name that is taken.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, Protocol

from aisle.catalog.quarantine import quote_formula
from aisle.engine.record import cell_text, format_record, path_text, prediction_record, rounded, valid_text
from aisle.extras import require
from aisle.product import Prediction, format_path

FORMATS = ("jsonl", "csv", "parquet")
FORMAT_OF_SUFFIX = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}

_ROWS_PER_GROUP = 4096
_CHARACTERS_PER_GROUP = 1 << 26
_MOST_LEFT_OUT = 20
_COLUMNS = ("id", "path", "probability", "decision", "leaf", "alternatives", "modalities")
_CSV_COLUMNS = (*_COLUMNS, "reason", "shares", "terms", "nearest", "engine")
_PARQUET_COLUMNS = (*_COLUMNS, "evidence", "engine")
_NEGATIVE = re.compile(r"-\d+(\.\d+)?([eE][+-]?\d+)?")


class PredictionWriter(Protocol):
    """Writes predictions to an open file.

    Attributes
    ----------
    left_out : set of str
        Columns of the input that some rows have and the format has no place for; the first twenty or so.
    """

    left_out: set[str]

    def write(self, predictions: Sequence[Prediction], *, extra: Sequence[Mapping[str, Any]]) -> None:
        """Write some predictions, each with the cells of its row that play no part."""

    def finish(self) -> None:
        """Write what is held back."""


@contextmanager
def open_writer(file: IO[bytes], *, form: str, columns: Sequence[str] = ()) -> Iterator[PredictionWriter]:
    """Open a writer on a binary file, which stays open.

    Parameters
    ----------
    file : binary file
        Where to.
    form : {"jsonl", "csv", "parquet"}
        How to write.
    columns : sequence of str
        Columns of the input that play no part. JSON lines keep whatever a row has; CSV and Parquet keep these.

    Raises
    ------
    MissingExtraError
        Parquet is asked for and pyarrow is not installed.
    """
    writer: PredictionWriter
    if form == "jsonl":
        writer = JsonLines(file)
    elif form == "csv":
        writer = CsvTable(file, columns)
    elif form == "parquet":
        writer = ParquetTable(file, columns)
    else:
        raise ValueError(f"{form!r} is no format; known: {', '.join(FORMATS)}")
    try:
        yield writer
        writer.finish()
    except BaseException:
        if isinstance(writer, ParquetTable):
            writer.abandon()
        raise


class JsonLines:
    """One object per line."""

    def __init__(self, file: IO[bytes]) -> None:
        self.left_out: set[str] = set()
        self._file = file

    def write(self, predictions: Sequence[Prediction], *, extra: Sequence[Mapping[str, Any]]) -> None:
        """Write a line for each prediction."""
        lines = [
            format_record(prediction_record(prediction, extra=cells)) + "\n"
            for prediction, cells in zip(predictions, extra, strict=True)
        ]
        self._file.write("".join(lines).encode())

    def finish(self) -> None:
        """Nothing is held back."""


class CsvTable:
    """A table that a spreadsheet opens without running what is in it."""

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None:
        self.left_out: set[str] = set()
        self._file = file
        self._extra = _named_apart(columns, taken=_CSV_COLUMNS)
        self._write([[*_CSV_COLUMNS, *self._extra.values()]])

    def write(self, predictions: Sequence[Prediction], *, extra: Sequence[Mapping[str, Any]]) -> None:
        """Write a row for each prediction."""
        rows = []
        for prediction, cells in zip(predictions, extra, strict=True):
            _note_left_out(self.left_out, cells, self._extra)
            rows.append([*_flat(prediction), *(cell_text(cells.get(name)) for name in self._extra)])
        self._write(rows)

    def finish(self) -> None:
        """Nothing is held back."""

    def _write(self, rows: Iterable[Sequence[Any]]) -> None:
        buffer = io.StringIO(newline="")
        csv.writer(buffer).writerows([_safe_cell(cell) for cell in row] for row in rows)
        self._file.write(buffer.getvalue().encode())


class ParquetTable:
    """A Parquet file with nested columns, a row group at a time."""

    def __init__(self, file: IO[bytes], columns: Sequence[str]) -> None:
        self.left_out: set[str] = set()
        self._arrow = require("pyarrow", extra="data")
        self._extra = _named_apart(columns, taken=_PARQUET_COLUMNS)
        self._schema = _parquet_schema(self._arrow, self._extra.values())
        self._writer = require("pyarrow.parquet", extra="data").ParquetWriter(file, self._schema)
        self._held: list[dict[str, Any]] = []
        self._characters = 0

    def write(self, predictions: Sequence[Prediction], *, extra: Sequence[Mapping[str, Any]]) -> None:
        """Hold some predictions until they fill a row group."""
        for prediction, cells in zip(predictions, extra, strict=True):
            _note_left_out(self.left_out, cells, self._extra)
            record = prediction_record(prediction)
            evidence = record["evidence"]
            evidence["shares"] = list(evidence["shares"].items())
            evidence["terms"] = [{"term": term, "weight": weight} for term, weight in evidence["terms"]]
            texts = {new: cell_text(cells.get(name)) for name, new in self._extra.items()}
            self._held.append(record | texts)
            self._characters += sum(len(text) for text in texts.values() if text)
            if len(self._held) == _ROWS_PER_GROUP or self._characters > _CHARACTERS_PER_GROUP:
                self._write_group()

    def finish(self) -> None:
        """Write the last row group and the index."""
        if self._held:
            self._write_group()
        self._writer.close()

    def abandon(self) -> None:
        """Close without a word, after something else has failed; what was written is of no use."""
        with suppress(Exception):
            self._writer.close()

    def _write_group(self) -> None:
        self._writer.write_table(self._arrow.Table.from_pylist(self._held, schema=self._schema))
        self._held.clear()
        self._characters = 0


def _parquet_schema(arrow: Any, extra: Iterable[str]) -> Any:
    text, number = arrow.string(), arrow.float64()
    near = arrow.struct({"id": text, "title": text, "category": text, "similarity": number})
    evidence = {
        "shares": arrow.map_(text, number),
        "terms": arrow.list_(arrow.struct({"term": text, "weight": number})),
        "nearest": arrow.list_(near),
        "reason": text,
    }
    types = dict.fromkeys(_PARQUET_COLUMNS, text) | {
        "probability": number,
        "alternatives": arrow.list_(arrow.struct({"path": text, "probability": number})),
        "modalities": arrow.list_(text),
        "evidence": arrow.struct(evidence),
    }
    return arrow.schema([*types.items(), *((name, text) for name in extra)])


def _flat(prediction: Prediction) -> tuple[Any, ...]:
    evidence = prediction.evidence
    return (
        prediction.id,
        path_text(prediction.path),
        rounded(prediction.probability),
        prediction.decision,
        path_text(prediction.leaf),
        " | ".join(f"{format_path(path)} ({p:.2f})" for path, p in prediction.alternatives),
        " | ".join(prediction.modalities),
        prediction.reason,
        " | ".join(f"{name} ({share:.2f})" for name, share in evidence.shares.items()),
        " | ".join(f"{term} ({weight:.2f})" for term, weight in evidence.terms),
        " | ".join(
            f"{near.id}: {near.title} ({format_path(near.category)}, {near.similarity:.2f})"
            for near in evidence.nearest
        ),
        prediction.engine,
    )  # fmt: skip


def _note_left_out(left_out: set[str], cells: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    if len(left_out) < _MOST_LEFT_OUT:
        left_out.update(cells.keys() - columns.keys())


def _named_apart(columns: Sequence[str], *, taken: Sequence[str]) -> dict[str, str]:
    """Return what each column of the input is called in the output, where no name stands twice."""
    names: dict[str, str] = {}
    used = {*taken}
    for column in columns:
        name = column if column not in used else f"{column}_input"
        copy = 2
        while name in used or (name != column and name in columns):
            name, copy = f"{column}_input_{copy}", copy + 1
        names[column] = valid_text(name)
        used.add(name)
    return names


def _safe_cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = valid_text(value).replace("\0", " ")
    return text if _NEGATIVE.fullmatch(text) else quote_formula(text)

"""Predictions as JSON lines, CSV or Parquet, written as they come; memory does not grow with their number.

JSON lines hold everything; columns of the input that play no part stand under ``extra``. CSV and Parquet have fixed
columns; those of the input follow under their own names, as text, with ``_input`` behind a name that is taken. Where
answers come from many files, each says behind its id which file and which row of it that was.
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
_PLACE_COLUMNS = ("source", "row")
_NEGATIVE = re.compile(r"-\d+(\.\d+)?([eE][+-]?\d+)?")

Place = tuple[str, int]
"""A file and a data row of it, from 1."""


class PredictionWriter(Protocol):
    """Writes predictions to an open file.

    Attributes
    ----------
    left_out : set of str
        Columns of the input that some rows have and the format has no place for; the first twenty or so.
    """

    left_out: set[str]

    def write(
        self,
        predictions: Sequence[Prediction],
        *,
        extra: Sequence[Mapping[str, Any]],
        places: Sequence[Place] | None = None,
    ) -> None:
        """Write some predictions, each with the cells of its row that play no part, and with its place if placed."""

    def finish(self) -> None:
        """Write what is held back."""


@contextmanager
def open_writer(
    file: IO[bytes], *, form: str, columns: Sequence[str] = (), placed: bool = False
) -> Iterator[PredictionWriter]:
    """Open a writer on a binary file, which stays open.

    Parameters
    ----------
    file : binary file
        Where to.
    form : {"jsonl", "csv", "parquet"}
        How to write.
    columns : sequence of str
        Columns of the input that play no part. JSON lines keep whatever a row has; CSV and Parquet keep these.
    placed : bool
        Whether each prediction comes with its place, which is written behind its id as ``source`` and ``row``.

    Raises
    ------
    MissingExtraError
        Parquet is asked for and pyarrow is not installed.
    """
    writer: PredictionWriter
    if form == "jsonl":
        writer = JsonLines(file)
    elif form == "csv":
        writer = CsvTable(file, columns, placed=placed)
    elif form == "parquet":
        writer = ParquetTable(file, columns, placed=placed)
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

    def write(
        self,
        predictions: Sequence[Prediction],
        *,
        extra: Sequence[Mapping[str, Any]],
        places: Sequence[Place] | None = None,
    ) -> None:
        """Write a line for each prediction."""
        lines = [
            format_record(_place_record(prediction_record(prediction, extra=cells), place)) + "\n"
            for prediction, cells, place in _together(predictions, extra, places)
        ]
        self._file.write("".join(lines).encode())

    def finish(self) -> None:
        """Nothing is held back."""


class CsvTable:
    """A table that a spreadsheet opens without running what is in it."""

    def __init__(self, file: IO[bytes], columns: Sequence[str], *, placed: bool = False) -> None:
        self.left_out: set[str] = set()
        self._file = file
        own = _placed(_CSV_COLUMNS, _PLACE_COLUMNS if placed else ())
        self._extra = _named_apart(columns, taken=own)
        self._write([[*own, *self._extra.values()]])

    def write(
        self,
        predictions: Sequence[Prediction],
        *,
        extra: Sequence[Mapping[str, Any]],
        places: Sequence[Place] | None = None,
    ) -> None:
        """Write a row for each prediction."""
        rows = []
        for prediction, cells, place in _together(predictions, extra, places):
            _note_left_out(self.left_out, cells, self._extra)
            own = _placed(_flat(prediction), place or ())
            rows.append([*own, *(cell_text(cells.get(name)) for name in self._extra)])
        self._write(rows)

    def finish(self) -> None:
        """Nothing is held back."""

    def _write(self, rows: Iterable[Sequence[Any]]) -> None:
        buffer = io.StringIO(newline="")
        csv.writer(buffer).writerows([_safe_cell(cell) for cell in row] for row in rows)
        self._file.write(buffer.getvalue().encode())


class ParquetTable:
    """A Parquet file with nested columns, a row group at a time."""

    def __init__(self, file: IO[bytes], columns: Sequence[str], *, placed: bool = False) -> None:
        self.left_out: set[str] = set()
        self._arrow = require("pyarrow", extra="data")
        own = _placed(_PARQUET_COLUMNS, _PLACE_COLUMNS if placed else ())
        self._extra = _named_apart(columns, taken=own)
        self._schema = _parquet_schema(self._arrow, own, self._extra.values())
        self._writer = require("pyarrow.parquet", extra="data").ParquetWriter(file, self._schema)
        self._held: list[dict[str, Any]] = []
        self._characters = 0

    def write(
        self,
        predictions: Sequence[Prediction],
        *,
        extra: Sequence[Mapping[str, Any]],
        places: Sequence[Place] | None = None,
    ) -> None:
        """Hold some predictions until they fill a row group."""
        for prediction, cells, place in _together(predictions, extra, places):
            _note_left_out(self.left_out, cells, self._extra)
            record = _place_record(prediction_record(prediction), place)
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


def _together(
    predictions: Sequence[Prediction], extra: Sequence[Mapping[str, Any]], places: Sequence[Place] | None
) -> Iterator[tuple[Prediction, Mapping[str, Any], Place | None]]:
    return zip(predictions, extra, places or (None,) * len(predictions), strict=True)


def _placed(values: Sequence[Any], place: Sequence[Any]) -> tuple[Any, ...]:
    """Put a place behind the id, which comes first."""
    return (*values[:1], *place, *values[1:])


def _place_record(record: dict[str, Any], place: Place | None) -> dict[str, Any]:
    if place is None:
        return record
    return {"id": record["id"], "source": valid_text(place[0]), "row": place[1]} | record


def _parquet_schema(arrow: Any, own: Iterable[str], extra: Iterable[str]) -> Any:
    text, number = arrow.string(), arrow.float64()
    near = arrow.struct({"id": text, "title": text, "category": text, "similarity": number})
    evidence = {
        "shares": arrow.map_(text, number),
        "terms": arrow.list_(arrow.struct({"term": text, "weight": number})),
        "nearest": arrow.list_(near),
        "reason": text,
    }
    special = {
        "row": arrow.int64(),
        "probability": number,
        "alternatives": arrow.list_(arrow.struct({"path": text, "probability": number})),
        "modalities": arrow.list_(text),
        "evidence": arrow.struct(evidence),
    }
    return arrow.schema([*((name, special.get(name, text)) for name in own), *((name, text) for name in extra)])


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

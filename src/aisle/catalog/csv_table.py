"""CSV as people and programs really write it: any of four delimiters, several encodings, quotes left open.

One damaged row must not cost its neighbours. A quote that is never closed makes a CSV reader swallow the rows
behind it into one cell, without an error where the number of cells happens to fit; so a record over several
lines that does not fit is read again: if its later lines are rows of their own, only the first is damaged.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from aisle.catalog.pipe import Piped
from aisle.catalog.quarantine import BadRow
from aisle.errors import CatalogError

_SAMPLE_BYTES = 1 << 20
_MAX_LINE = 1 << 23  # characters; the rest of a longer line is not read
_DELIMITERS = ",;\t|"
_DAMAGE = "\udc80"  # how surrogateescape marks a byte that is no text
_DAMAGED = re.compile("[\udc80-\udcff]")
_FEW = 3
_SHARE_OF_LINES = 0.2
_SHARE_NOT_WESTERN = 0.3

CsvRow = tuple[int, dict[str, str]]


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose header was understood.

    Attributes
    ----------
    path : Path or Piped
        Where it lies.
    columns : tuple of str
        The header; a name that stands there twice has a number behind it the second time.
    encoding : str
        As Python calls it.
    delimiter : str
        One character.
    notes : tuple of str
        What a person should know.
    """

    path: Path | Piped
    columns: tuple[str, ...]
    encoding: str
    delimiter: str
    notes: tuple[str, ...]

    def rows(self) -> Iterator[CsvRow | BadRow]:
        """Read the rows, with their numbers from 1; blank lines do not count."""
        with _open(self.path, self.encoding) as lines:
            _read_header(lines, self.path)
            number = 0
            for record in _records(lines, width=len(self.columns), delimiter=self.delimiter):
                if record == []:
                    continue
                number += 1
                if isinstance(record, str):
                    yield BadRow(number, "unreadable", "", record)
                else:
                    yield self._row(number, record)

    def _row(self, number: int, cells: list[str]) -> CsvRow | BadRow:
        for name, cell in zip(self.columns, cells, strict=False):
            if _DAMAGED.search(cell):
                return BadRow(number, "bad_encoding", name, f"{name} holds bytes that are not valid text")
        width = len(self.columns)
        if len(cells) < width:
            return BadRow(number, "missing_cells", "", f"{len(cells)} cells where the header has {width}")
        if any(cell.strip() for cell in cells[width:]):  # a row may end in a delimiter too many
            return BadRow(number, "extra_cells", "", f"{len(cells)} cells where the header has {width}")
        return number, dict(zip(self.columns, cells, strict=False))


def open_csv(path: Path | Piped) -> CsvFile:
    """Find out how a CSV file is written.

    Raises
    ------
    CatalogError
        It has no header, or is not text.
    """
    encoding, notes = _guess_encoding(path)
    with _open(path, encoding) as lines:
        header, delimiter = _read_header(lines, path)
    columns: list[str] = []
    for position, cell in enumerate(header, start=1):
        name = cell.strip() or f"column_{position}"
        if name in columns:
            first, copy = name, 2
            while (name := f"{first} ({copy})") in columns:
                copy += 1
            notes = (*notes, f"the header names column {first!r} twice; the second is called {name!r} here")
        columns.append(name)
    return CsvFile(path, tuple(columns), encoding, delimiter, notes)


class _Lines:
    """The lines of a file, counted; some can be handed back and are read again."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._back: deque[str] = deque()
        self.taken: list[str] = []
        self.ended = False
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._read()
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        return line

    def hand_back(self, lines: list[str]) -> None:
        self._back.extendleft(reversed(lines))
        self.number -= len(lines)

    def _read(self) -> str:
        line = self._file.readline(_MAX_LINE)
        rest = line
        while len(rest) == _MAX_LINE and not rest.endswith(("\n", "\r")):
            rest = self._file.readline(_MAX_LINE)
        return line.replace("\0", _DAMAGE)


@contextmanager
def _open(path: Path | Piped, encoding: str) -> Iterator[_Lines]:
    # The wide encodings cannot mark a damaged byte, only replace it.
    errors = "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    with path.open(encoding=encoding, errors=errors, newline="") as file:
        yield _Lines(file)


def _read_header(lines: _Lines, path: Path | Piped) -> tuple[list[str], str]:
    """Return the header as cells, and the delimiter, which a line ``sep=;`` before it (Excel) may name."""
    delimiter = ""
    line = next((line for line in lines if line.strip()), "")
    if named := re.fullmatch(r"sep=(.)\s*", line, re.IGNORECASE):
        delimiter = named[1]
        line = next((line for line in lines if line.strip()), "")
    delimiter = delimiter or max(_DELIMITERS, key=re.sub(r'"[^"]*"', "", line).count)
    lines.hand_back([line] if line else [])
    lines.taken.clear()
    try:
        header = next(csv.reader(lines, delimiter=delimiter))
    except (StopIteration, csv.Error) as err:
        raise CatalogError(
            f"{path} has no header that can be read: {str(err) or 'there are only blank lines'}"
        ) from err
    if lines.ended or any(_DAMAGED.search(name) for name in header):
        raise CatalogError(f"the header of {path} is not text, or a quote is left open: is it really a CSV file?")
    return header, delimiter


def _records(lines: _Lines, *, width: int, delimiter: str) -> Iterator[list[str] | str]:
    """Yield the cells of each record, or what is wrong with it; an empty list for a blank line."""
    while True:
        lines.taken.clear()
        lines.ended = False
        problem = ""
        cells: list[str] = []
        try:
            cells = next(csv.reader(lines, delimiter=delimiter))
        except StopIteration:
            return
        except csv.Error as err:
            problem = str(err)
        if lines.ended:
            problem = "a quote is never closed"
        taken = list(lines.taken)
        first = lines.number - len(taken) + 1
        fits = not problem and len(cells) == width and (len(taken) == 1 or _is_strict(taken, delimiter))
        swallowed = bool(problem) and len(taken) > 1  # by a quote that is never closed: every later line is a row
        if not fits and (swallowed or any(_count(line, delimiter) == width > 1 for line in taken[1:])):
            lines.hand_back(taken[1:])
            yield f"line {first}: a quote is left open"
        elif problem:
            yield f"line {first}: {problem}; is a quote left open?"
        else:
            yield [] if len(taken) == 1 and not taken[0].strip() else cells


def _is_strict(lines: list[str], delimiter: str) -> bool:
    return _count(lines, delimiter) > 0


def _count(lines: list[str] | str, delimiter: str) -> int:
    """Count the cells of one record by the strict rules; 0 where it breaks them."""
    source = [lines] if isinstance(lines, str) else lines
    try:
        return len(next(csv.reader(source, delimiter=delimiter, strict=True), ()))
    except csv.Error:
        return 0


def _guess_encoding(path: Path | Piped) -> tuple[str, tuple[str, ...]]:
    """UTF-8 unless the file says otherwise; one damaged row must not change how all others are read."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    if sample.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "utf-32", ()
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", ()
    if sample[:4096].count(0) * 3 > len(sample[:4096]):  # Latin text in UTF-16 is half NUL
        return ("utf-16-le" if sample[1:4096:2].count(0) > sample[:4096:2].count(0) else "utf-16-be"), ()
    text = sample.decode("utf-8", errors="surrogateescape")
    broken = len(_DAMAGED.findall(text))
    valid = len(re.findall("[^\0-\x7f]", text)) - broken
    if broken <= valid:
        return "utf-8-sig", ()
    lines = [line for line in text.splitlines() if line.strip()]
    damaged = sum(bool(_DAMAGED.search(line)) for line in lines)
    if broken <= _FEW and damaged < _SHARE_OF_LINES * len(lines):
        return "utf-8-sig", ()
    if broken > _SHARE_NOT_WESTERN * len(text):
        raise CatalogError(f"{path} is neither UTF-8 nor Western European text; save it as UTF-8")
    return "cp1252", (f"{path} is not UTF-8; it was read as Windows-1252 (Western European)",)

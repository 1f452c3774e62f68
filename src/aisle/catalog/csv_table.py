"""CSV as people and programs really write it: any of four delimiters, several encodings, quotes left open."""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass

from aisle.catalog.csv_lines import Lines, open_lines, read_records, skim_records
from aisle.catalog.place import Opener, Place
from aisle.catalog.quarantine import BadRow
from aisle.errors import CatalogError

_SAMPLE_BYTES = 1 << 20
_DELIMITERS = ",;\t|"
_DAMAGED = re.compile("[\udc80-\udcff]")
_FEW = 3
_SHARE_OF_LINES = 0.2
_SHARE_NOT_WESTERN = 0.3
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}

CsvRow = tuple[int, dict[str, str]]


@dataclass(frozen=True)
class CsvFile:
    """A CSV file whose header was understood.

    Attributes
    ----------
    path : path, or what opens like one
        Where it lies.
    columns : tuple of str
        The header; a name that stands there twice has a number behind it the second time.
    encoding : str
        As Python calls it.
    delimiter : str
        One character.
    notes : tuple of str
        What a person should know.
    begin : Place
        Where the rows begin: behind the header, or further on where only later rows are wanted.
    """

    path: Opener
    columns: tuple[str, ...]
    encoding: str
    delimiter: str
    notes: tuple[str, ...]
    begin: Place

    def rows(self) -> Iterator[CsvRow | BadRow]:
        """Read the rows, with their numbers from 1; blank lines do not count."""
        with open_lines(self.path, self.encoding, at=self.begin) as lines:
            number = self.begin.row
            for record in read_records(lines, width=len(self.columns), delimiter=self.delimiter):
                if record == []:
                    continue
                number += 1
                if isinstance(record, str):
                    yield BadRow(number, "unreadable", "", record)
                else:
                    yield self._row(number, record)

    def places(self, *, every: int) -> Iterator[Place]:
        """Yield where the rows begin, where every so many of them end, and where the last one ends.

        A file that begins at any of these places has, from there on, the same rows with the same numbers.
        """
        byte, row = self.begin.byte, self.begin.row
        yield self.begin
        with open_lines(self.path, self.encoding, at=self.begin) as lines:
            records = read_records(lines, width=len(self.columns), delimiter=self.delimiter)
            left = every
            while lines.take_many():
                found, used = skim_records(lines.taken, width=len(self.columns), delimiter=self.delimiter, most=left)
                lines.hand_back(len(lines.taken) - used)
                if not used:
                    found = int(next(records) != [])
                byte, row, left = byte + lines.size(), row + found, left - found
                if not left:
                    yield Place(byte=byte, line=lines.number, row=row)
                    left = every
                lines.taken.clear()
        if left < every:
            yield Place(byte=byte, line=lines.number, row=row)

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


def open_csv(path: Opener) -> CsvFile:
    """Find out how a CSV file is written.

    Raises
    ------
    CatalogError
        It has no header, or is not text.
    """
    encoding, mark, notes = _guess_encoding(path)
    with open_lines(path, encoding, at=Place(byte=mark)) as lines:
        header, delimiter = _read_header(lines, path)
        begin = Place(byte=mark + lines.size(), line=lines.number)
    columns: list[str] = []
    for position, cell in enumerate(header, start=1):
        name = cell.strip() or f"column_{position}"
        if name in columns:
            first, copy = name, 2
            while (name := f"{first} ({copy})") in columns:
                copy += 1
            notes = (*notes, f"the header names column {first!r} twice; the second is called {name!r} here")
        columns.append(name)
    return CsvFile(path, tuple(columns), encoding, delimiter, notes, begin)


def _read_header(lines: Lines, path: Opener) -> tuple[list[str], str]:
    """Return the header as cells, and the delimiter, which a line ``sep=;`` before it (Excel) may name."""
    delimiter = ""
    line = next((line for line in lines if line.strip()), "")
    if named := re.fullmatch(r"sep=(.)\s*", line, re.IGNORECASE):
        delimiter = named[1]
        line = next((line for line in lines if line.strip()), "")
    delimiter = delimiter or max(_DELIMITERS, key=re.sub(r'"[^"]*"', "", line).count)
    lines.hand_back(1 if line else 0)
    try:
        header = next(csv.reader(lines, delimiter=delimiter))
    except (StopIteration, csv.Error) as err:
        raise CatalogError(
            f"{path} has no header that can be read: {str(err) or 'there are only blank lines'}"
        ) from err
    if lines.ended or any(_DAMAGED.search(name) for name in header):
        raise CatalogError(f"the header of {path} is not text, or a quote is left open: is it really a CSV file?")
    return header, delimiter


def _guess_encoding(path: Opener) -> tuple[str, int, tuple[str, ...]]:
    """Return the encoding, how many bytes of it are a byte order mark, and notes.

    It is UTF-8 unless the file says otherwise; one damaged row must not change how all others are read.
    """
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    for mark, wide in _MARKS.items():  # the longer ones first: one of them begins with a shorter one
        if sample.startswith(mark):
            return wide, len(mark), ()
    if sample[:4096].count(0) * 3 > len(sample[:4096]):  # Latin text in UTF-16 is half NUL
        little = sample[1:4096:2].count(0) > sample[:4096:2].count(0)
        return ("utf-16-le" if little else "utf-16-be"), 0, ()
    mark_size = len(codecs.BOM_UTF8) if sample.startswith(codecs.BOM_UTF8) else 0
    text = sample.decode("utf-8", errors="surrogateescape")
    broken = len(_DAMAGED.findall(text))
    valid = len(re.findall("[^\0-\x7f]", text)) - broken
    if broken <= valid:
        return "utf-8", mark_size, ()
    lines = [line for line in text.splitlines() if line.strip()]
    damaged = sum(bool(_DAMAGED.search(line)) for line in lines)
    if broken <= _FEW and damaged < _SHARE_OF_LINES * len(lines):
        return "utf-8", mark_size, ()
    if broken > _SHARE_NOT_WESTERN * len(text):
        raise CatalogError(f"{path} is neither UTF-8 nor Western European text; save it as UTF-8")
    return "cp1252", 0, (f"{path} is not UTF-8; it was read as Windows-1252 (Western European)",)

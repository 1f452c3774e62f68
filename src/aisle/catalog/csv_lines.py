"""The lines of a CSV file, and which of them are a record.

One damaged row must not cost its neighbours. A quote that is never closed makes a CSV reader swallow the rows behind
it into one cell, without an error where the number of cells happens to fit; so a record over several lines that does
not fit is read again: if its later lines are rows of their own, only the first is damaged.
"""

import csv
import io
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aisle.catalog.place import Opener, Place

MAX_LINE = 1 << 23  # characters; the rest of a longer line is not read
DAMAGE = "\udc80"  # how surrogateescape marks a byte that is no text
_MAX_LINES = 1 << 16  # of one record
_AHEAD = 1 << 15  # characters


class Lines:
    """The lines of a file, counted; some can be handed back and are read again.

    Attributes
    ----------
    taken : list of str
        Those taken since somebody last cleared it, and not handed back.
    ended : bool
        Whether somebody asked for a line when there was none.
    number : int
        How many stand before the next one in the file.
    """

    def __init__(self, file: io.TextIOWrapper, *, number: int) -> None:
        self._file = file
        self._back: deque[str] = deque()
        self.taken: list[str] = []
        self.ended = False
        self.number = number

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= _MAX_LINES:
            raise csv.Error(f"it does not end within {_MAX_LINES:,} lines")
        line = self._back.popleft() if self._back else self._read()
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        return line

    def take_many(self) -> bool:
        """Take all that were handed back, or else some tens of thousands of characters of lines, if there are any."""
        if not self._back and (text := self._file.read(_AHEAD)):
            *lines, last = io.StringIO(text + self._file.readline(MAX_LINE), newline="")
            self._back.extend(line.replace("\0", DAMAGE) for line in lines)
            self._back.append(self._cut(last))
        self.number += len(self._back)
        self.taken += self._back
        self._back.clear()
        return bool(self.taken)

    def hand_back(self, count: int) -> None:
        """Hand back the last ones taken."""
        if count:
            self._back.extendleft(reversed(self.taken[-count:]))
            del self.taken[-count:]
            self.number -= count

    def size(self) -> int:
        """Return how many bytes of the file the lines taken are."""
        dropped = sum(line.dropped for line in self.taken if isinstance(line, _CutLine))
        return self._bytes("".join(self.taken)) + dropped

    def _read(self) -> str:
        return self._cut(self._file.readline(MAX_LINE))

    def _cut(self, line: str) -> str:
        """Leave out the rest of a line that is too long, of which at most as much has been read as fits."""
        if len(line) < MAX_LINE:
            return line.replace("\0", DAMAGE)
        rest, dropped = line, self._bytes(line[MAX_LINE:])
        while rest and not rest.endswith(("\n", "\r")):
            rest = self._file.readline(MAX_LINE)
            dropped += self._bytes(rest)
        return _CutLine(line[:MAX_LINE].replace("\0", DAMAGE), dropped=dropped)

    def _bytes(self, text: str) -> int:
        # Damage is as long in the file as what is put for it: a byte, or one unit of a wide encoding.
        return len(text.encode(self._file.encoding, "replace"))


class _CutLine(str):
    """The beginning of a line that is too long, which knows how many bytes of it are left out."""

    __slots__ = ("dropped",)
    dropped: int

    def __new__(cls, text: str, *, dropped: int) -> "_CutLine":
        line = super().__new__(cls, text)
        line.dropped = dropped
        return line


@contextmanager
def open_lines(path: Opener, encoding: str, *, at: Place) -> Iterator[Lines]:
    """Open a file at the beginning of a line."""
    # The wide encodings cannot mark a damaged byte, only replace it.
    errors = "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    with path.open("rb") as file:
        if file.seekable():
            file.seek(at.byte)
        else:
            file.read(at.byte)
        with io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="") as text:
            yield Lines(text, number=at.line)


def read_records(lines: Lines, *, width: int, delimiter: str) -> Iterator[list[str] | str]:
    """Yield the cells of each record, or what is wrong with it; an empty list for a blank line.

    The lines of the record are then those that `lines` has taken.
    """
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        lines.taken.clear()
        lines.ended = False
        problem = ""
        cells: list[str] = []
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as err:
            problem = str(err)
        if lines.ended:
            problem = "a quote is never closed"
        taken = lines.taken
        first = lines.number - len(taken) + 1
        fits = not problem and len(cells) == width and (len(taken) == 1 or _count(taken, delimiter) > 0)
        swallowed = bool(problem) and len(taken) > 1  # by a quote that is never closed: every later line is a row
        if not fits and (swallowed or any(_count(line, delimiter) == width > 1 for line in taken[1:])):
            lines.hand_back(len(taken) - 1)
            yield f"line {first}: a quote is left open"
        elif problem:
            yield f"line {first}: {problem}; is a quote left open?"
        else:
            yield [] if len(taken) == 1 and not taken[0].strip() else cells


def skim_records(lines: list[str], *, width: int, delimiter: str, most: int) -> tuple[int, int]:
    """Count the records that `read_records` would read, as far as they are plain ones, several times as fast.

    Parameters
    ----------
    lines : list of str
        Whole lines, the first of which begins a record.
    width : int
        Cells of the header.
    delimiter : str
        One character.
    most : int
        How many to count at most.

    Returns
    -------
    records : int
        Blank lines not counted.
    used : int
        How many lines these are, with blank ones. What comes next is for `read_records`: it may be damaged, or go on
        behind the last of these lines.
    """
    records = used = 0
    if '"' not in "".join(lines):
        for line in lines:
            used += 1
            records += not line.isspace()
            if records == most:
                break
        return records, used
    for strict in (True, False):  # what the strict rules take for one record is one; most files keep to them
        begin = used
        reader = csv.reader([*lines[begin:], "\n"], delimiter=delimiter, strict=strict)
        with suppress(csv.Error):
            for cells in reader:
                end = begin + reader.line_num
                if end > len(lines):  # the line added here: of its own, or swallowed by a quote that is still open
                    return records, used
                many = end > used + 1
                if many and (len(cells) != width or not (strict or _count(lines[used:end], delimiter))):
                    return records, used
                records += many or (bool(cells) and not lines[used].isspace())
                used = end
                if records == most:
                    return records, used
    return records, used


def _count(lines: list[str] | str, delimiter: str) -> int:
    """Count the cells of one record by the strict rules; 0 where it breaks them."""
    source = [lines] if isinstance(lines, str) else lines
    try:
        return len(next(csv.reader(source, delimiter=delimiter, strict=True), ()))
    except csv.Error:
        return 0

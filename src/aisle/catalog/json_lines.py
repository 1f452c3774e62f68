"""JSON lines: one object per line; a line that is none fails alone."""

import json
from collections.abc import Iterator
from typing import IO, Any

from aisle.catalog.pipe import Piped
from aisle.catalog.place import Opener, Place
from aisle.catalog.quarantine import BadRow
from aisle.errors import CatalogError

_MAX_LINE = 1 << 23
_OBJECTS_LOOKED_AT = 1000
_BEGINNING = Place()

JsonRow = tuple[int, dict[str, Any]]


def find_keys(path: Opener) -> tuple[str, ...]:
    """Return the keys of the first thousand objects, in the order of their first appearance.

    Raises
    ------
    CatalogError
        No object has a key.
    """
    keys: dict[str, None] = {}
    objects = 0
    first_problem = ""
    for item in read_json_lines(path.beginning() if isinstance(path, Piped) else path):
        if isinstance(item, BadRow):
            first_problem = first_problem or f"; row {item.row}: {item.message}"
            continue
        keys.update(dict.fromkeys(item[1]))
        objects += 1
        if objects >= _OBJECTS_LOOKED_AT:
            break
    if not keys:
        raise CatalogError(f"{path} holds no JSON object with a key; one per line is expected{first_problem}")
    return tuple(keys)


def read_json_lines(path: Opener, *, begin: Place = _BEGINNING) -> Iterator[JsonRow | BadRow]:
    """Read the objects with their numbers from 1, from a place on; blank lines do not count."""
    number = begin.row
    with path.open("rb") as file:
        if begin.byte:
            file.seek(begin.byte)
        for line, size in _lines(file):
            if not line.isspace():
                number += 1
                yield _bad_line(number, too_long=True) if size > len(line) else _read_line(number, line)


def find_places(path: Opener, *, every: int) -> Iterator[Place]:
    """Yield where the rows begin, where every so many of them end, and where the last one ends."""
    byte = row = 0
    yield _BEGINNING
    with path.open("rb") as file:
        for line, size in _lines(file):
            byte += size
            if not line.isspace():
                row += 1
                if row % every == 0:
                    yield Place(byte=byte, row=row)
    if row % every:
        yield Place(byte=byte, row=row)


def _lines(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield the lines, with their sizes; of one that is too long only the beginning."""
    while line := file.readline(_MAX_LINE):
        size = len(line)
        rest = line
        while len(rest) == _MAX_LINE and not rest.endswith(b"\n"):
            rest = file.readline(_MAX_LINE)
            size += len(rest)
        yield line, size


def _read_line(number: int, line: bytes) -> JsonRow | BadRow:
    try:
        value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError:
        return BadRow(number, "bad_encoding", "", "the line is not valid UTF-8")
    except (ValueError, RecursionError) as err:  # ValueError: also a number of thousands of digits
        return BadRow(number, "bad_json", "", f"the line is not valid JSON: {err}")
    return (number, value) if isinstance(value, dict) else _bad_line(number, too_long=False)


def _bad_line(number: int, *, too_long: bool) -> BadRow:
    message = f"the line is longer than {_MAX_LINE:,} bytes" if too_long else "the line is not a JSON object"
    return BadRow(number, "bad_json", "", message)

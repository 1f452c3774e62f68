"""Standard input and other pipes: read once, though a reader looks at the beginning before it reads."""

import io
from pathlib import Path
from typing import IO, Any, Literal

from aisle.errors import CatalogError

_BLOCK = 1 << 16
_HEAD_BYTES = (1 << 20) + _BLOCK  # more than `aisle.catalog.csv_table` looks at
_MOST_HEAD = 1 << 23


class Piped:
    """A pipe that can be opened like a path: several times from its beginning, once to its end.

    The beginning, a megabyte or the first line, is kept in memory; the rest never is. Readers that stay
    within it may open the pipe again.

    Parameters
    ----------
    stream : binary file
        Read from where it stands; not closed.
    name : str
        What messages call it.

    Attributes
    ----------
    parent : Path
        Where photos that its rows name may lie: the working folder.
    """

    def __init__(self, stream: IO[bytes], *, name: str) -> None:
        self.name = name
        self.parent = Path()
        self._stream = stream
        self._ended = False
        self._beyond = False
        head = bytearray()
        while not self._ended and (len(head) < _HEAD_BYTES or (b"\n" not in head and len(head) < _MOST_HEAD)):
            head += self._more(_BLOCK)
        self._head = bytes(head)

    def __str__(self) -> str:
        return self.name

    @property
    def kind(self) -> str:
        """Tell what is in it by its first byte that is not blank.

        It is ``jsonl``, ``array`` (of JSON), ``parquet``, else ``csv``; or nothing, where there is none.
        """
        if self._head.startswith(b"PAR1"):
            return "parquet"
        first = self._head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        return {b"": "", b"{": "jsonl", b"[": "array"}.get(first, "csv")

    def beginning(self) -> "Piped":
        """Return the part that is in memory, as a pipe of its own."""
        return Piped(io.BytesIO(self._head), name=self.name)

    def open(self, _mode: Literal["rb"], /) -> IO[bytes]:
        """Open it from its beginning, as `pathlib.Path.open` does.

        Raises
        ------
        CatalogError
            An earlier reader went beyond the part that is kept.
        """
        if self._beyond:
            raise CatalogError(f"the header of {self} is longer than {len(self._head):,} bytes: is it really a table?")
        return io.BufferedReader(_Replay(self), _BLOCK)

    def read_at(self, position: int, size: int) -> bytes:
        """Return what lies at a position of the kept part, or, behind that, what comes next."""
        if position < len(self._head):
            return self._head[position : position + size]
        data = self._more(size)
        self._beyond = self._beyond or bool(data)
        return data

    def _more(self, size: int) -> bytes:
        """Read on; after the end never again, as a terminal would ask for more."""
        data = b"" if self._ended else self._stream.read(size)
        self._ended = not data
        return data


class _Replay(io.RawIOBase):
    """One reading of a pipe from its beginning."""

    def __init__(self, pipe: Piped) -> None:
        self._pipe = pipe
        self._position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._pipe.read_at(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

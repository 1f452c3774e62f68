"""Where rows begin in a file, and what a file is to those who read it."""

from dataclasses import dataclass
from typing import IO, Any, Literal, Protocol


class Opener(Protocol):
    """A path, or what can be opened like one; as text it is what messages call it."""

    def open(self, mode: Literal["rb"], /) -> IO[Any]:
        """Open it from its beginning, to read bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Between two rows of a file.

    Attributes
    ----------
    byte, line, row : int
        How much of the file lies before it; lines are counted in CSV only.
    """

    byte: int = 0
    line: int = 0
    row: int = 0

"""Where things lie in an engine's folder, what its files may be called, and how large they may be."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aisle.errors import EngineError

FORMAT = 2
"""The layout of an engine's folder; raised with every change that an older Aisle could not read. Since 2 an encoder
says how its numbers are pooled and its pixels scaled."""
OLDEST_FORMAT = 1
"""The oldest that is read."""

MANIFEST = "manifest.json"
CARD = "README.md"

MAX_MANIFEST_BYTES = 1 << 20
MAX_FILE_BYTES = 2 << 30
MAX_TOTAL_BYTES = 8 << 30

_MAX_NAME = 200
_MAX_PARTS = 4
_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """The paths of one engine.

    Parameters
    ----------
    folder : Path
        The engine's folder as its user names it; it may be reached through a symbolic link.
    """

    folder: Path

    @property
    def real(self) -> Path:
        """The folder itself, links resolved."""
        return Path(os.path.realpath(self.folder))

    @property
    def previous(self) -> Path:
        """Where an engine waits while another takes its place: it is the engine when the folder is missing."""
        real = self.real
        return real.with_name(f".{real.name}.previous")

    @property
    def manifest(self) -> Path:
        """The list of files and hashes."""
        return self.folder / MANIFEST

    @property
    def card(self) -> Path:
        """The model card."""
        return self.folder / CARD


def check_names(names: Iterable[str], *, source: str) -> None:
    """Refuse names that could reach outside the folder, or mean two things on some system.

    A name is one to four parts joined by ``/``, each of ASCII letters, digits and ``._-``, beginning with none of
    ``.-`` and not ending with a dot. Two names may not differ by case alone, and none may be the folder of another.

    Parameters
    ----------
    names : iterable of str
        The names of an engine's files.
    source : str
        What the error calls the place of the names.

    Raises
    ------
    EngineError
        A name is refused.
    """
    seen: dict[str, str] = {}
    for name in names:
        if not _is_plain(name):
            raise EngineError(
                f"{source} lists a file named {name[:100]!r}, which no engine has; do not use this folder, "
                "or train the engine anew"
            )
        folded = name.lower()
        if folded == MANIFEST or folded in seen:
            raise EngineError(
                f"{source} lists {name!r}, which cannot be told from {seen.get(folded, MANIFEST)!r}; "
                "train the engine anew"
            )
        seen[folded] = name
    for folded, name in seen.items():
        for at in range(folded.count("/")):
            parent = "/".join(folded.split("/")[: at + 1])
            if parent in seen or parent == MANIFEST:
                raise EngineError(f"{source} lists {name!r} inside of a file; train the engine anew")


def _is_plain(name: str) -> bool:
    parts = name.split("/")
    return (
        len(name) <= _MAX_NAME
        and len(parts) <= _MAX_PARTS
        and all(_PART.fullmatch(part) and not _DEVICES.fullmatch(part) for part in parts)
    )

"""Where a catalogue's photos lie."""

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from aisle.catalog.cell_lists import parse_list
from aisle.catalog.tables import PHOTO_SUFFIXES

_DEPTH = 2
_LONGEST = 4096


@dataclass
class PhotoFinder:
    """Finds the photo that a row names, beside the catalogue.

    A name is tried as it is, relative to the catalogue, and then by its last part in the catalogue's folder
    and the folders up to two below, hidden ones left out. Where two photos of that name lie equally deep,
    none is taken: a missing photo is better than another product's. A relative name never leads out of the
    catalogue's folder. Nothing is ever fetched: of an address only the last part counts.

    Parameters
    ----------
    folder : Path or None
        Where the catalogue lies; None where it has no place.
    """

    folder: Path | None
    _index: dict[str, Path | None] | None = field(default=None, repr=False)

    def find(self, cell: str, *, product_id: str) -> Path | None:
        """Return the photo's file, or None when there is none.

        Parameters
        ----------
        cell : str
            What the row says; may be empty, an address, or a list whose first element counts.
        product_id : str
            A file of that name (and any photo suffix) is taken when the row names none that exists; empty
            where the catalogue has no ids of its own.
        """
        if self.folder is None:
            return None
        names = list(names_in(cell.strip()))
        for name in names:
            if "://" not in name and (direct := self._direct(name)) is not None:
                return direct
        for candidate in (*map(_last_part, names), product_id):
            if candidate and (found := self._files().get(_key(candidate))) is not None:
                return found
        return None

    def _direct(self, name: str) -> Path | None:
        base = self.folder or Path()
        for spelling in dict.fromkeys((name, name.replace("\\", "/"))):
            path = Path(spelling)
            try:
                if path.is_absolute():
                    if path.is_file():
                        return path
                elif _is_inside(base / path, base) and (base / path).is_file():
                    return base / path
            except (OSError, ValueError):  # a name too long, or with a NUL, is the name of no file
                continue
        return None

    def _files(self) -> dict[str, Path | None]:
        """Index files by name, and by name without suffix; the shallowest wins, and None marks a draw."""
        if self._index is None:
            self._index = {}
            depths: dict[str, int] = {}
            base = self.folder or Path()
            for folder, folders, files in os.walk(base):
                depth = len(Path(folder).relative_to(base).parts)
                folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < _DEPTH else []
                for name in sorted(files):
                    stem, suffix = os.path.splitext(name)
                    if suffix.lower() not in PHOTO_SUFFIXES or name.startswith("."):
                        continue
                    path = Path(folder) / name
                    for key in {_key(name), _key(stem)}:
                        self._enter(key, path, depth, depths)
        return self._index

    def _enter(self, key: str, path: Path, depth: int, depths: dict[str, int]) -> None:
        index = self._index if self._index is not None else {}
        if key not in index or depth < depths[key]:
            index[key], depths[key] = path, depth
        elif depth == depths[key] and (known := index[key]) is not None and known.parent != path.parent:
            index[key] = None


def _is_inside(path: Path, base: Path) -> bool:
    steps = os.path.relpath(os.path.normpath(path), os.path.normpath(base)).split(os.sep)
    return steps[0] != os.pardir


def names_in(cell: str) -> Iterator[str]:
    """Yield what a cell that names a photo may mean: all of it, or the first entry of a list in it."""
    if (values := parse_list(cell)) is not None:
        cell = next((value.strip() for value in values if isinstance(value, str)), "")
    if not cell or len(cell) > _LONGEST:
        return
    first = re.split(r"[;|]|,(?=\s|https?:)", cell, maxsplit=1)[0].strip()
    if cell.count("://") < 2:  # two addresses are never one name
        yield cell
    if first and first != cell:
        yield first


def _last_part(name: str) -> str:
    if "://" in name:
        name = unquote(re.split(r"[?#]", name, maxsplit=1)[0])
    return re.split(r"[/\\]", name)[-1]


def _key(name: str) -> str:
    """Spell a name one way: systems differ in case and in how they compose accents."""
    return unicodedata.normalize("NFC", name).casefold()

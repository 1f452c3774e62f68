"""Where a catalogue's photos lie."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from aisle.catalog.tables import PHOTO_SUFFIXES

_DEPTH = 2


@dataclass
class PhotoFinder:
    """Finds the photo that a row names, beside the catalogue.

    A name is tried as it is, relative to the catalogue, and then by its last part in the catalogue's folder and the
    folders up to two below. A relative name never leads out of the catalogue's folder. Nothing is ever fetched: an
    address counts as a photo that is not there.

    Parameters
    ----------
    folder : Path or None
        Where the catalogue lies; None where it has no place.
    """

    folder: Path | None
    _index: dict[str, Path] | None = field(default=None, repr=False)

    def find(self, cell: str, *, product_id: str) -> Path | None:
        """Return the photo's file, or None when there is none.

        Parameters
        ----------
        cell : str
            What the row says; may be empty, an address, or a JSON list whose first element counts.
        product_id : str
            A file of that name (and any photo suffix) is taken when the row names none that exists.
        """
        if self.folder is None:
            return None
        name = _first(cell.strip())
        if name and "://" not in name and (direct := self._direct(name)) is not None:
            return direct
        for candidate in (name.rsplit("/", 1)[-1].rsplit("\\", 1)[-1], product_id):
            if candidate and (found := self._files().get(candidate.lower())) is not None:
                return found
        return None

    def _direct(self, name: str) -> Path | None:
        base = self.folder or Path()
        path = Path(name)
        try:
            if path.is_absolute():
                return path if path.is_file() else None
            inside = not os.path.relpath(os.path.normpath(base / path), base).startswith("..")
            return base / path if inside and (base / path).is_file() else None
        except (OSError, ValueError):  # a name too long, or with a NUL, is the name of no file
            return None

    def _files(self) -> dict[str, Path]:
        """Index files by name, and by name without suffix; the shallowest wins."""
        if self._index is None:
            self._index = {}
            base = self.folder or Path()
            for folder, folders, files in os.walk(base):
                if len(Path(folder).relative_to(base).parts) >= _DEPTH:
                    folders.clear()
                folders.sort()
                for name in sorted(files):
                    stem, suffix = os.path.splitext(name)
                    if suffix.lower() in PHOTO_SUFFIXES:
                        path = Path(folder) / name
                        self._index.setdefault(name.lower(), path)
                        self._index.setdefault(stem.lower(), path)
        return self._index


def _first(cell: str) -> str:
    if not cell.startswith("["):
        return cell
    try:
        values = json.loads(cell)
    except json.JSONDecodeError:
        return cell
    return str(values[0]) if isinstance(values, list) and values else ""

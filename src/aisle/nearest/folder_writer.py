"""Columns written as they come, which appear all at once under their names."""

import contextlib
import fcntl
import hashlib
import json
import math
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from aisle.errors import NearestError
from aisle.files import disk_errors, sync_folder, write_bytes
from aisle.nearest.folder import CHUNK, FORMAT, KIND, MANIFEST, OWN, file_name, map_column, read_manifest


def check_destination(folder: Path) -> None:
    """Refuse a folder that holds anything but an index, before the work.

    Raises
    ------
    NearestError
        Of such a folder, or a file in its place.
    """
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    except NotADirectoryError as err:
        raise NearestError(f"{folder} is a file, and an index is a folder; choose another name") from err
    if MANIFEST in names:
        read_manifest(folder)  # of another program, it stays
    for name in names:
        if name != MANIFEST and not OWN.fullmatch(name):
            raise NearestError(f"{folder} holds {name!r}, which is no part of an index; choose another folder")


class FolderWriter:
    """Writes columns, a block at a time, and then all of them at once under their names.

    Parameters
    ----------
    folder : Path
        Made where it is missing; an index that is there is replaced by `commit`.

    Raises
    ------
    NearestError
        The folder holds anything but an index, or somebody else writes to it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._parts: dict[str, _Part] = {}
        self._lock = -1
        self._made = False
        check_destination(self.folder)

    def __enter__(self) -> "FolderWriter":
        with disk_errors(self.folder):
            self._made = not self.folder.exists()
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it ends with the process, however that ends
        except BlockingIOError as err:
            os.close(self._lock)
            raise NearestError(
                f"another index is being built in {self.folder}; wait until it is there, or choose another folder"
            ) from err
        self._sweep(keep={entry.name for entry in os.scandir(self.folder) if not entry.name.startswith(".")})
        return self

    def __exit__(self, *_: object) -> None:
        for part in self._parts.values():
            part.file.close()
            part.path.unlink(missing_ok=True)
        if self._made:
            with contextlib.suppress(OSError):
                self.folder.rmdir()  # nothing came of it
        os.close(self._lock)

    def append(self, name: str, rows: NDArray[Any]) -> None:
        """Write rows at the end of a column; type and width are those of its first ones."""
        with disk_errors(self.folder):
            if name not in self._parts:
                self._parts[name] = _Part.open(self.folder / f".{name}.{secrets.token_hex(8)}.part", rows)
            self._parts[name].append(rows)

    def read(self, name: str) -> NDArray[Any]:
        """Return what a column holds so far, mapped into memory."""
        part = self._parts[name]
        part.file.flush()
        with part.path.open("rb") as file:
            return map_column(file, part.type, part.shape)

    def commit(self, about: Mapping[str, Any]) -> None:
        """Give everything its name, and remove what the index was before.

        Parameters
        ----------
        about : mapping of str to Any
            What else is to be known of the columns, as JSON.
        """
        listed, names = {}, {MANIFEST}
        with disk_errors(self.folder):
            for name, part in self._parts.items():
                part.file.flush()
                os.fsync(part.file.fileno())
                part.file.close()
                digest = part.digest.hexdigest()
                os.replace(part.path, self.folder / file_name(name, digest))
                names.add(file_name(name, digest))
                listed[name] = {"type": part.type.name, "shape": list(part.shape), "sha256": digest}
            manifest = {"kind": KIND, "format": FORMAT, "written_by": f"aisle {version('aisle')}", "columns": listed,
                        "about": dict(about)}  # fmt: skip
            sync_folder(self.folder)
            text = json.dumps(manifest, ensure_ascii=False, allow_nan=False, indent=2, sort_keys=True)
            write_bytes(self.folder / MANIFEST, f"{text}\n".encode())
            self._sweep(keep=names)

    def _sweep(self, *, keep: set[str]) -> None:
        """Remove what a build that was killed has left, and what the index was before."""
        for entry in list(os.scandir(self.folder)):
            if entry.name not in keep and OWN.fullmatch(entry.name):
                os.unlink(entry.path)


@dataclass(eq=False)
class _Part:
    """A column that is being written."""

    path: Path
    file: IO[bytes]
    type: np.dtype[Any]
    width: tuple[int, ...]
    rows: int
    digest: Any

    @classmethod
    def open(cls, path: Path, rows: NDArray[Any]) -> "_Part":
        return cls(path, path.open("xb"), rows.dtype, rows.shape[1:], 0, hashlib.sha256())

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.rows, *self.width)

    def append(self, rows: NDArray[Any]) -> None:
        if rows.dtype != self.type or rows.shape[1:] != self.width:
            raise ValueError(f"{rows.dtype} of shape {rows.shape} after {self.type} of shape {self.shape}")
        # Piece by piece: the rows may be a file that is only mapped into memory.
        step = max(1, CHUNK // max(1, self.type.itemsize * math.prod(self.width)))
        for start in range(0, len(rows), step):
            data = rows[start : start + step].astype(self.type.newbyteorder("<"), copy=False).tobytes()
            self.file.write(data)
            self.digest.update(data)
        self.rows += len(rows)

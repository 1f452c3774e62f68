"""Arrays in a folder, believed only where their hashes agree: mapped into memory, and never parsed.

A column is a file of plain numbers named after its own hash; ``index.json`` says which columns there are. It is
exchanged last and in one step, so a kill at any moment leaves the old index or the new one.
"""

import contextlib
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from aisle.errors import NearestError

Columns = Mapping[str, NDArray[Any]]

MANIFEST = "index.json"
KIND = "aisle nearest"
FORMAT = 1
"""Raised with every change that an older Aisle could not read."""

_MAX_MANIFEST_BYTES = 1 << 20
CHUNK = 1 << 20
_TYPES = ("float16", "float32", "int32", "int64", "uint8")
_NAME = re.compile(r"[a-z_]{1,40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
OWN = re.compile(r"[a-z_]{1,40}-[0-9a-f]{16}\.bin|\.[a-z_]{1,40}\.[0-9a-f]{16}\.part")
_PLAIN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_folder(folder: Path) -> tuple[Columns, Mapping[str, Any]]:
    """Open what `FolderWriter` has written, and compare all of it with its hashes.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    columns : mapping of str to ndarray
        Mapped into memory, read only.
    about : mapping of str to Any
        As given to `FolderWriter.commit`; whoever asked for it has to check it.

    Raises
    ------
    NearestError
        There is no index, it is of a newer format, or a file is missing, no plain file, or not what was written.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    columns = {name: _read_column(folder, name, entry) for name, entry in manifest["columns"].items()}
    return columns, manifest["about"]


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what ``index.json`` says: its columns and what is to be known of them, both yet to be checked.

    Raises
    ------
    NearestError
        There is none, or it is of another program or format.
    """
    if not (folder / MANIFEST).exists():
        raise NearestError(
            f"there is no index at {folder}; `aisle index build ENGINE PRODUCTS --out {folder}` makes one"
        )
    with _open_plain(folder / MANIFEST) as file:
        data = file.read(_MAX_MANIFEST_BYTES + 1)
    try:
        value = json.loads(data) if len(data) <= _MAX_MANIFEST_BYTES else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or value.get("kind") != KIND or type(value.get("format")) is not int:
        raise _damaged(folder / MANIFEST, "does not describe an index")
    if value["format"] != FORMAT:
        raise NearestError(
            f"{folder} is an index of format {value['format']}, and this Aisle reads {FORMAT}: upgrade Aisle, or build "
            "it anew"
        )
    if not isinstance(value.get("columns"), dict) or not isinstance(value.get("about"), dict):
        raise _damaged(folder / MANIFEST, "does not describe an index")
    return value


def _read_column(folder: Path, name: str, entry: Any) -> NDArray[Any]:
    if not _NAME.fullmatch(name) or not _describes(entry):
        raise _damaged(folder / MANIFEST, f"does not describe {name[:40]!r}")
    dtype, shape = np.dtype(entry["type"]).newbyteorder("<"), tuple(entry["shape"])
    path = folder / file_name(name, entry["sha256"])
    with _open_plain(path) as file:
        if os.fstat(file.fileno()).st_size != math.prod(shape) * dtype.itemsize:
            raise _damaged(path, "is cut short, or too long")
        found = hashlib.sha256()
        while chunk := file.read(CHUNK):
            found.update(chunk)
        if found.hexdigest() != entry["sha256"]:
            raise _damaged(path, "is not what was written (its SHA-256 is another)")
        return map_column(file, dtype, shape)


def _describes(entry: Any) -> bool:
    if not isinstance(entry, dict) or entry.keys() != {"type", "shape", "sha256"} or entry["type"] not in _TYPES:
        return False
    shape, digest = entry["shape"], entry["sha256"]
    sizes = isinstance(shape, list) and len(shape) in (1, 2) and all(type(each) is int and each >= 0 for each in shape)
    return sizes and isinstance(digest, str) and bool(_SHA256.fullmatch(digest))


def map_column(file: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return what a file holds, mapped into memory, read only."""
    if not math.prod(shape):
        return np.empty(shape, dtype=dtype)
    return np.asarray(np.memmap(file, dtype=dtype, mode="r", shape=shape))


def file_name(name: str, digest: str) -> str:
    """Return what the file of a column is called."""
    return f"{name}-{digest[:16]}.bin"


@contextlib.contextmanager
def _open_plain(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that is no link, no pipe and no device."""
    try:
        handle = os.open(path, _PLAIN)
    except OSError as err:
        raise _damaged(path, f"cannot be read ({err.strerror})") from err
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _damaged(path, "is no file")
        yield file


def _damaged(path: Path, fault: str) -> NearestError:
    return NearestError(f"{path} {fault}; copy the index again, or build it anew")

"""Photos on the disk, each under the SHA-256 of its bytes: outside everything that is served as it lies."""

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from sqlalchemy import Connection

from aisle.catalog.photos import PixelShape, decode_photo
from aisle.errors import NotFoundError, StoreError
from aisle.files import sha256_bytes, write_bytes
from aisle.store.address import is_sqlite, read_address, shown
from aisle.store.inserting import insert_new
from aisle.store.schema import photos

_NAME = re.compile(r"[0-9a-f]{64}")
_QUALITY = 85


class PhotoFolder:
    """The photos of a database.

    Parameters
    ----------
    folder : Path
        Made when the first photo is kept. A photo lies in the subfolder of its first two digits.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, data: bytes) -> str:
        """Write a photo, whole or not at all, unless it is there; return its SHA-256 as 64 hex digits.

        Raises
        ------
        DiskFullError
            There is no room for it.
        """
        sha = sha256_bytes(data)
        path = self.path(sha)
        if path.exists():
            os.utime(path)  # it was sent again: it is nobody's stray
        else:
            write_bytes(path, data)
        return sha

    def read(self, sha: str) -> bytes:
        """Return the bytes of a photo.

        Raises
        ------
        NotFoundError
            There is no such photo.
        StoreError
            Its file has changed on the disk.
        """
        path = self.path(sha)
        try:
            data = path.read_bytes()
        except FileNotFoundError as err:
            raise NotFoundError(f"there is no photo {sha} in {self.folder}") from err
        if sha256_bytes(data) != sha:
            raise StoreError(f"{path} is damaged: put the file of a backup in its place")
        return data

    def thumbnail(self, sha: str, side: int = 640) -> bytes:
        """Return a photo as a JPEG of its pixels alone, at most so many of them a side; no metadata comes along.

        Raises
        ------
        NotFoundError
            There is no such photo.
        PhotoError
            It cannot be decoded.
        """
        pixels = decode_photo(self.read(sha), shape=PixelShape(width=side, height=side, fit="inside"))
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY)
        return stream.getvalue()

    def path(self, sha: str) -> Path:
        """Return where a photo lies.

        Raises
        ------
        NotFoundError
            No photo can have that name.
        """
        if not _NAME.fullmatch(sha):
            raise NotFoundError(f"{sha[:80]!r} is no name of a photo: it has 64 hex digits")
        return self.folder / sha[:2] / sha

    def names(self) -> Iterator[str]:
        """Iterate over the photos that are there, in order."""
        yield from sorted(path.name for path in self.folder.glob("??/*") if _NAME.fullmatch(path.name))


def note_photo(c: Connection, *, sha: str, size: int, now: int) -> None:
    """Tell the database of a photo that lies in the folder, unless it knows; `size` is in bytes."""
    insert_new(c, photos, {"sha256": sha, "bytes": size, "created_at": now})


def photo_folder(url: str, given: Path | None) -> Path:
    """Return the folder of a database's photos.

    Parameters
    ----------
    url : str
        The database; beside a file ``aisle.db`` they lie in ``aisle-photos``.
    given : Path or None
        Another folder.

    Raises
    ------
    StoreError
        None is given, and the database is no file.
    """
    if given is not None:
        return given
    address = read_address(url)
    if not is_sqlite(address):
        raise StoreError(f"{shown(address)} has no folder for photos beside it: name one with --photos DIR")
    file = Path(str(address.database))
    return file.with_name(f"{file.stem}-photos")

"""A database and its photos in one file, and back.

The file is a tar: the database as its own tools write it (a file of SQLite, or `pg_dump`'s archive), the photos, and
last a manifest with the SHA-256 of each: a file that was cut off has none. The service may go on meanwhile: the
database comes first, and every photo that it names is on the disk already.
"""

import contextlib
import hashlib
import io
import json
import logging
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sqlalchemy import inspect, select
from sqlalchemy.engine import URL

from aisle.errors import StoreError
from aisle.files import atomic_write, disk_errors
from aisle.store.address import is_sqlite, read_address, shown
from aisle.store.database import check_revision, find_revision, one_transaction
from aisle.store.migrations import REVISIONS
from aisle.store.photos import PhotoFolder
from aisle.store.postgres_tools import dump_postgres, restore_postgres
from aisle.store.schema import photos as photo_table
from aisle.store.sqlite_tools import dump_sqlite, place_sqlite

log = logging.getLogger(__name__)

_FORMAT = 1
_MANIFEST = "manifest.json"
_DATABASE = {"sqlite": "database.sqlite", "postgresql": "database.dump"}
_PHOTOS = "photos/"
_CHUNK = 1 << 20
_MOST_MANIFEST = 1 << 30


@dataclass
class _Counted:
    """Bytes on their way, with their hash."""

    stream: IO[bytes]
    digest: Any = field(default_factory=hashlib.sha256)

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.digest.update(data)
        return data


def backup(url: str, file: Path, *, photos: Path | None = None) -> None:
    """Write a database, and its photos, to a new file; whole or not at all.

    Parameters
    ----------
    url : str
        The database; it may be in use.
    file : Path
        What to write.
    photos : Path, optional
        The folder of its photos; left out, none come along.

    Raises
    ------
    StoreError
        The file is there already, the database cannot be read, or ``pg_dump`` is not installed or refuses.
    DiskFullError
        There is no room for it.
    """
    address = read_address(url)
    file = Path(file)
    if file.exists():
        raise StoreError(f"{file} is there already: name a new file for the backup")
    kind = _kind(address)
    if is_sqlite(address) and not Path(str(address.database)).exists():
        raise StoreError(f"there is no database at {shown(address)}: nothing to back up")
    with one_transaction(address, writes=False) as c:
        found = find_revision(c)
    if found not in REVISIONS:
        check_revision(address, found)
    if photos is not None:
        _check_photos(address, PhotoFolder(photos))
    with disk_errors(file), _beside(file) as folder:
        dump = folder / _DATABASE[kind]
        (dump_sqlite if is_sqlite(address) else dump_postgres)(address, dump)
        with atomic_write(file) as target, tarfile.open(fileobj=target, mode="w") as tar:
            hashes = {dump.name: _add(tar, dump.name, dump)}
            if photos is not None:
                hashes |= _add_photos(tar, PhotoFolder(photos))
            manifest = {"format": _FORMAT, "database": kind, "revision": found, "sha256": hashes}
            _add_bytes(tar, _MANIFEST, json.dumps(manifest, indent=1).encode())


def restore(file: Path, url: str, *, photos: Path | None = None) -> None:
    """Bring a backup back, into a place where nothing is overwritten; every file in it is checked first.

    Parameters
    ----------
    file : Path
        What `backup` wrote.
    url : str
        A file that is not there yet, or a PostgreSQL database without tables; of the kind that was backed up.
    photos : Path, optional
        The folder for the photos; those that are there stay as they are. Left out, none are brought back.

    Raises
    ------
    StoreError
        The backup is damaged or of another kind of database, or there is something at that place.
    DiskFullError
        There is no room for it.
    """
    address = read_address(url)
    file = Path(file)
    try:
        with tarfile.open(file, mode="r:") as tar:
            _restore(tar, file, address, photos)
    except FileNotFoundError as err:
        raise StoreError(f"there is no backup at {err.filename or file}") from err
    except (tarfile.TarError, EOFError) as err:
        raise StoreError(f"{file} is no backup of aisle, or was cut off: {err}") from err


def _restore(tar: tarfile.TarFile, file: Path, address: URL, photos: Path | None) -> None:
    manifest = _manifest(tar, file)
    kind = _kind(address)
    if manifest["database"] != kind:
        raise StoreError(
            f"{file} is a backup of {manifest['database']}, {shown(address)} is {kind}: name one of its kind"
        )
    if manifest["revision"] not in REVISIONS:
        check_revision(address, manifest["revision"])
    for name, sha in manifest["sha256"].items():
        if _hash(tar, file, name) != sha:
            raise StoreError(f"{file} is damaged: {name} in it has changed. Take another backup")
    _check_vacant(address)
    if photos is not None:
        for name in manifest["sha256"]:
            if name.startswith(_PHOTOS):
                _bring_photo(tar, file, name, PhotoFolder(photos))
    place = Path(str(address.database)) if is_sqlite(address) else Path(tempfile.gettempdir()) / file.name
    with disk_errors(place), _beside(place) as folder:
        dump = folder / _DATABASE[kind]
        with dump.open("wb") as target:
            _copy(_member(tar, file, dump.name), target)
        _check_vacant(address)
        (place_sqlite if is_sqlite(address) else restore_postgres)(address, dump)


def _kind(address: URL) -> str:
    return "sqlite" if is_sqlite(address) else "postgresql"


@contextlib.contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """Make a folder on the same disk that goes away."""
    parent = file.absolute().parent
    if not parent.is_dir():
        raise StoreError(f"the folder {parent} is not there: make it, or name another place")
    with tempfile.TemporaryDirectory(prefix=".aisle-", dir=parent) as folder:
        yield Path(folder)


def _check_vacant(address: URL) -> None:
    """Refuse to overwrite; a log that lies about would be read into the new file."""
    if is_sqlite(address):
        for suffix in ("", "-wal", "-shm", "-journal"):
            path = Path(f"{address.database}{suffix}")
            if path.exists():
                raise StoreError(f"{path} is there already: move it away, or name another place")
        return
    with one_transaction(address, writes=False) as c:
        if tables := inspect(c).get_table_names():
            raise StoreError(f"{shown(address)} holds {len(tables)} tables already: name an empty database")


def _add(tar: tarfile.TarFile, name: str, path: Path) -> str:
    info = tarfile.TarInfo(name)
    info.size = path.stat().st_size
    with path.open("rb") as stream:
        counted = _Counted(stream)
        tar.addfile(info, counted)
    return str(counted.digest.hexdigest())


def _check_photos(address: URL, folder: PhotoFolder) -> None:
    """Refuse a folder that holds none of the photos that the database names; say how many are missing of others.

    Raises
    ------
    StoreError
        It is another database's, or not there.
    """
    with one_transaction(address, writes=False) as c:
        named = set(c.execute(select(photo_table.c.sha256)).scalars())
    missing = named - set(folder.names())
    if missing and missing == named:
        raise StoreError(
            f"none of the {len(named):,} photos of {shown(address)} lies in {folder.folder}: name their folder "
            "with --photos"
        )
    if missing:
        log.warning("%d of %d photos are missing in %s, and in the backup", len(missing), len(named), folder.folder)


def _add_photos(tar: tarfile.TarFile, folder: PhotoFolder) -> dict[str, str]:
    hashes = {}
    for name in folder.names():
        hashes[_PHOTOS + name] = sha = _add(tar, _PHOTOS + name, folder.path(name))
        if sha != name:
            log.warning("photo %s is damaged; it is in the backup as it is", name)
    return hashes


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def _manifest(tar: tarfile.TarFile, file: Path) -> dict[str, Any]:
    """Read the manifest and check that it names what it may, and nothing else."""
    try:
        stream = _member(tar, file, _MANIFEST)
        manifest = json.loads(stream.read(_MOST_MANIFEST))
        kinds, names = manifest["database"], manifest["sha256"]
        allowed = {_DATABASE[kinds]}
        sound = manifest["format"] == _FORMAT and isinstance(manifest["revision"], str) and allowed <= set(names)
    except (ValueError, KeyError, TypeError) as err:
        raise StoreError(f"{file} is no backup that this version of aisle can read: update aisle") from err
    if not sound or not all(name in allowed or name.startswith(_PHOTOS) for name in names):
        raise StoreError(f"{file} is no backup that this version of aisle can read: update aisle")
    return dict(manifest)


def _member(tar: tarfile.TarFile, file: Path, name: str) -> IO[bytes]:
    try:
        info = tar.getmember(name)
    except KeyError as err:
        raise StoreError(f"{file} holds no {name}: it is no backup of aisle, or was cut off") from err
    stream = tar.extractfile(info) if info.isreg() else None
    if stream is None:
        raise StoreError(f"{file} is damaged: {name} in it is no file")
    return stream


def _hash(tar: tarfile.TarFile, file: Path, name: str) -> str:
    return _copy(_member(tar, file, name), None)


def _copy(stream: IO[bytes], target: IO[bytes] | None) -> str:
    counted = _Counted(stream)
    while chunk := counted.read(_CHUNK):
        if target is not None:
            target.write(chunk)
    return str(counted.digest.hexdigest())


def _bring_photo(tar: tarfile.TarFile, file: Path, name: str, folder: PhotoFolder) -> None:
    path = folder.path(name.removeprefix(_PHOTOS))
    if path.exists():
        return
    with atomic_write(path) as target:
        _copy(_member(tar, file, name), target)

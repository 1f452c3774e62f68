"""What was computed once and need not be computed again: values by key, in files that survive a kill at any moment."""

import contextlib
import errno
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from aisle.errors import AisleError, DiskFullError
from aisle.files import disk_errors

log = logging.getLogger(__name__)

_LOOKUP = 500


class CacheError(AisleError, OSError):
    """The cache cannot be read or written."""


class KeyedStore:
    """Bytes by key, in one SQLite file.

    A batch is kept whole or not at all. Several processes may read and write at once. A damaged file is put aside with
    a warning: everything in it can be computed again.

    Parameters
    ----------
    path : Path
        The file; made when the first value is put.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return the values that are there."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, bytes] = {}
        if not self.path.exists():
            return found
        with self._open() as db:
            for at in range(0, len(wanted), _LOOKUP):
                part = wanted[at : at + _LOOKUP]
                marks = ",".join("?" * len(part))
                found.update(db.execute(f"SELECT key, value FROM kept WHERE key IN ({marks})", part))  # noqa: S608
        return found

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep values; all of them or, after a kill, none.

        Raises
        ------
        DiskFullError
            The disk is full.
        CacheError
            The file cannot be written.
        """
        with self._open() as db:
            db.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", values.items())

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with contextlib.closing(self._connect()) as db, db:
                yield db
        except sqlite3.Error as err:
            if "full" in str(err):
                message = f"the disk is full: {self.path} was not written. Free some space and run the command again"
                raise DiskFullError(errno.ENOSPC, message) from err
            raise CacheError(
                f"the cache file {self.path} cannot be used: {err}; remove it and run again"
            ) from err

    def _connect(self) -> sqlite3.Connection:
        try:
            return _connect(self.path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as err:
            aside = self.path.with_name(f"{self.path.name}.damaged")
            log.warning("%s is damaged (%s); it was moved to %s and is made anew", self.path, err, aside.name)
            self.path.replace(aside)
            return _connect(self.path)


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=60)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value BLOB NOT NULL)")
    except sqlite3.Error:
        db.close()
        raise
    return db

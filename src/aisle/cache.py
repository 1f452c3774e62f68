"""What was computed once and need not be again: values by key, in files that survive a kill at any moment."""

import contextlib
import errno
import hashlib
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from aisle.errors import AisleError, DiskFullError
from aisle.files import disk_errors

log = logging.getLogger(__name__)

_LOOKUP = 500
_WAIT_SECONDS = 60.0
_CHECK_BYTES = 8
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class CacheError(AisleError, OSError):
    """The cache cannot be read or written."""


class KeyedStore:
    """Bytes by key, in one SQLite file.

    A batch is kept whole or not at all, also when the process is killed or the power fails. Several processes
    may read and write at once. Every value carries a hash of itself: one that has changed on the disk counts
    as absent. A file that SQLite cannot read is put aside with a warning. Everything in it can be computed
    again.

    Parameters
    ----------
    path : Path
        The file; made when the first value is put.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return the values that are there, unharmed.

        Raises
        ------
        CacheError
            The file cannot be opened.
        """
        if not self.path.exists():
            return {}
        wanted = list(dict.fromkeys(keys))
        found: dict[str, bytes] = {}
        try:
            with self._open() as db:
                for at in range(0, len(wanted), _LOOKUP):
                    part = wanted[at : at + _LOOKUP]
                    marks = ",".join("?" * len(part))
                    found.update(db.execute(f"SELECT key, value FROM kept WHERE key IN ({marks})", part))  # noqa: S608
        except _DamagedError as err:
            self._put_aside(err)
            return {}
        good = {key: value[_CHECK_BYTES:] for key, value in found.items() if _is_whole(key, value)}
        if len(good) < len(found):
            log.warning(
                "%s: %d of %d values are damaged; they are computed again",
                self.path,
                len(found) - len(good),
                len(found),
            )
        return good

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep values; all of them or, after a kill, none.

        Raises
        ------
        DiskFullError
            The disk is full.
        CacheError
            The file cannot be written.
        """
        rows = [(key, _check(key, value) + value) for key, value in values.items()]
        try:
            self._write(rows)
        except _DamagedError as err:
            self._put_aside(err)
            self._write(rows)

    def _write(self, rows: list[tuple[str, bytes]]) -> None:
        with self._open() as db:
            db.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", rows)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with disk_errors(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS)) as db, db:
                db.execute("CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, value BLOB NOT NULL)")
                yield db
        except sqlite3.Error as err:
            raise _explain(err, self.path) from err
        except DiskFullError:
            raise
        except OSError as err:
            raise CacheError(f"the cache at {self.path.parent} cannot be made: {err.strerror}") from err

    def _put_aside(self, reason: Exception) -> None:
        """Move a damaged file out of the way, with the journal that belongs to it."""
        aside = self.path.with_name(f"{self.path.name}.damaged")
        log.warning("%s is damaged (%s); it was moved to %s and is made anew", self.path, reason, aside.name)
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            self.path.replace(aside)
        self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)


class _DamagedError(CacheError):
    """The file is no database, or a broken one."""


def _explain(err: sqlite3.Error, path: Path) -> AisleError:
    code = getattr(err, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_FULL:
        message = f"the disk is full: {path} was not written. Free some space and run the command again"
        return DiskFullError(errno.ENOSPC, message)
    # The low byte is the kind of error, the rest says more about it.
    if (code is not None and code & 0xFF in _DAMAGED) or "no such column" in str(err):
        return _DamagedError(str(err))
    return CacheError(
        f"the cache file {path} cannot be used: {err}; make its folder writable, or set AISLE_CACHE_DIR to another"
    )


def _check(key: str, value: bytes) -> bytes:
    return hashlib.blake2b(value, key=key.encode()[:64], digest_size=_CHECK_BYTES).digest()


def _is_whole(key: str, value: bytes) -> bool:
    return value[:_CHECK_BYTES] == _check(key, value[_CHECK_BYTES:])

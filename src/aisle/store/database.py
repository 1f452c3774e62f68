"""The database: one file of SQLite, or a PostgreSQL server; transactions that hold what they promise on both.

On SQLite a write begins with ``BEGIN IMMEDIATE``: a transaction that reads first and writes later fails at once when
somebody else wrote in between, whatever its timeout. The journal is a write-ahead log and every commit reaches the disk
(``synchronous=FULL``): what was acknowledged survives a power loss.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.pool import QueuePool

from aisle.errors import StoreError
from aisle.store.address import is_sqlite, read_address, shown
from aisle.store.migrations import HEAD, REVISIONS
from aisle.store.text import dump_json

BUSY_SECONDS = 10
"""How long a write waits for another program's on the same file."""

_QUEUE_SECONDS = 60.0  # how long a write waits for those of its own program, one at a time on SQLite
_CONNECT_SECONDS = 10
_POOL = 16
_OVERFLOW = 32
_WRITES = "aisle_writes"
_BUSY_CODES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class Database:
    """A database that is ready for use; threads may share it.

    Attributes
    ----------
    url : str
        Where it lies, for people: a password in it is shown as ``***``.
    is_sqlite : bool
        Whether it is a file.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()
        self.url = shown(engine.url)
        self.is_sqlite = is_sqlite(engine.url)

    @classmethod
    def open(cls, url: str) -> "Database":
        """Open a database whose tables are those of this program.

        Parameters
        ----------
        url : str
            A file's path, ``sqlite:///file.db`` or ``postgresql://user:password@host:port/name``.

        Raises
        ------
        StoreError
            It is not there, cannot be reached, or its tables are older or newer; the message says what to do.
        """
        address = read_address(url)
        if is_sqlite(address) and not Path(str(address.database)).exists():
            raise StoreError(f"there is no database at {shown(address)}: make it with {_command(address)}")
        database = cls(connect(address))
        try:
            with database.read() as c:
                check_revision(address, find_revision(c))
        except BaseException:
            database.close()
            raise
        return database

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one moment and changes nothing."""
        with _transaction(self._engine, writes=False) as c:
            yield c

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that is kept whole when the block ends, and not at all when it raises.

        Raises
        ------
        StoreError
            The database cannot be reached or written. Violated constraints come as SQLAlchemy's errors.
        """
        with self._queue(), _transaction(self._engine, writes=True) as c:
            yield c

    @contextlib.contextmanager
    def _queue(self) -> Iterator[None]:
        """Let one thread write at a time to SQLite: there, those who wait for the file itself wait without order."""
        if not self.is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=_QUEUE_SECONDS):
            raise StoreError(f"{self.url} is busy: another write has gone on for {_QUEUE_SECONDS:.0f} s; try again")
        try:
            yield
        finally:
            self._turn.release()

    def close(self) -> None:
        """Give every connection back."""
        self._engine.dispose()

    def __repr__(self) -> str:
        return f"<Database {self.url}>"


def connect(address: URL) -> Engine:
    """Make the pool of connections; nothing is opened yet.

    Raises
    ------
    StoreError
        The folder of the file is not there.
    """
    common: dict[str, Any] = {
        "poolclass": QueuePool,
        "pool_size": _POOL,
        "max_overflow": _OVERFLOW,
        "json_serializer": dump_json,
        "hide_parameters": True,  # what sellers wrote belongs in no log
    }
    if not is_sqlite(address):
        if "connect_timeout" not in address.query:
            common["connect_args"] = {"connect_timeout": _CONNECT_SECONDS}
        return create_engine(address, pool_pre_ping=True, **common)
    folder = Path(str(address.database)).absolute().parent
    if not folder.is_dir():
        raise StoreError(f"the folder of the database, {folder}, is not there: make it, or name another place")
    engine = create_engine(address, connect_args={"timeout": BUSY_SECONDS}, **common)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, not by Python's guess
    _use_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on; to change the journal, SQLite does not wait for others by itself."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as err:
            if err.sqlite_errorcode & 0xFF not in _BUSY_CODES or time.monotonic() > end:
                raise
        else:
            return
        time.sleep(0.02)


def _begin_sqlite(c: Connection) -> None:
    writes = c.get_execution_options().get(_WRITES, False)
    c.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    c.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")


@contextlib.contextmanager
def _transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    options: dict[str, Any] = {_WRITES: writes}
    if not (writes or is_sqlite(engine.url)):
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        with engine.connect().execution_options(**options) as c, c.begin():
            yield c
    except (IntegrityError, DataError, ProgrammingError):
        raise  # of the statement, not of the database
    except DBAPIError as err:
        raise StoreError(_trouble(engine.url, err)) from err
    except NoConnectionError as err:
        raise StoreError(f"{shown(engine.url)} is busy: every connection is in use; try again") from err


@contextlib.contextmanager
def one_transaction(address: URL, *, writes: bool) -> Iterator[Connection]:
    """Open one transaction on a database whatever its tables are; for upgrades and backups."""
    engine = connect(address)
    try:
        with _transaction(engine, writes=writes) as c:
            yield c
    finally:
        engine.dispose()


def _trouble(address: URL, err: DBAPIError) -> str:
    """Say what is wrong with a database, and what to do."""
    place = shown(address)
    reason = " ".join(str(err.orig).split())
    if not is_sqlite(address):
        where = f"{address.host or 'the local socket'}:{address.port or 5432}"
        return f"PostgreSQL at {where} did not do it ({place}): {reason}. Is it running, and is the name right?"
    code = getattr(err.orig, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return f"{place} is no SQLite database: name another file"
    if code == sqlite3.SQLITE_CORRUPT:
        return f"{place} is damaged ({reason}): restore it from a backup with `aisle db restore`"
    if code in _BUSY_CODES:
        return f"{place} is busy: another program has been writing for {BUSY_SECONDS} s; try again"
    if code == sqlite3.SQLITE_FULL:
        return f"the disk is full: {place} was not written. Free some space and try again"
    return f"{place} cannot be used: {reason}. Is it a file that this user may read and write?"


def find_revision(c: Connection) -> str | None:
    """Return which revision the tables have; None where there are none of ours."""
    if not c.dialect.has_table(c, "alembic_version"):
        return None
    found = c.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def check_revision(address: URL, found: str | None) -> None:
    """Refuse tables that are not those of this program.

    Raises
    ------
    StoreError
        They are older, newer, or not there.
    """
    if found == HEAD:
        return
    place = shown(address)
    if found is None:
        raise StoreError(f"{place} holds no tables yet: make them with {_command(address)}")
    if found in REVISIONS:
        raise StoreError(f"{place} has the tables of an older version ({found}, not {HEAD}): run {_command(address)}")
    raise StoreError(f"{place} has the tables of a newer version ({found}; here {HEAD} is the last): update aisle")


def _command(address: URL) -> str:
    return f"`aisle db upgrade --db {shown(address)}`"

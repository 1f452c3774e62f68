"""Where a database lies: what a user writes, as an address that SQLAlchemy takes."""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from aisle.errors import MissingExtraError, StoreError
from aisle.extras import require

_SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})
_POSTGRESQL = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_FORMS = "write a file's path, sqlite:///FILE, or postgresql://USER@HOST:PORT/NAME"
_NO_FILE = frozenset({"", ":memory:"})


def read_address(url: str) -> URL:
    """Read what names a database.

    Parameters
    ----------
    url : str
        A file's path, ``sqlite:///file.db`` or ``postgresql://user:password@host:port/name``.

    Raises
    ------
    StoreError
        It names no database that this program can use, or its driver is not installed.
    """
    if not url.strip():
        raise StoreError(f"no database is named: {_FORMS}")
    if "://" not in url:
        return _sqlite_address(url, given=url)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as err:
        scheme = url.partition("://")[0]
        raise StoreError(f"the database's address, {scheme}://..., cannot be read: {_FORMS}") from err
    if parsed.drivername in _SQLITE:
        if parsed.query or parsed.host:
            raise StoreError(f"{shown(parsed)} is more than a file: three slashes, then its path, and nothing after it")
        return _sqlite_address(parsed.database or "", given=url)
    if parsed.drivername not in _POSTGRESQL:
        raise StoreError(f"{parsed.drivername!r} is no database that is known here: {_FORMS}")
    try:
        require("psycopg", extra="postgres")
    except MissingExtraError as err:
        raise StoreError(f"{shown(parsed)} cannot be opened: {err}") from err
    return parsed.set(drivername="postgresql+psycopg")


def _sqlite_address(path: str, *, given: str) -> URL:
    if path in _NO_FILE or path.startswith("file:"):
        raise StoreError(f"{given!r} names no file: the database must outlive the program; {_FORMS}")
    return URL.create("sqlite+pysqlite", database=str(Path(path).expanduser()))


def shown(address: URL) -> str:
    """Write an address for people: short, and without its password."""
    if address.drivername in _SQLITE:
        return str(address.database)
    hidden = {name: value for name, value in address.query.items() if name != "password"}
    return address.set(drivername="postgresql", query=hidden).render_as_string(hide_password=True)


def is_sqlite(address: URL) -> bool:
    """Tell a file from a server."""
    return address.drivername in _SQLITE

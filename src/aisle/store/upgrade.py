"""From the tables that a database has to those that this program knows."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import URL

from aisle.errors import StoreError
from aisle.store.address import is_sqlite, read_address, shown
from aisle.store.database import check_revision, find_revision, one_transaction
from aisle.store.migrations import HEAD, REVISIONS
from aisle.store.schema import metadata

__all__ = ["HEAD", "revision", "upgrade"]

_LOCK = 0x61_69_73_6C_65  # "aisle"


def upgrade(url: str) -> str | None:
    """Bring a database to the newest tables, all or nothing; two at once wait for each other.

    Parameters
    ----------
    url : str
        As `aisle.store.database.Database.open` takes it. A file is made where there is none; its folder is not.

    Returns
    -------
    str or None
        The revision it had before; None for a blank one.

    Raises
    ------
    StoreError
        It cannot be reached, is newer than this program, or holds tables of something else.
    """
    address = read_address(url)
    with one_transaction(address, writes=True) as c:
        if not is_sqlite(address):
            c.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
            _check_encoding(c, address)
        before = find_revision(c)
        if before == HEAD:
            return before
        if before is None:
            _check_blank(c, address)
        elif before not in REVISIONS:
            check_revision(address, before)
        command.upgrade(_config(c), "head")
        return before


def revision(url: str) -> str | None:
    """Return which revision a database has; None for a blank one.

    Raises
    ------
    StoreError
        It cannot be reached.
    """
    address = read_address(url)
    if is_sqlite(address) and not Path(str(address.database)).exists():
        return None
    with one_transaction(address, writes=False) as c:
        return find_revision(c)


def _config(c: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "aisle.store:migrations")
    config.attributes["connection"] = c
    return config


def _check_blank(c: Connection, address: URL) -> None:
    if taken := sorted(set(inspect(c).get_table_names()) & set(metadata.tables)):
        raise StoreError(
            f"{shown(address)} holds tables that are not of aisle ({', '.join(taken)}): name an empty database"
        )


def _check_encoding(c: Connection, address: URL) -> None:
    encoding = c.execute(text("SHOW server_encoding")).scalar()
    if encoding != "UTF8":
        raise StoreError(
            f"{shown(address)} keeps text as {encoding}, which cannot hold every title: make it with "
            "`createdb --encoding UTF8 --template template0`"
        )

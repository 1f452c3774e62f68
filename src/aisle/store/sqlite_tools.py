"""A database of SQLite copied while it is in use, and put into its place."""

import contextlib
import os
import sqlite3
from pathlib import Path

from sqlalchemy.engine import URL

from aisle.errors import StoreError
from aisle.files import sync_folder
from aisle.store.address import shown
from aisle.store.database import BUSY_SECONDS


def dump_sqlite(address: URL, file: Path) -> None:
    """Write a database, as it is at one moment, to one file.

    Raises
    ------
    StoreError
        It cannot be read, or is damaged.
    """
    try:
        with (
            contextlib.closing(sqlite3.connect(str(address.database), timeout=BUSY_SECONDS)) as source,
            contextlib.closing(sqlite3.connect(file)) as target,
        ):
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    except sqlite3.Error as err:
        raise StoreError(f"{shown(address)} could not be copied: {err}") from err
    _check_sound(file, shown(address))


def place_sqlite(address: URL, dump: Path) -> None:
    """Move a dump, which goes away by it, to where the database is to be; nothing may be there.

    Raises
    ------
    StoreError
        The dump is damaged.
    """
    _check_sound(dump, "the database in the backup")
    path = Path(str(address.database))
    with dump.open("rb") as written:
        os.fsync(written.fileno())
    os.replace(dump, path)
    sync_folder(path.absolute().parent)


def _check_sound(file: Path, name: str) -> None:
    try:
        with contextlib.closing(sqlite3.connect(file)) as c:
            found = str(c.execute("PRAGMA integrity_check").fetchone()[0])
    except sqlite3.Error as err:
        found = str(err)
    if found != "ok":
        raise StoreError(f"{name} is damaged ({found}): go back to an earlier backup")

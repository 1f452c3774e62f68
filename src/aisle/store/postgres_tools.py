"""PostgreSQL's own programs that dump a database and read it back."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.engine import URL

from aisle.errors import StoreError
from aisle.extras import require
from aisle.store.address import shown

_DEBIAN = Path("/usr/lib/postgresql")
_LINES = 3


def dump_postgres(address: URL, file: Path) -> None:
    """Write a database, as it is at one moment, in the format that ``pg_restore`` reads.

    Raises
    ------
    StoreError
        ``pg_dump`` is not installed, is older than the server, or cannot reach it.
    """
    _run("pg_dump", address, ["--format=custom", "--no-owner", "--no-privileges", f"--file={file}"])


def restore_postgres(address: URL, file: Path) -> None:
    """Read what `dump_postgres` wrote into a blank database, all or nothing.

    Raises
    ------
    StoreError
        ``pg_restore`` is not installed, is too old for the file, or cannot reach the server.
    """
    words = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", str(file)]
    _run("pg_restore", address, words)


def _run(program: str, address: URL, words: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="aisle-") as folder:
        target = _conninfo(address, Path(folder) / "password")
        command = [_find(program), f"--dbname={target}", "--no-password", *words]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603
    if done.returncode:
        said = " ".join(done.stderr.split("\n")[:_LINES])
        raise StoreError(f"{program} refused {shown(address)}: {said.strip()}. It must be as new as the server")


def _conninfo(address: URL, password_file: Path) -> str:
    """Write the address for libpq; a password goes by a file that only we read, not into the list of processes."""
    conninfo = require("psycopg.conninfo", extra="postgres")
    query = dict(address.query)
    password = address.password or query.pop("password", None)
    values = {"host": address.host, "port": address.port, "user": address.username, "dbname": address.database, **query}
    if password is not None:
        password_file.touch(mode=0o600)
        password_file.write_text("*:*:*:*:" + re.sub(r"([\\:])", r"\\\1", str(password)) + "\n", encoding="utf-8")
        values["passfile"] = str(password_file)
    return str(conninfo.make_conninfo(**{name: value for name, value in values.items() if value is not None}))


def _find(program: str) -> str:
    if found := shutil.which(program):
        return found
    versions = sorted(_DEBIAN.glob(f"*/bin/{program}"), key=lambda path: path.parts[-3])
    if not versions:
        raise StoreError(
            f"{program} is not installed: it comes with PostgreSQL's client, e.g. apt-get install postgresql-client"
        )
    return str(versions[-1])

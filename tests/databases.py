"""The same test on a file of SQLite and on a PostgreSQL server, which is started here from Debian's package.

A room whose tests need a database writes in its conftest: ``from tests.databases import database, database_url``.
"""

import atexit
import contextlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest

ROOT = Path("/usr/lib/postgresql")
USER = "aisle"


class Server:
    """A PostgreSQL server on loopback, with a folder of its own that goes when the tests end.

    Nobody but this machine's users can reach it, and there is nothing in it: it trusts who comes.
    """

    def __init__(self, programs, *, fsync):
        self.programs = programs
        self._owner = _unprivileged()
        self._folder = Path(tempfile.mkdtemp(prefix="aisle-postgres-", dir="/tmp"))
        self.port = _free_port()
        if self._owner:
            shutil.chown(self._folder, *self._owner)
        self._data = self._folder / "data"
        self._options = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": ""}
        self._options |= {"shared_buffers": "16MB", "max_connections": 100}
        if not fsync:
            self._options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        try:
            make = ["initdb", "-D", self._data, "-U", USER, "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8"]
            self._run(*make, "--no-sync", "--no-instructions")
            self.start()
        except BaseException:
            self.stop()
            raise

    def start(self):
        options = " ".join(f"-c {name}='{value}'" for name, value in self._options.items())
        self._run("pg_ctl", "-D", self._data, "-l", self._folder / "log", "-o", options, "-w", "-t", "60", "start")

    def kill(self):
        """Kill the server as a power cut would end it, wait until all of it is gone, and start it again."""
        postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for process in [postmaster, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, 9)
        while any(_runs(process) for process in [postmaster, *map(int, children)]):
            time.sleep(0.01)
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self.start()

    def stop(self):
        if (self._data / "postmaster.pid").exists():
            with contextlib.suppress(subprocess.CalledProcessError):
                self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def sql(self, statement):
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as c:
            c.execute(statement)

    def url(self, name):
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    @contextlib.contextmanager
    def database(self):
        """Make a blank database, and drop it at the end."""
        name = f"test_{secrets.token_hex(6)}"
        self.sql(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _run(self, program, *words):
        who = {"user": self._owner[0], "group": self._owner[1], "extra_groups": []} if self._owner else {}
        done = subprocess.run(
            [str(self.programs / program), *map(str, words)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            cwd=self._folder,
            check=False,
            timeout=120,
            **who,
        )
        if done.returncode:
            log = self._folder / "log"
            shown = (done.stderr or b"").decode() + (log.read_text() if log.exists() else "")
            raise RuntimeError(f"{program} ended with {done.returncode}: {shown[-2000:]}")


def _unprivileged():
    """Return whom to run the server as: it refuses to run as root."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return found.pw_uid, found.pw_gid
    pytest.skip("the PostgreSQL server refuses to run as root, and there is no user postgres or nobody")


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _runs(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@cache
def _start(fsync):
    found = sorted(ROOT.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        return None
    server = Server(found[-1].parent, fsync=fsync)
    atexit.register(server.stop)
    return server


def postgres_server(*, fsync=False):
    """Return the server of this test run, started when first asked for; skip where it is not installed."""
    return _start(fsync) or pytest.skip(f"no PostgreSQL under {ROOT}: apt-get install postgresql")


BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=BOTH)
def database_url(request, tmp_path):
    """Return the URL of a blank database, once of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'aisle.db'}"
        return
    with postgres_server().database() as url:
        yield url


@pytest.fixture
def database(database_url):
    """Return an open database with the newest tables, once of each kind."""
    from aisle.store.database import Database
    from aisle.store.upgrade import upgrade

    upgrade(database_url)
    opened = Database.open(database_url)
    yield opened
    opened.close()

"""Services under load, each in a process of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TITLE, TEXT, PHOTO = "title", "title, description", "title, photo (1 MP)"

_START_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class Side:
    """A service that can be started.

    Attributes
    ----------
    command : list of str
        ``PORT`` stands for the port.
    ready : str
        The path that answers 200 once it can work.
    paths : dict of str to str
        Case to path.
    """

    name: str
    command: list[str]
    ready: str
    paths: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Server:
    """A side that runs."""

    side: Side
    address: str
    pid: int

    def url(self, case: str) -> str:
        """Return where a case is asked."""
        return self.address + self.side.paths[case]


@contextlib.contextmanager
def started(side: Side, folder: Path) -> Iterator[Server]:
    """Run a side in a process of its own until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / f"{side.name}.log"
    command = [str(port) if part == "PORT" else part for part in side.command]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + _START_SECONDS
        while not _answers(address + side.ready):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{side.name} does not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield Server(side=side, address=address, pid=process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the server just started
            return bool(answer.status == 200)
    except OSError:
        return False


def our_side(engine: Path, database: Path) -> Side:
    """Return the service as `aisle serve` starts it, with the limits that it has."""
    aisle = Path(sys.executable).with_name("aisle")
    return Side(
        name="aisle",
        command=[str(aisle), "serve", str(engine), "--db", str(database), "--port", "PORT"],
        ready="/v2/health/ready",
        paths=dict.fromkeys((TITLE, TEXT, PHOTO), "/v1/classify"),
    )


def torch_side(engine: Path) -> Side:
    """Return the same engine behind FastAPI and torch."""
    return Side(
        name="torch",
        command=[sys.executable, str(HERE / "peers" / "fastapi_torch.py"), str(engine), "PORT"],
        ready="/ready",
        paths={TITLE: "/classify", TEXT: "/classify", PHOTO: "/classify-photo"},
    )


def create_keys(database: Path, count: int) -> list[str]:
    """Return the secrets of new keys: as many as clients, since each key has its rate."""
    from aisle.store.database import Database
    from aisle.store.keys import create_key

    opened = Database.open(str(database))
    now = time.time_ns() // 1000
    try:
        with opened.write() as c:
            return [create_key(c, name=f"client {n}", scopes=("classify",), now=now)[1] for n in range(count)]
    finally:
        opened.close()


def resident(pid: int) -> float:
    """Return the memory of a process in MiB, where the system tells."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

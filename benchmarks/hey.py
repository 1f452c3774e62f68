"""Load on an address, by ``hey`` (https://github.com/rakyll/hey; Debian's package of that name).

hey sends one body, and waits for an answer before it sends the next. So each client is a hey of its own, with one
connection, its own body and its own key. At a given rate they begin at random moments and differ a little in how often
they ask: their requests meet each other by chance, as those of strangers do. A client that waits for an answer longer
than the time between two of its requests would ask too rarely, which flatters the one who is asked; such answers are
counted (`Load.late`).
"""

import csv
import random
import re
import resource
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NO_ANSWER = "no answer"

_SPREAD = 0.05  # clients ask up to so much more or less often than the mean
_SLACK = 30.0  # seconds that hey may take beyond its time: its own time limit per request is 20
_TOTAL = re.compile(r"Total:\s+([\d.]+) secs")
_SLOWEST = re.compile(r"Slowest:\s+([\d.]+) secs")
_RESPONSES = re.compile(r"\[(\d+)\]\s+(\d+) responses")
_ERRORS = re.compile(r"\[(\d+)\]\s")


@dataclass(frozen=True, kw_only=True)
class Client:
    """What one client sends, again and again.

    Attributes
    ----------
    body : Path
        A file with the body of the request.
    kind : str
        Its content type.
    key : str
        Sent as a bearer; none where it is empty.
    """

    body: Path
    kind: str
    key: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Load:
    """What came of it.

    Attributes
    ----------
    rate : float
        Requests answered with 200, per second.
    statuses : Counter of str
        Status, or `NO_ANSWER`, to how many.
    milliseconds : ndarray of float
        Of each request that was answered; empty where clients went flat out.
    slowest : float
        Milliseconds.
    late : int
        Answers that took longer than the time between two requests of a client.
    cores : float
        Cores that hey itself took.
    """

    rate: float
    statuses: Counter[str]
    milliseconds: NDArray[np.float64]
    slowest: float
    late: int
    cores: float

    def percentile(self, share: float) -> float:
        """Return the milliseconds within which so many percent were answered."""
        return float(np.percentile(self.milliseconds, share)) if len(self.milliseconds) else float("nan")


def find_hey() -> str:
    """Return where hey is.

    Raises
    ------
    SystemExit
        It is not installed.
    """
    found = shutil.which("hey")
    if found is None:
        raise SystemExit(
            "hey makes the load, and is not installed: apt-get install hey, or https://github.com/rakyll/hey"
        )
    return found


def flat_out(url: str, clients: Sequence[Client], *, seconds: float) -> Load:
    """Let every client send its next request as soon as it has an answer."""
    before = _children_seconds()
    running = [_start(url, client, "-z", f"{seconds:g}s") for client in clients]
    texts = [_finish(process, seconds) for process in running]
    statuses: Counter[str] = Counter()
    for text in texts:
        for status, count in _RESPONSES.findall(text):
            statuses[status] += int(count)
        statuses[NO_ANSWER] += sum(map(int, _ERRORS.findall(text.partition("Error distribution:")[2])))
    took = max(float(found[1]) for text in texts if (found := _TOTAL.search(text)))
    slowest = max((1e3 * float(found[1]) for text in texts if (found := _SLOWEST.search(text))), default=0.0)
    return Load(
        rate=statuses["200"] / took,
        statuses=+statuses,
        milliseconds=np.empty(0),
        slowest=slowest,
        late=0,
        cores=(_children_seconds() - before) / took,
    )


def paced(url: str, clients: Sequence[Client], *, rate: float, seconds: float) -> Load:
    """Let clients send so many requests a second together."""
    before = _children_seconds()
    shares = rate / len(clients) * (1 + np.linspace(-_SPREAD, _SPREAD, len(clients)))
    counts = [max(1, round(share * seconds)) for share in shares.tolist()]
    draw = random.Random(0)  # noqa: S311 - no secret
    starts = sorted(draw.uniform(0, len(clients) / rate) for _ in clients)
    began = time.perf_counter()
    running = []
    for client, share, count, start in zip(clients, shares.tolist(), counts, starts, strict=True):
        time.sleep(max(0.0, start - (time.perf_counter() - began)))
        running.append(_start(url, client, "-n", str(count), "-q", f"{share:.4f}", "-o", "csv"))
    answers = [list(csv.DictReader(_finish(process, seconds).splitlines())) for process in running]
    took = time.perf_counter() - began
    statuses = Counter(row["status-code"] for rows in answers for row in rows)
    statuses[NO_ANSWER] = sum(counts) - statuses.total()
    times = [np.array([1e3 * float(row["response-time"]) for row in rows]) for rows in answers]
    late = sum(int((found > 1e3 / share).sum()) for found, share in zip(times, shares.tolist(), strict=True))
    joined = np.concatenate(times)
    return Load(
        rate=statuses["200"] / took,
        statuses=+statuses,
        milliseconds=joined,
        slowest=float(joined.max(initial=0.0)),
        late=late,
        cores=(_children_seconds() - before) / took,
    )


def _start(url: str, client: Client, *options: str) -> "subprocess.Popen[str]":
    command = [find_hey(), *options, "-c", "1", "-cpus", "1", "-m", "POST", "-T", client.kind, "-D", str(client.body)]
    if client.key:
        command += ["-H", f"Authorization: Bearer {client.key}"]
    return subprocess.Popen([*command, url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _finish(process: "subprocess.Popen[str]", seconds: float) -> str:
    text, _ = process.communicate(timeout=seconds + _SLACK)
    if process.returncode:
        raise RuntimeError(f"hey ended with {process.returncode}: {text[-500:]}")
    return text


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

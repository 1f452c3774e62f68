"""What `speed.py` asks of a contestant in a process of its own: ``python CONTESTANT JOB ANSWER``, two JSON files.

No aisle here: a peer loads nothing of it.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

LEAST = 1.0
"""Seconds; quicker work is done again, and the best counts."""

Row = dict[str, Any]
Work = Callable[[list[Row]], Any]


def run(open_contestant: Callable[[dict[str, Any], list[Row]], Mapping[str, Work]]) -> None:
    """Open a contestant, let it do each kind of work, and write down what that took.

    Parameters
    ----------
    open_contestant : callable
        From what there is to open, and rows to warm up with, to what it can do with rows. What that returns for
        ``texts`` and ``photos``, one vector per row, is kept; a dict is passed on.
    """
    job, answer = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2])
    seconds, vectors, notes = {}, {}, {}
    for name, work in open_contestant(job["inputs"], job["warm"]).items():
        work(job["warm"])
        spent: list[float] = []
        while sum(spent) < LEAST:
            started = time.perf_counter()
            found = work(job["rows"])
            spent.append(time.perf_counter() - started)
        seconds[name] = min(spent)
        if name in ("texts", "photos"):
            vectors[name] = np.asarray(found, dtype=np.float32)
        if isinstance(found, dict):
            notes[name] = found
    np.savez(answer.with_suffix(".npz"), **vectors)
    answer.write_text(json.dumps({"seconds": seconds, "notes": notes, "peak": peak_memory()}), encoding="utf-8")


def one_text(row: Row) -> str:
    """Return what everybody who reads one text per product reads."""
    return f"{row['title']}\n{row['description']}"


def peak_memory() -> int:
    """Return the most memory that this process ever held, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024

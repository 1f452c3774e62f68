"""Batches on Ray, for the tests: who tried which shard is noted, and nobody goes on before enough others have begun.

Also a program, for tests that kill it.
"""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import batching

from aisle.batch.folder import BatchFolder
from aisle.batch.ray_actors import RayPool


@dataclass(frozen=True, kw_only=True)
class NotingMaker:
    maker: Any
    log: Path

    def __call__(self):
        return Noting(self.maker(), self.log)


class Noting:
    def __init__(self, worker, log):
        self.worker = worker
        self.log = log

    def run(self, task):
        with self.log.open("a") as log:
            log.write(f"{os.getpid()} {task.shard.number}\n")
        deadline = time.monotonic() + 60
        while len({pid for pid, _ in attempts(self.log)}) < together(self.log) and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.worker.run(task)


def attempts(log):
    """Return who tried what: pairs of process and shard, in order."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [(int(pid), int(number)) for pid, number in map(str.split, lines)]


def together(log, change=None):
    """Return how many workers have to have begun, after changing it."""
    place = log.with_suffix(".together")
    if change is not None:
        place.write_text(str(change))
    return int(place.read_text() or 0) if place.exists() else 0


def drive_on_ray(out, source, *, address, log, size=2, wait=0.0, photo_seconds=20.0):
    job = batching.make_job()
    folder = BatchFolder(path=Path(out), form=job.form)
    maker = batching.StubMaker(job=job, folder=folder, wait=wait, photo_seconds=photo_seconds)
    pool = RayPool(NotingMaker(maker=maker, log=Path(log)), size=size, address=address)
    return batching.drive(out, source, pool=pool, job=job)


if __name__ == "__main__":
    drive_on_ray(sys.argv[2], sys.argv[3], address=sys.argv[1], log=sys.argv[4], wait=float(sys.argv[5]))

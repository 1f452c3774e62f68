"""Engines, workers and pools for the tests of a batch, some of which run in processes of their own."""

import os
import re
import signal
import sys
import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

from aisle.batch.folder import BatchFolder, open_folder
from aisle.batch.job import Job
from aisle.batch.plan import Plan
from aisle.batch.processes import ProcessPool
from aisle.batch.run import run_batch
from aisle.batch.shard_worker import EngineWorker
from aisle.batch.shards import plan_shards
from aisle.batch.sources import find_sources
from aisle.batch.workers import Outcome
from aisle.catalog import photos
from aisle.catalog.photo_pixels import PixelShape
from aisle.errors import AisleError, PhotoError
from aisle.product import Evidence, Prediction

FINGERPRINT = "0123456789ab"
DECISIONS = {"a": "accept", "p": "partial", "r": "review"}
HANGS = b"this photo hangs its decoder"


def write_shop(path, rows, *, bad=()):
    """Write a CSV of so many products, a third of each decision; rows of `bad` (from 1) have no id."""
    lines = [f"{'' if n in bad else n},{'apr'[n % 3]} thing {n}," for n in range(1, rows + 1)]
    path.write_text("\n".join(["id,title,photo", *lines, ""]), encoding="utf-8")
    return path


def make_job(**changes):
    return Job(**({"engine": FINGERPRINT, "program": "0.1", "form": "jsonl", "shard_rows": 10} | changes))


class StubEngine:
    """Decides by the first letter of the title, and does what the title says besides.

    ``kill FILE``: ends its process, as a system does that runs out of memory, as long as the file is short.
    """

    fingerprint = FINGERPRINT
    precision = 0.95

    def __init__(self, *, wait=0.0):
        self.wait = wait
        self.asked = []

    def remember(self, most):
        pass

    def predict(self, products, **how):
        self.asked.append((len(products), how))
        time.sleep(self.wait * len(products))
        return [self.answer(product) for product in products]

    def answer(self, product):
        word, _, rest = product.title.partition(" ")
        if word == "kill":
            file, most = rest.split()
            with Path(file).open("a+") as log:
                if log.tell() < int(most):
                    log.write("x")
                    log.flush()
                    os.kill(os.getpid(), signal.SIGKILL)
        if word == "raise":
            raise RuntimeError(rest)
        decision, reason = DECISIONS.get(product.title[:1], "review"), ""
        if product.photo is not None:
            try:
                photos.decode_photo(product.photo, shape=PixelShape(width=8, height=8))
            except PhotoError as err:
                reason = "" if product.title else str(err)
        return Prediction(
            id=product.id, path=("Home",), probability=0.75, decision=decision, leaf=("Home",),
            alternatives=((("Home",), 0.75),), modalities=("title",), evidence=Evidence(), reason=reason,
            engine=FINGERPRINT,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StubMaker:
    """Makes a worker with a stub of an engine, and with photos that hang their decoder."""

    job: Job
    folder: BatchFolder
    wait: float = 0.0
    photo_seconds: float = 20.0
    hangs: bool = True  # not in the process of the tests

    def __call__(self):
        if self.hangs:
            self.hang()
        engine = StubEngine(wait=self.wait)
        return EngineWorker(engine, job=self.job, folder=self.folder, photo_seconds=self.photo_seconds)

    def hang(self):
        read_header = photos.read_header

        def hang(data, *, name):
            if data == HANGS:
                re.match(r"(a+)+$", "a" * 64 + "b")  # for ever, and no other thread gets a turn
            return read_header(data, name=name)

        photos.read_header = hang


class InlinePool:
    """A pool that works when it is waited for, the last task first, and does as it is told."""

    def __init__(self, worker, *, size=2):
        self.size = size
        self.closed = False
        self.done = []
        self.most_out = 0
        self._worker = worker
        self._out = deque()

    def submit(self, task):
        self._out.append(task)
        self.most_out = max(self.most_out, len(self._out))
        assert len(self._out) <= self.size

    def wait(self, timeout=None):
        task = self._out.pop()
        try:
            found = self._worker.run(task)
        except (AisleError, OSError, RuntimeError) as err:
            return Outcome(task=task, error=err)
        if isinstance(found, Outcome):
            return found
        self.done.append(task)
        return Outcome(task=task, result=found)

    def close(self):
        self.closed = True


def drive(out, source, *, pool=None, worker=None, size=2, job=None, wait=0.0, photo_seconds=20.0, max_bad=None, **may):
    """Run a batch as the command does, on processes unless there is another pool or worker."""
    job = job or make_job()
    sources = find_sources([str(source)])
    folder = BatchFolder(path=Path(out), form=job.form)
    maker = StubMaker(job=job, folder=folder, wait=wait, photo_seconds=photo_seconds)
    with open_folder(folder, job, sources, **may) as ledger:
        if worker is not None:
            pool = InlinePool(worker(replace(maker, hangs=False)()), size=size)
        plan = Plan(job, sources, plan_shards(sources, rows=job.shard_rows))
        return run_batch(
            plan, pool=pool or ProcessPool(maker, size=size), folder=folder, ledger=ledger, max_bad=max_bad
        )


if __name__ == "__main__":
    drive(sys.argv[1], sys.argv[2], wait=float(sys.argv[3]))

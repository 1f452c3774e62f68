"""What a shard costs beyond its own work, and what the run remembers of it: shards that are done at once.

The run is the one of `aisle batch` with its ledger; only the work is left out, so that the workers do nothing but wait
for each other's turn: their time together, by the shards, is the most that one can cost. Each pool runs in a process of
its own, in turn. Memory is the resident set of the process that hands out shards.

    nice python benchmarks/batch_overhead.py
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aisle.batch.folder import BatchFolder, open_folder
from aisle.batch.job import Job
from aisle.batch.plan import Plan
from aisle.batch.run import run_batch
from aisle.batch.shards import Shard
from aisle.batch.sources import Source
from aisle.batch.tasks import ShardDone, ShardTask, Written
from aisle.batch.workers import Outcome, Pool

SHARD_ROWS = 2500
MARKS = (0.1, 0.5, 1.0)


class StubWorker:
    """Says of every shard at once that it is done."""

    def run(self, task: ShardTask) -> ShardDone:
        """Answer nothing."""
        return ShardDone(
            key=task.key, name=task.name, answers=Written(size=0, sha256="0" * 64), rows=task.shard.rows,
            quarantined=0, decisions={"accept": task.shard.rows}, seconds={"read": 0.0, "predict": 0.0},
        )  # fmt: skip


@dataclass
class Watched:
    """A pool whose outcomes are counted, and the memory of this process with them."""

    pool: Pool
    shards: int
    done: int = 0
    first: float = 0.0

    def __post_init__(self) -> None:
        self.size = self.pool.size
        self.memory: dict[str, float] = {}

    def submit(self, task: Any) -> None:
        """Hand a task in."""
        self.pool.submit(task)

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """Return the next outcome."""
        outcome = self.pool.wait(timeout)
        if outcome is not None:
            self.first = self.first or time.perf_counter()
            self.done += 1
            for mark in MARKS:
                if self.done == round(mark * self.shards):
                    self.memory[f"{mark:.0%}"] = resident()
        return outcome

    def close(self) -> None:
        """End the workers."""
        self.pool.close()


def resident() -> float:
    """Return the resident set of this process, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def shards(count: int) -> Iterator[Shard]:
    """Yield shards of a file that is not there."""
    source = Source(url="/stub.csv", kind="csv", size=count * SHARD_ROWS, stamp="")
    for number in range(count):
        begin = number * SHARD_ROWS
        yield Shard(
            number=number, source=source, first_row=begin + 1, rows=SHARD_ROWS, begin=begin, end=begin + SHARD_ROWS
        )


def open_pool(name: str, *, workers: int) -> Pool:
    """Open one of the pools."""
    if name == "processes":
        from aisle.batch.processes import ProcessPool

        return ProcessPool(StubWorker, size=workers)
    from aisle.batch.ray_actors import RayPool

    return RayPool(StubWorker, size=workers, address="local")


def run(name: str, *, count: int, workers: int) -> dict[str, Any]:
    """Run all shards through one pool."""
    begun = time.perf_counter()
    job = Job(engine="0", program="0", form="jsonl", shard_rows=SHARD_ROWS)
    with tempfile.TemporaryDirectory() as out:
        folder = BatchFolder(path=Path(out) / "out", form=job.form)
        with open_folder(folder, job, []) as ledger:
            pool = Watched(open_pool(name, workers=workers), count)
            done = run_batch(Plan(job, [], shards(count)), pool=pool, folder=folder, ledger=ledger)
            ended = time.perf_counter()
        if done.record["shards"]["done"] != count or not done.record["complete"]:
            raise SystemExit(f"{name}: {done.record}")
    # The workers start within the first outcome, and that is over once, not for each shard.
    return {"start": pool.first - begun, "each": (ended - pool.first) / (count - 1), "memory": pool.memory}


def main() -> None:
    """Run both pools and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=40_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=100.0, help="what a real shard takes")
    parser.add_argument("--rounds", type=int, default=1, help="in turn; the best and the worst are printed")
    parser.add_argument("--one", choices=["processes", "ray"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run(options.one, count=options.shards, workers=options.workers)))
        return
    print(f"{options.shards:,} shards that are done at once, {options.workers} workers")
    print(f"{'pool':<9}  {'start':>6}  {'per shard':>15}  {'of ' + f'{options.seconds:g} s':>17}  driver's memory at")
    found: dict[str, list[dict[str, Any]]] = {"processes": [], "ray": []}
    for _ in range(options.rounds):
        for name, rounds in found.items():
            asked = ["--one", name, "--shards", options.shards, "--workers", options.workers]
            command = [sys.executable, __file__, *map(str, asked)]
            said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            rounds.append(json.loads(said.stdout))
    for name, rounds in found.items():
        costs = sorted(1000 * options.workers * each["each"] for each in rounds)
        shares = [f"{cost / 10 / options.seconds:.4f}" for cost in (costs[0], costs[-1])]
        memory = ", ".join(f"{mark} {size:.1f}" for mark, size in rounds[-1]["memory"].items())
        print(
            f"{name:<9}  {max(each['start'] for each in rounds):4.1f} s  {costs[0]:4.2f} to {costs[-1]:4.2f} ms  "
            f"{shares[0]} to {shares[1]} %  {memory} MiB"
        )


if __name__ == "__main__":
    main()

"""The same shards on processes and on Ray's actors, in turn; what a product costs at each stage; and what follows.

Each contestant runs the batch of `aisle batch` with its ledger, over a catalogue whose table is repeated. A rate counts
from when every worker has had shards for a while to the last shard, so that starting (Ray's own takes seconds) is in
none of them; it stands beside. The best round of each counts for the ratio. What a product costs is the time of the
workers by stage, of the best round on processes with all cores at work; its range is that of 90 % of the shards.

    nice python benchmarks/batch_ray.py ENGINE shared/data/flipkart-1050
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from aisle.batch.folder import BatchFolder, open_folder
from aisle.batch.job import SHARD_ROWS, Job
from aisle.batch.plan import Plan
from aisle.batch.processes import ProcessPool
from aisle.batch.ray_actors import RayPool
from aisle.batch.run import run_batch
from aisle.batch.shard_worker import EngineWorkerMaker
from aisle.batch.shards import plan_shards
from aisle.batch.sources import find_sources
from aisle.batch.tasks import ShardDone
from aisle.batch.workers import Outcome, Pool
from aisle.engine.artifact import open_artifact
from aisle.settings import Settings

PRODUCTS = 100_000_000
CORES = 64
TABLES = {".csv", ".jsonl", ".parquet"}
LATE = 2  # shards that each worker has done before its rate counts


class Timed:
    """A pool that notes when which shard was done."""

    def __init__(self, pool: Pool) -> None:
        self.size = pool.size
        self.done: list[tuple[float, ShardDone]] = []
        self._pool = pool

    def submit(self, task: Any) -> None:
        """Hand a task in."""
        self._pool.submit(task)

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """Return the next outcome."""
        outcome = self._pool.wait(timeout)
        if outcome is not None and isinstance(outcome.result, ShardDone):
            self.done.append((time.perf_counter(), outcome.result))
        return outcome

    def close(self) -> None:
        """End the workers."""
        self._pool.close()


@dataclass(frozen=True)
class Round:
    """What a contestant did.

    Attributes
    ----------
    rate : float
        Products per second.
    start : float
        Seconds from the beginning to the first shard that was done.
    shards : list of ShardDone
        Those that count.
    """

    rate: float
    start: float
    shards: list[ShardDone]


def repeat_catalog(catalog: Path, folder: Path, *, times: int) -> Path:
    """Lay out a folder whose tables hold the rows of another's several times, with the same photos."""
    shutil.copytree(catalog, folder, copy_function=os.symlink)
    for table in [path for path in folder.iterdir() if path.suffix.lower() in TABLES]:
        for number in range(1, times):
            shutil.copy(table, table.with_name(f"{number}-{table.name}"))
    return folder


def run(kind: str, *, size: int, engine: Path, shop: Path, rows: int, tier: str) -> Round:
    """Run the batch once."""
    job = Job(engine=open_artifact(engine).fingerprint, program="benchmark", form="jsonl", tier=tier, shard_rows=rows)
    sources = find_sources([str(shop)])
    with tempfile.TemporaryDirectory() as out:
        folder = BatchFolder(path=Path(out) / "out", form=job.form)
        settings = replace(Settings.load(), threads=1)
        maker = EngineWorkerMaker(engine=engine, settings=settings, job=job, folder=folder)
        with open_folder(folder, job, sources) as ledger:
            begun = time.perf_counter()
            opened = ProcessPool(maker, size=size) if kind == "process" else RayPool(maker, size=size, address="local")
            pool = Timed(opened)
            plan = Plan(job, sources, plan_shards(sources, rows=rows))
            done = run_batch(plan, pool=pool, folder=folder, ledger=ledger)
    if not done.record["complete"] or done.record["shards"]["redone"]:
        raise SystemExit(f"{kind}: {done.record}")
    since = pool.done[LATE * size - 1][0]
    counted = [shard for _, shard in pool.done[LATE * size :]]
    rate = sum(shard.rows for shard in counted) / (pool.done[-1][0] - since)
    return Round(rate=rate, start=pool.done[0][0] - begun, shards=counted)


def print_costs(shards: Sequence[ShardDone]) -> np.ndarray:
    """Print what a product costs at each stage, and return its milliseconds in each shard."""
    names = sorted({name for shard in shards for name in shard.seconds})
    costs = np.array([[1000 * shard.seconds.get(name, 0.0) / shard.rows for name in names] for shard in shards])
    rows = np.array([shard.rows for shard in shards])
    total = costs.sum(axis=1)
    print(f"\nmilliseconds of a core per product, of {len(shards)} shards")
    for name, each in [*zip(names, costs.T, strict=True), ("together", total)]:
        low, high = np.quantile(each, [0.05, 0.95])
        print(f"  {name:<9} {np.average(each, weights=rows):7.2f}   90 % of the shards: {low:.2f} to {high:.2f}")
    return np.array([np.average(total, weights=rows), *np.quantile(total, [0.05, 0.95])])


def print_arithmetic(costs: np.ndarray, *, ratios: Sequence[float], overhead: float) -> None:
    """Print what follows for many products on many cores: the best guess, the least and the most."""
    slowest, fastest = min(1.0, *ratios), min(1.0, max(ratios))  # actors that are quicker than processes are luck
    more = overhead / SHARD_ROWS
    mean, low, high = costs
    core_hours = [PRODUCTS * each / 3.6e6 for each in ((mean + more) / fastest, low, (high + more) / slowest)]
    hours = [each / CORES for each in core_hours]
    print(
        f"\n{PRODUCTS:,} products on {CORES} cores: {core_hours[0]:,.0f} core hours, {hours[0]:.1f} h "
        f"({hours[1]:.1f} to {hours[2]:.1f})"
    )


def main() -> None:
    """Run all contestants and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", type=Path)
    parser.add_argument("catalog", type=Path, help="a folder with a table and its photos")
    parser.add_argument("--repeat", type=int, default=2, help="times that the table is read")
    parser.add_argument("--shard-rows", type=int, default=70, help="fewer than a run has, for more of them")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tier", default="full")
    parser.add_argument("--overhead", type=float, default=20.0, help="ms a shard, by batch_overhead.py, at most")
    options = parser.parse_args()
    contestants = {
        "1 process": ("process", 1),
        f"{options.workers} processes": ("process", options.workers),
        f"{options.workers} actors": ("actor", options.workers),
    }
    found: dict[str, list[Round]] = {name: [] for name in contestants}
    with tempfile.TemporaryDirectory() as place:
        shop = repeat_catalog(options.catalog.resolve(), Path(place) / "shop", times=options.repeat)
        for _ in range(options.rounds):
            for name, (kind, size) in contestants.items():
                how = {"engine": options.engine.resolve(), "shop": shop, "rows": options.shard_rows}
                found[name].append(run(kind, size=size, tier=options.tier, **how))
    print(f"{'contestant':<12}  products/s, each round    start")
    for name, rounds in found.items():
        rates = ", ".join(f"{each.rate:.1f}" for each in rounds)
        print(f"{name:<12}  {rates:<24}  {max(each.start for each in rounds):.1f} s")
    alone, processes, actors = (max(rounds, key=lambda each: each.rate) for rounds in found.values())
    pairs = [actor.rate / process.rate for process, actor in zip(*[*found.values()][1:], strict=True)]
    print(f"actors by processes: {actors.rate / processes.rate:.3f} (by round {min(pairs):.3f} to {max(pairs):.3f})")
    print(f"{options.workers} processes by one: {processes.rate / alone.rate:.2f}")
    costs = print_costs(processes.shards)
    print_arithmetic(costs, ratios=pairs, overhead=options.overhead)


if __name__ == "__main__":
    main()

"""How fast a batch finds its shards in CSV and JSON lines, beside Python's own reader on the same file in turn.

Planning has to know of every row where it begins, quotes and damage included; `csv.reader` or `json.loads` alone is
what a script would use to count the rows of files without damage. Memory is the most that this process has had.

    nice python benchmarks/batch_planning.py --megabytes 200
"""

import argparse
import csv
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path

from aisle.batch.shards import plan_shards
from aisle.batch.sources import find_sources

WORDS = ("mug", "blue", "steel", "ceramic", "12", "cm", "dishwasher", "safe", "gift", "set", "of", "two", "pieces")


def text(seed: int, words: int) -> str:
    """Return some words, others for each seed."""
    return " ".join(islice(cycle(WORDS), seed % len(WORDS), seed % len(WORDS) + words))


ROWS: dict[str, Callable[[int], list[str]]] = {
    "short rows": lambda n: [str(n), text(n, 3), "", "3.50"],
    "long rows": lambda n: [str(n), text(n, 8), text(n, 70) + ', "fine"', "3.50"],
    "rows over several lines": lambda n: [str(n), text(n, 8), f'{text(n, 30)}\n{text(n, 30)}\n"fine"', "3.50"],
}


def main() -> None:
    """Write each file, plan it and read it, and print a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3, help="in turn; the best of each counts")
    options = parser.parse_args()
    print(f"{'file':<36}  {'rows':>10}  {'planned':>9}  {'Python':>9}  ratio  memory")
    with tempfile.TemporaryDirectory() as folder:
        for name, make in ROWS.items():
            for kind in ("csv", "jsonl"):
                path = Path(folder) / f"shop.{kind}"
                write(path, make, size=options.megabytes << 20)
                rates = {"ours": 0.0, "peer": 0.0}
                for _ in range(options.rounds):
                    rows, rates["ours"] = best(rates["ours"], path, plan)
                    _, rates["peer"] = best(rates["peer"], path, read_alone)
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
                print(
                    f"{f'{kind}, {name}':<36}  {rows:>10,}  {rates['ours']:>4.0f} MB/s  {rates['peer']:>4.0f} MB/s  "
                    f"{rates['ours'] / rates['peer']:5.2f}  {memory} MiB"
                )


def write(path: Path, make: Callable[[int], list[str]], *, size: int) -> None:
    """Write rows until the file is about that large."""
    header = ["id", "title", "description", "price"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if path.suffix == ".csv":
            writer.writerow(header)
        for n in range(1 << 40):
            if path.suffix == ".csv":
                writer.writerow(make(n))
            else:
                file.write(json.dumps(dict(zip(header, make(n), strict=True))) + "\n")
            if n % 1000 == 0 and file.tell() >= size:
                return


def best(before: float, path: Path, count: Callable[[Path], int]) -> tuple[int, float]:
    """Return the rows and the better rate, in megabytes a second."""
    started = time.perf_counter()
    rows = count(path)
    return rows, max(before, path.stat().st_size / 1e6 / (time.perf_counter() - started))


def plan(path: Path) -> int:
    """Count the rows by their shards."""
    return sum(shard.rows for shard in plan_shards(find_sources([str(path)])))


def read_alone(path: Path) -> int:
    """Count the rows with what Python has for it."""
    with path.open(newline="", encoding="utf-8") as file:
        records: Iterable[object] = csv.reader(file) if path.suffix == ".csv" else parsed(file)
        return sum(1 for _ in records)


def parsed(lines: Iterable[str]) -> Iterator[object]:
    """Yield the objects of JSON lines."""
    return map(json.loads, lines)


if __name__ == "__main__":
    main()

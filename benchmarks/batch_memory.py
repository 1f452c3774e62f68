"""How much memory a batch takes: the command and all of its workers, several times a second, the most of it printed.

Counted is the proportional set size (PSS), where a page that several processes share counts once; the resident set
sizes (RSS) of all processes, which count it several times, stand beside it. The catalogue's table is read several
times over, so that memory that grows with the rows would be seen.

    nice python benchmarks/batch_memory.py engine shared/data/flipkart-1050 --repeat 5 --workers 2
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EVERY_SECONDS = 0.2
TABLES = {".csv", ".jsonl", ".parquet"}


def main() -> None:
    """Run a batch and look at its processes meanwhile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", type=Path)
    parser.add_argument("catalog", type=Path, help="a folder with a table and its photos")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shard-rows", type=int, default=2500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = repeat_catalog(options.catalog.resolve(), Path(folder) / "shop", times=options.repeat)
        command = [sys.executable, "-m", "aisle", "batch", options.engine, shop, "--out", Path(folder) / "out",
                   "--workers", options.workers, "--shard-rows", options.shard_rows]  # fmt: skip
        begun = time.monotonic()
        with subprocess.Popen([*map(str, command)]) as process:
            print("seconds  processes  PSS MiB  RSS MiB")
            most = watch(process, begun)
    print(f"the most: {most['Pss']:.0f} MiB PSS, {most['Rss']:.0f} MiB RSS in {most['processes']:.0f} processes")


def repeat_catalog(catalog: Path, folder: Path, *, times: int) -> Path:
    """Lay out a folder with one table that holds the rows of another several times, and the same photos."""
    shutil.copytree(catalog, folder, copy_function=os.symlink)  # links to folders are not gone into
    for entry in [entry for entry in folder.iterdir() if entry.suffix.lower() in TABLES]:
        for number in range(times):
            (folder / f"{number}-{entry.name}").write_bytes(entry.read_bytes())
        entry.unlink()
    return folder


def watch(process: "subprocess.Popen[bytes]", begun: float) -> dict[str, float]:
    """Return the most memory that was seen; print what there is every ten seconds."""
    most: dict[str, float] = {"Pss": 0, "Rss": 0, "processes": 0}
    said = begun
    while process.poll() is None:
        now = measure(process.pid)
        if now["Pss"] > most["Pss"]:
            most = now
        if time.monotonic() - said >= 10:
            said = time.monotonic()
            print(f"{said - begun:7.0f}  {now['processes']:9.0f}  {now['Pss']:7.0f}  {now['Rss']:7.0f}", flush=True)
        time.sleep(EVERY_SECONDS)
    return most


def measure(pid: int) -> dict[str, float]:
    """Return the memory of a process and of all that it has started, in MiB."""
    total: dict[str, float] = {"Pss": 0, "Rss": 0, "processes": 0}
    for each in family(pid):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:  # it has just ended
            continue
        total["processes"] += 1
        for line in lines:
            name, _, value = line.partition(":")
            if name in ("Pss", "Rss"):
                total[name] += int(value.split()[0]) / 1024
    return total


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    try:
        texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        texts = []
    return [pid, *(each for text in texts for child in text.split() for each in family(int(child)))]


if __name__ == "__main__":
    main()

"""Products per second through `aisle batch` in each tier, what each costs in accuracy, and how much memory it takes.

An engine is trained on four fifths of a catalogue; the other fifth, which it has not seen, is read many times over,
every tenth photo exchanged for an original of many megapixels. What comes twice is computed twice: no shard holds a
product twice, but for the fast tier, which remembers none. Seconds count from the first worker being asked to the last
answer, loading the engine included.

    python benchmarks/batch_tiers.py ../shared/data/flipkart-1050 --originals ../shared/data/photos-original
"""

import argparse
import csv
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from aisle.catalog import read_catalog
from aisle.engine import load_engine
from aisle.engine.artifact_writer import write_artifact
from aisle.heads.tiers import TIERS
from aisle.product import Product
from aisle.settings import Settings
from aisle.train import TrainingOptions, engine_folder, train_engine
from batch_memory import measure

PART = 5


def main() -> None:
    """Train, batch, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--originals", type=Path, help="photos to mix in")
    parser.add_argument("--level", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--times", type=int, nargs=3, default=[600, 60, 10], metavar="N", help="fast, balanced, full")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the engine and the last products there")
    options = parser.parse_args()
    products = [product for product in read_catalog(options.catalog).products if product.category]
    random.Random(0).shuffle(products)  # noqa: S311 - a deal
    cut = len(products) // PART
    new, old = products[:cut], products[cut:]
    settings = Settings.load()
    with tempfile.TemporaryDirectory() if options.keep is None else nullcontext(options.keep) as place:
        folder = Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        made = engine_folder(train_engine(old, options=TrainingOptions(level=options.level), settings=settings))
        write_artifact(folder / "engine", made.files, about=made.about)
        accuracy(folder / "engine", new, level=options.level)
        for tier, times in zip(TIERS, options.times, strict=True):
            for texts_only in (True, False) if tier == "fast" else (False,):
                mixed = new if texts_only else exchange(new, options.originals)
                together = times if tier == "fast" else 1
                write_shop(folder / "shop", mixed, times=times, together=together, photos=not texts_only)
                name = f"{tier}, texts only" if texts_only else tier
                run(folder, tier, name=name, workers=options.workers, rows=2500 if tier == "fast" else cut)


def accuracy(folder: Path, products: Sequence[Product], *, level: int) -> None:
    """Print how often the most probable category of each tier is right on the products that nobody has seen."""
    engine = load_engine(folder)
    print(f"right on {len(products)} products that were not learned from:", end="")
    for tier in TIERS:
        found = engine.predict(products, tier=tier, evidence=False)
        pairs = zip(found, products, strict=True)
        right = sum(each.leaf[:level] == product.category[:level] for each, product in pairs)
        print(f"  {tier} {100 * right / len(products):.1f} %", end="", flush=True)
    print()


def exchange(products: Sequence[Product], originals: Path | None) -> list[Product]:
    """Return the products with every tenth photo exchanged."""
    photos = sorted(originals.glob("*.jpg")) if originals is not None else []
    found = list(products)
    for place in range(0, len(found), 10) if photos else ():
        found[place] = replace(found[place], photo=photos[place // 10 % len(photos)])
    return found


def write_shop(folder: Path, products: Sequence[Product], *, times: int, together: int, photos: bool) -> None:
    """Write the products so many times, some times together in one table; a shard never spans two tables."""
    for path in folder.glob("*.csv"):
        path.unlink()
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    names = {}
    for product in products if photos else ():
        if isinstance(product.photo, Path):
            name = f"{product.id}-{product.photo.name}"
            names[product.id] = name
            shutil.copy(product.photo, folder / "photos" / name)
    for number in range(times):
        with (folder / f"{number // together:04}.csv").open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if number % together == 0:
                writer.writerow(["id", "title", "description", "specifications", *(["photo"] if photos else [])])
            for product in products:
                row = [f"{number}-{product.id}", product.title, product.description]
                photo = [names.get(product.id, "")] if photos else []
                writer.writerow([*row, json.dumps(dict(product.attributes)), *photo])


def run(folder: Path, tier: str, *, name: str, workers: int, rows: int) -> None:
    """Run the command and print its rate and its memory."""
    out = folder / f"out-{time.monotonic_ns()}"
    command = [sys.executable, "-m", "aisle", "batch", folder / "engine", folder / "shop", "--out", out, "--tier", tier,
               "--workers", workers, "--shard-rows", rows, "--json"]  # fmt: skip
    most = 0.0
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, measure(process.pid)["Pss"])
            time.sleep(0.2)
    found = json.loads((out / "summary.json").read_text())
    count = found["rows"]["in"]
    spent = ", ".join(f"{stage} {1000 * seconds / count:.2f}" for stage, seconds in found["stage_seconds"].items())
    after = ", ".join(f"{stage} {100 * share / count:.0f} %" for stage, share in found["answered_after"].items())
    print(
        f"{name:18} {found['rows_per_second']:8,.1f} products/s of {count:,}; answered after {after}; "
        f"ms of one core per product: {spent}; {most:.0f} MiB",
        flush=True,
    )


if __name__ == "__main__":
    main()

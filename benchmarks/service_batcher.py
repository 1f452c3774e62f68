"""How long a product takes from the event loop through the batcher and back, beside calling the engine directly.

The engine answers on its own first: one thread, one product after another, with and without evidence, and with one or
two cores for each product. Then requests come at random moments (a Poisson process) at half of what the batcher can
answer, and p50 and p99 are printed, queue included. HTTP is not.
"""

import argparse
import asyncio
import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image

from aisle.catalog import read_catalog
from aisle.engine.engine import Engine, load_engine
from aisle.product import Product
from aisle.serve.inference.batcher import Batcher
from aisle.serve.inference.search import TaxonomySearch
from aisle.settings import Settings

SIDE = 1000


def megapixel(photo: Path, rng: np.random.Generator) -> bytes:
    """Return a photo at 1000 x 1000 pixels with the grain of a camera, as JPEG."""
    pixels = np.asarray(Image.open(photo).convert("RGB").resize((SIDE, SIDE))) + rng.normal(0, 6, (SIDE, SIDE, 3))
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=88)
    return file.getvalue()


def read(catalog: Path, count: int) -> dict[str, list[Product]]:
    """Return products by what they have."""
    rng = np.random.default_rng(0)
    given = [each for each in read_catalog(catalog).products if each.title and each.description]
    texts = [Product(title=each.title, description=each.description) for each in given[: 5 * count]]
    photos = []
    for each in given:
        try:
            photos.append(Product(title=each.title, photo=megapixel(Path(str(each.photo)), rng)))
        except (OSError, ValueError):
            continue  # the sample has damaged photos on purpose
        if len(photos) == count:
            break
    alone = [Product(photo=each.photo) for each in photos]
    return {"text": texts, "photo": alone, "photo + title": photos}


def shown(seconds: Sequence[float]) -> str:
    """Return the median and the 99th percentile in milliseconds."""
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return f"p50 {p50:6.1f} ms  p99 {p99:6.1f} ms"


def timed(work: Callable[[int], object], rounds: int) -> list[float]:
    """Return how long each round takes, after a few that do not count."""
    taken = []
    for number in range(rounds + 5):
        started = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - started)
    return taken[5:]


async def _saturate(batcher: Batcher, products: Sequence[Product], evidence: bool, rounds: int) -> float:
    """Return products per second with twice as many clients as workers."""

    async def client(first: int) -> None:
        for number in range(first, rounds, 4):
            await batcher.predict(products[number % len(products)], evidence=evidence)

    started = time.perf_counter()
    await asyncio.gather(*map(client, range(4)))
    return rounds / (time.perf_counter() - started)


async def _arrive(
    batcher: Batcher, products: Sequence[Product], evidence: bool, rate: float, rounds: int
) -> list[float]:
    rng = np.random.default_rng(1)
    taken: list[float] = []

    async def one(number: int, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - time.perf_counter()))
        await batcher.predict(products[number % len(products)], evidence=evidence)
        taken.append(time.perf_counter() - moment)  # from when it was to come: a late start counts

    moments = time.perf_counter() + 0.1 + np.cumsum(rng.exponential(1 / rate, rounds))
    await asyncio.gather(*(one(number, moment) for number, moment in enumerate(moments.tolist())))
    return taken


def through(engine: Engine, products: Sequence[Product], *, evidence: bool, workers: int, rounds: int) -> str:
    """Return what the batcher adds up to at half of what it can do."""
    batcher = Batcher(SimpleNamespace(current=engine), workers=workers, queue_size=1000, batch_size=16)
    try:
        most = asyncio.run(_saturate(batcher, products, evidence, rounds))
        taken = asyncio.run(_arrive(batcher, products, evidence, most / 2, rounds))
    finally:
        batcher.close()
    return f"{shown(taken)}  at {most / 2:5.1f} of {most:5.1f}/s"


def search_time() -> str:
    """Return how long a search takes in a made-up taxonomy of 30,000 paths; one letter is the worst."""
    paths = [
        (f"Top {a}", f"Électronique & more {b}", f"Leaf {a} {b} {c}")
        for a in range(30)
        for b in range(20)
        for c in range(50)
    ]
    search = TaxonomySearch(paths)
    return "  ".join(
        f"{text!r}: {shown(timed(lambda _, text=text: search.find(text), 20))}" for text in ("l", "elec more 7")
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", type=Path)
    parser.add_argument("catalog", type=Path, help="where products and photos are taken from")
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    kinds = read(options.catalog, 40)
    engines = {threads: load_engine(options.engine, settings=Settings(threads=threads)) for threads in (1, 2)}
    for evidence in (True, False):
        for kind, products in kinds.items():
            print(f"{kind}, {'with' if evidence else 'without'} evidence")
            for threads, engine in engines.items():

                def alone(number: int, engine: Engine = engine, products: list[Product] = products) -> object:
                    return engine.predict([products[number % len(products)]], evidence=evidence)  # noqa: B023

                rounds = options.rounds
                print(f"  {threads} cores each  direct   {shown(timed(alone, rounds))}")
                for workers in (1, 2):
                    found = through(engine, products, evidence=evidence, workers=workers, rounds=rounds)
                    print(f"                {workers} workers  {found}", flush=True)
    print(f"search in 30,000 paths  {search_time()}")


if __name__ == "__main__":
    main()

"""`aisle index` beside comparing with everything: seconds to build, share of the nearest found, queries a second.

The vectors are made up: shelves, kinds of products on them, and products, each around the one before in 64 directions,
with noise in all of them. Around a vector they fill about as many dimensions as embeddings of product texts do, which
is what makes a search hard. With `--shape sphere` there is no structure at all: the worst case, which no catalogue is.
Queries are drawn like the vectors and are none of them; of equals any will do. The truth is what single precision finds
by comparing with all. *Itself* is the share of the index's own vectors that a search finds; with `--copies 0.4` so many
of the vectors are copies, in groups of a thousand and of ten, as catalogues have them.

    python benchmarks/nearest.py                              # a million of 384 numbers, 6 GB
    python benchmarks/nearest.py --count 100000 --usearch --copies 0.4
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import faiss
import numpy as np
from numpy.typing import NDArray

from aisle.nearest import NearestIndex

K = 10
BLOCK = 50_000
ALONE = 200
"""Queries that are asked one by one."""
OWN = 1_000
"""Vectors of the index that are asked for."""
ROUNDING = 1e-5

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Search = Callable[[Floats], Ids]
Made = TypeVar("Made")


def main() -> None:
    """Make vectors, build each contestant, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3, help="of queries, in turn; the best of each counts")
    parser.add_argument("--shape", choices=("products", "sphere"), default="products")
    parser.add_argument("--copies", type=float, default=0.0, metavar="SHARE", help="of the vectors")
    parser.add_argument("--usearch", action="store_true", help="a graph as well (USearch, 16 bits)")
    options = parser.parse_args()

    make = like_products if options.shape == "products" else on_a_sphere
    vectors = make(options.count, options.dimension, part=0)
    queries = make(options.queries, options.dimension, part=1)
    copy(vectors, options.copies)
    own = vectors[np.random.default_rng(3).choice(len(vectors), size=min(OWN, len(vectors)), replace=False)]
    print(f"{options.count:,} x {options.dimension}, {options.queries:,} queries, {K} nearest each", flush=True)

    contestants: dict[str, tuple[float, Search]] = {}
    flat, seconds = timed(lambda: exact(vectors))
    least = flat.search(queries, K)[0][:, -1:]
    contestants["exact: faiss, 32 bits"] = seconds, lambda asked: np.asarray(flat.search(asked, K)[1])
    index, seconds = timed(lambda: NearestIndex.build(vectors, [str(row) for row in range(len(vectors))]))
    contestants[f"aisle: {'exact' if index.exact else 'lists'}, 16 bits"] = (
        seconds,
        lambda asked: index.search(asked, K).rows,
    )
    if options.usearch:
        graph, seconds = timed(lambda: usearch(vectors))
        contestants["graph: usearch, 16 bits"] = (
            seconds,
            lambda asked: np.asarray(graph.search(asked, K).keys, np.int64),
        )

    rates = dict.fromkeys(contestants, 0.0)
    alone = dict.fromkeys(contestants, float("inf"))
    found: dict[str, Ids] = {}
    itself: dict[str, float] = {}
    for _ in range(options.rounds):
        for name, (_, search) in contestants.items():
            found[name], seconds = timed(lambda search=search: search(queries))
            rates[name] = max(rates[name], len(queries) / seconds)
            itself[name] = float((similarity(own, vectors, search(own)) > 1 - ROUNDING).any(axis=1).mean())
            _, seconds = timed(lambda search=search: [search(query[None]) for query in queries[:ALONE]])
            alone[name] = min(alone[name], 1e3 * seconds / min(ALONE, len(queries)))

    first = next(iter(rates))
    print(f"{'':<24}  {'build':>8}  {'rows/s':>8}  recall@{K}  {'queries/s':>9}  {'ratio':>6}  one alone   itself")
    for name, (seconds, _) in contestants.items():
        recall = (similarity(queries, vectors, found[name]) >= least - ROUNDING).mean()
        print(
            f"{name:<24}  {seconds:6.0f} s  {options.count / seconds:>8,.0f}  {recall:9.4f}  {rates[name]:>9,.0f}  "
            f"{rates[name] / rates[first]:6.1f}  {alone[name]:6.2f} ms  {100 * itself[name]:6.1f} %"
        )
    print(repr(index))
    kept(index)


def like_products(count: int, dimension: int, *, part: int) -> Floats:
    """Return unit vectors like embeddings of products, shape (count, dimension); each part of them is drawn anew."""
    latent, shelves, kinds = 64, 400, 20_000
    draw = np.random.default_rng(0)
    scale = np.arange(1, latent + 1, dtype=np.float32) ** -0.5
    scale /= np.linalg.norm(scale)
    base = np.linalg.qr(draw.standard_normal((dimension, min(latent, dimension))))[0].astype(np.float32).T
    scale = scale[: len(base)]
    shelf = draw.standard_normal((shelves, len(base)), dtype=np.float32) * scale
    kind = shelf[draw.integers(0, shelves, kinds)]
    kind += 0.7 * draw.standard_normal(kind.shape, dtype=np.float32) * scale
    draw = np.random.default_rng((0, 1, part))
    popular = np.minimum((kinds * draw.random(count) ** 1.5).astype(int), kinds - 1)
    made = np.empty((count, dimension), dtype=np.float32)
    for start in range(0, count, BLOCK):
        of = kind[popular[start : start + BLOCK]]
        rows = (of + 0.6 * draw.standard_normal(of.shape, dtype=np.float32) * scale) @ base
        rows += draw.standard_normal(rows.shape, dtype=np.float32) * np.float32(0.3 / np.sqrt(dimension))
        made[start : start + BLOCK] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return made


def on_a_sphere(count: int, dimension: int, *, part: int) -> Floats:
    """Return unit vectors in all directions alike, shape (count, dimension)."""
    made = np.random.default_rng(part).standard_normal((count, dimension), dtype=np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made


def copy(vectors: Floats, share: float) -> None:
    """Make copies of some vectors in the place of others: as many in groups of a thousand as in groups of ten."""
    order = np.random.default_rng(2).permutation(len(vectors))
    start, end = 0, int(share * len(vectors))
    for size, until in ((1000, end // 2), (10, end)):
        while start + size <= until:
            group = order[start : start + size]
            vectors[group[1:]] = vectors[group[0]]
            start += size


def similarity(asked: Floats, vectors: Floats, found: Ids) -> Floats:
    """Return how similar what was found is, shape (q, k); minus one where nothing was."""
    near = [np.where(rows >= 0, vectors[rows] @ query, -1.0) for query, rows in zip(asked, found, strict=True)]
    return np.array(near, dtype=np.float32)


def exact(vectors: Floats) -> Any:
    """Return faiss's index that compares with everything."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return index


def usearch(vectors: Floats) -> Any:
    """Return USearch's graph, with as many links and as wide a search as it takes by default."""
    from usearch.index import Index

    index = Index(ndim=vectors.shape[1], metric="cos", dtype="f16")
    index.add(np.arange(len(vectors), dtype=np.uint64), vectors)
    return index


def kept(index: NearestIndex) -> None:
    """Print what an index takes on the disk, and how long it is until it answers."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "index"
        _, saving = timed(lambda: index.save(place))
        size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
        _, opening = timed(lambda: NearestIndex.load(place).search(np.asarray(index.vectors[:1], dtype=np.float32), K))
        print(
            f"on the disk {size / 1e6:,.0f} MB, written in {saving:.1f} s, first answer {opening:.1f} s after opening"
        )
        shutil.rmtree(place)


def timed(work: Callable[[], Made]) -> tuple[Made, float]:
    """Do something; return what came of it, and the seconds that it took."""
    started = time.perf_counter()
    made = work()
    return made, time.perf_counter() - started


if __name__ == "__main__":
    main()

"""How many numbers a product's vector needs in an index: are its ten nearest of its own category?

Every width is made as `aisle index build` makes it, from what the engine learned; *whole* are the embeddings side by
side, texts and photo with half of the say each.

    python benchmarks/nearest_width.py ENGINE CATALOG
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.catalog import read_catalog
from aisle.engine import load_engine
from aisle.nearest import combination
from aisle.nearest.combination import KINDS, Combination
from aisle.nearest.exact import nearest_of_all
from aisle.nearest.rows import unit_rows

Floats = NDArray[np.float32]

K = 10
WIDTHS = (64, 128, 256, 384, 768)


def main() -> None:
    """Embed the catalogue once, and print a line for each width."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", type=Path)
    parser.add_argument("catalog", type=Path)
    options = parser.parse_args()
    engine = load_engine(options.engine)
    products = [product for product in read_catalog(options.catalog).products if product.category]
    vectors = engine.vectors(products)
    tops = np.array([product.category[0] for product in products])
    leaves = np.array([" > ".join(product.category) for product in products])

    whole = unit_rows(
        np.concatenate(
            [unit_rows(sum(vectors[name] for name in names if name in vectors)) for names in KINDS.values()], axis=1
        )
    )
    reference = nearest(whole)
    print(f"{len(products):,} products, their {K} nearest")
    print("numbers  same top category  same path  also among the nearest of the whole")
    show("whole", whole.shape[1], reference, reference, tops, leaves)
    for width in WIDTHS:
        combination.WIDTH = width
        rows = Combination.learn(engine.landmarks).combine(vectors)
        show("", rows.shape[1], nearest(rows), reference, tops, leaves)


def nearest(rows: Floats) -> NDArray[np.int64]:
    """Return the nearest of each but itself, shape (n, K)."""
    found = nearest_of_all(rows, rows.astype(np.float16), count=K + 1)[0]
    return np.array([[row for row in line if row != place][:K] for place, line in enumerate(found.tolist())])


def show(
    name: str,
    width: int,
    found: NDArray[np.int64],
    reference: NDArray[np.int64],
    tops: NDArray[np.str_],
    leaves: NDArray[np.str_],
) -> None:
    """Print a line."""
    top, leaf = ((labels[found] == labels[:, None]).mean() for labels in (tops, leaves))
    pairs = zip(found.tolist(), reference.tolist(), strict=True)
    common = np.mean([len(set(one) & set(other)) / K for one, other in pairs])
    print(f"{width:>7,}  {100 * top:>15.1f} %  {100 * leaf:>7.1f} %  {100 * common:>6.1f} %  {name}".rstrip())


if __name__ == "__main__":
    main()

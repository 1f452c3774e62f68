"""The gold set: the tenth of a catalogue that no engine learns from, so that engines of all weeks can be compared."""

from collections.abc import Sequence

import numpy as np

from aisle.encode.seen import training_keys
from aisle.product import Product

_PARTS = 10


def split_gold(products: Sequence[Product]) -> tuple[list[Product], list[Product]]:
    """Part labelled products into those to learn from and the gold set.

    Which side a product lies on depends on its own words alone: it stays there while the catalogue grows, and whatever
    the order of its rows.

    Parameters
    ----------
    products : sequence of Product
        Those without a category are left out.

    Returns
    -------
    tuple of (list of Product, list of Product)
        About nine tenths, and about a tenth.
    """
    learn: list[Product] = []
    gold: list[Product] = []
    for product in products:
        if product.category:
            (gold if _is_gold(product) else learn).append(product)
    return learn, gold


def _is_gold(product: Product) -> bool:
    keys = training_keys([product])
    return bool(keys.size) and int(np.bitwise_xor.reduce(keys) % np.uint64(_PARTS)) == 0

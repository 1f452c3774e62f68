"""An engine knows what it was trained on, and nothing else."""

import numpy as np
import pytest

from aisle.product import Product
from aisle.train.seen import seen_rows, training_keys

FULL = Product(title="Blue  mug", description="Holds tea", photo=b"picture")
BARE = Product(title="Red lamp")
SHOWN = Product(photo=b"a photo")


@pytest.fixture
def known():
    return training_keys([FULL, BARE, SHOWN])


@pytest.mark.parametrize(
    ("product", "seen"),
    [
        (FULL, True),
        (Product(title="BLUE MUG", description="holds\ntea"), True),  # case, spaces, another photo
        (Product(title="Blue mug"), True),  # the same one without its description
        (Product(title="Blue mug", description="Holds coffee"), False),
        (Product(description="Holds tea"), False),
        (BARE, True),
        (Product(title="Red lamp", description="Gives light"), True),  # trained on without a description
        (Product(title="Red lamps"), False),
        (SHOWN, True),
        (Product(photo=b"another photo"), False),
        (Product(photo=b"picture"), False),  # its text is gone, and its photo was not what it was known by
        (Product(), False),
    ],
)
def test_a_product_is_known_by_its_content(known, product, seen):
    assert seen_rows([product], known).tolist() == [seen]


def test_many_at_once_keep_their_order(known):
    assert seen_rows([Product(title="new"), FULL, Product(), SHOWN], known).tolist() == [False, True, False, True]


def test_keys_are_sorted_hashes_and_nothing_is_known_of_nothing(known):
    assert known.dtype == np.uint64
    assert (np.diff(known) > 0).all()
    assert not seen_rows([FULL, SHOWN], training_keys([])).any()
    assert seen_rows([], known).shape == (0,)

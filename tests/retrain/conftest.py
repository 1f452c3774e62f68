"""A shop of words: what a category calls its things is learned by seeing them, and nothing else helps."""

import numpy as np
import pytest

from aisle.product import Product
from aisle.settings import Settings

CATEGORIES = (("Lamps",), ("Cups",), ("Toys",))
WORDS = 60


@pytest.fixture(scope="session")
def make_words():
    """Return a function that draws products; a seed's products are no other seed's."""
    names = [
        sorted({"".join(np.random.default_rng([kind, n]).choice(list("bcdfghjklmnpqrstvwz"), 7)) for n in range(WORDS)})
        for kind in range(len(CATEGORIES))
    ]

    def make(count, *, seed, words=WORDS):
        rng = np.random.default_rng(seed)
        products = []
        for number in range(count):
            kind = number % len(CATEGORIES)
            chosen = rng.choice(names[kind][:words], 2, replace=False)
            title = f"{chosen[0]} {chosen[1]} {seed}q{number}"
            products.append(Product(id=f"{seed}-{number}", title=title, category=CATEGORIES[kind]))
        return products

    return make


@pytest.fixture
def tiny_settings(tiny_networks, monkeypatch, tmp_path):
    tiny_networks(monkeypatch)
    return Settings(cache_dir=tmp_path / "cache", offline=True, threads=1)

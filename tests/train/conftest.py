"""A made-up shop whose categories have words of their own, and an engine of it, with networks made on the spot."""

import io

import numpy as np
import pytest
from PIL import Image

from aisle.product import Product
from aisle.settings import Settings

from .title_shelf import shelf

WORDS = {
    ("Home", "Mugs"): "mug ceramic coffee handle saucer glaze",
    ("Home", "Lamps"): "lamp bulb shade light glow socket",
    ("Garden", "Pots"): "pot terracotta soil seed bloom drain",
    ("Garden", "Tools"): "spade rake shovel blade fork prune",
    ("Toys",): "puzzle doll train game blocks dice",
}
COLOURS = [(200, 40, 40), (40, 60, 200), (60, 160, 60), (220, 200, 40), (120, 20, 120)]


def picture(colour, seed):
    pixels = np.clip(np.random.default_rng(seed).normal(colour, 40, (12, 12, 3)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def make_shop(*, per_category=16, seed=0, photos=True, start=0):
    """Return products that two words of six and a colour give away, each beside words that say nothing."""
    rng = np.random.default_rng(seed)
    noise = [f"w{number}" for number in range(60)]
    products = []
    for place, (category, words) in enumerate(WORDS.items()):
        for _ in range(per_category):
            said = words if rng.random() < 0.85 else list(WORDS.values())[rng.integers(len(WORDS))]  # some mislead
            own = [*rng.choice(said.split(), 2, replace=False), *rng.choice(noise, 4, replace=False)]
            number = start + len(products)
            products.append(
                Product(
                    id=f"p{number}",
                    title=f"{' '.join(rng.permutation(own))} n{number}",
                    photo=picture(COLOURS[place], number) if photos and rng.random() < 0.8 else None,
                    category=category,
                )
            )
    return products


@pytest.fixture(scope="session")
def tiny_settings(tmp_path_factory):
    return Settings(cache_dir=tmp_path_factory.mktemp("cache"), offline=True, threads=1)


@pytest.fixture
def tiny(tiny_networks, monkeypatch):
    """Put tiny networks in the place of the real ones for one test."""
    tiny_networks(monkeypatch)


@pytest.fixture(scope="session")
def trained(tiny_networks, tiny_settings):
    """What training makes of the shop."""
    from aisle.train import TrainingOptions, train_engine

    with pytest.MonkeyPatch.context() as patch:
        tiny_networks(patch)
        return train_engine(make_shop(), options=TrainingOptions(precision=0.9), settings=tiny_settings)


@pytest.fixture
def offline(tiny, settings_of_nobody, monkeypatch):
    """Tiny networks, no settings but those of one thread and no network: what an estimator finds for itself."""
    monkeypatch.setenv("AISLE_OFFLINE", "1")
    monkeypatch.setenv("AISLE_THREADS", "1")


@pytest.fixture
def fitted(offline):
    """An estimator that has learned the titles of the shelf."""
    from aisle.train import ProductClassifier

    return ProductClassifier().fit(*shelf())

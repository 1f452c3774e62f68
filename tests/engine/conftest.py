"""A tiny engine, trained in a second or two on a made-up shop, with networks that are made on the spot."""

import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from aisle.engine import folder_reader
from aisle.product import Product
from aisle.settings import Settings

from .spoilt_engine import FILES, SECRET, write

GOODS = {
    ("Kitchen", "Mugs"): ("mug", "ceramic coffee tea handle dishwasher", (200, 40, 40)),
    ("Kitchen", "Pots"): ("pot", "steel cooking lid induction litre", (160, 160, 170)),
    ("Phones", "Skins"): ("skin", "iphone gel silicone cover phone", (40, 40, 200)),
    ("Phones", "Chargers"): ("charger", "phone usb cable fast plug", (20, 20, 30)),
    ("Cameras", "Filters"): ("filter", "camera lens polarising thread glass", (60, 160, 60)),
    ("Cars", "Filters"): ("filter", "car oil engine air cabin", (220, 200, 40)),
    ("Screens", "Televisions"): ("television", "tv inch led smart hdmi", (90, 20, 120)),
    ("Screens", "Stands"): ("stand", "tv wall mount bracket vesa", (150, 100, 60)),
    ("Beauty",): ("cream", "skin face moisturiser night gel", (240, 180, 190)),
}
"""Category to its noun, its words and the colour of its photos. Traps share a word: skin, filter, tv, gel."""

MAKERS = ["acme", "nova", "orbit", "delta", "zenith", "pearl", "amber", "cobalt"]
PER_CATEGORY = 14


def picture(colour, seed):
    """Return the bytes of a small photo of about one colour, with some structure."""
    rng = np.random.default_rng(seed)
    pixels = np.clip(np.array(colour) + rng.normal(0, 40, (16, 16, 3)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def make_shop(*, per_category=PER_CATEGORY, seed=3):
    """Return labelled products; some lack a description, attributes or a photo."""
    rng = np.random.default_rng(seed)
    products = []
    for category, (noun, words, colour) in GOODS.items():
        for number in range(per_category):
            own = rng.permutation(words.split())
            maker = rng.choice(MAKERS)
            place = len(products)
            products.append(
                Product(
                    id=f"p{place}",
                    title=f"{maker} {own[0]} {own[1]} {noun} {rng.integers(10, 99)}",
                    description=f"{own[2]} {own[3]} {noun} by {maker}, {own[4]} no {place}" if number % 3 else "",
                    attributes={"brand": str(maker), "model": f"{own[0]} {place}"} if number % 2 else {},
                    photo=picture(colour, place) if number % 4 else None,
                    category=category,
                )
            )
    return products


@pytest.fixture(scope="session")
def shop():
    """Labelled products of nine leaves, one of them at the top."""
    return make_shop()


@pytest.fixture(scope="session")
def train(tiny_networks, tmp_path_factory):
    """Return a function that trains with tiny networks and a cache of its own."""
    from aisle.train import TrainingOptions, train_engine

    settings = Settings(cache_dir=tmp_path_factory.mktemp("cache"), offline=True, threads=1)

    def run(products, **options):
        with pytest.MonkeyPatch.context() as patch:
            tiny_networks(patch)
            return train_engine(products, options=TrainingOptions(**options), settings=settings)

    return run


@pytest.fixture(scope="session")
def trained(train, shop):
    """What training on the shop gives; not to be changed."""
    return train(shop, precision=0.8)


@pytest.fixture(scope="session")
def engine_files(trained):
    from aisle.engine.store import to_files

    return to_files(trained.knowledge)


@pytest.fixture(scope="session")
def engine_folder(engine_files, tmp_path_factory):
    from aisle.engine.artifact_writer import write_artifact

    folder = tmp_path_factory.mktemp("written") / "engine"
    write_artifact(folder, engine_files, about={})
    return folder


@pytest.fixture(scope="session")
def engine(engine_folder):
    from aisle.engine import load_engine

    return load_engine(engine_folder, settings=Settings(threads=1))


@pytest.fixture
def made():
    """What shops are made of, by name; test modules cannot import one another."""
    return SimpleNamespace(GOODS=GOODS, picture=picture, make_shop=make_shop, replace=replace)


@pytest.fixture(params=[True, False], ids=["handles", "paths"])
def world(request, tmp_path, monkeypatch):
    """A valid engine written by hand beside a secret; also as on systems whose folders have no handles."""
    if not request.param:
        monkeypatch.setattr(folder_reader, "_HAS_HANDLES", False)
    (tmp_path / "secret.json").write_bytes(SECRET)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "card.md").write_bytes(FILES["sub/deep/card.md"])
    write(tmp_path / "engine", FILES)
    empty = tmp_path / "here"
    empty.mkdir()
    monkeypatch.chdir(empty)
    return tmp_path

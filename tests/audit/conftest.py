"""A shop with known wrong labels and conflicting twins, audited once with networks made on the spot."""

import io

import numpy as np
import pytest
from PIL import Image

from aisle.product import Product
from aisle.settings import Settings

GOODS = {
    ("Kitchen", "Mugs"): ("mug", "ceramic coffee tea handle dishwasher glazed", (200, 40, 40)),
    ("Kitchen", "Pots"): ("pot", "steel cooking lid induction litre boiling", (160, 160, 170)),
    ("Watches",): ("watch", "leather strap dial quartz wrist chronograph", (20, 20, 140)),
    ("Garden",): ("hose", "water sprinkler lawn outdoor nozzle metre", (40, 170, 40)),
}
PER_CATEGORY = 24
WRONG = {"Kitchen-Mugs-5": ("Watches",), "Watches-7": ("Garden",), "Garden-9": ("Kitchen", "Pots")}
HOSTILE = '=HYPERLINK("http://x")</script><script>alert(1)</script><img src=x onerror=alert(1)>'


def picture(colour, seed):
    rng = np.random.default_rng(seed)
    pixels = np.clip(np.array(colour) + rng.normal(0, 40, (16, 16, 3)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def make_shop():
    """Return products of which three are filed wrongly, one has a title that attacks, and one has no label."""
    rng = np.random.default_rng(1)
    products = []
    for path, (noun, words, colour) in GOODS.items():
        for number in range(PER_CATEGORY):
            name = f"{'-'.join(path)}-{number}"
            own = rng.permutation(words.split())
            title = f"{own[0]} {noun} {own[1]} {rng.integers(10, 99)}"
            if name == "Garden-9":
                title = f"{HOSTILE} {title}"
            photo = picture(colour, len(products)) if number % 4 else None
            alone = " ".join("".join(rng.choice(list("abcdefgh"), size=6)) for _ in range(4))  # nobody else's words
            text = f"{own[2]} {noun} {own[3]} {own[4]} {alone}"
            products.append(
                Product(id=name, title=title, description=text, photo=photo, category=WRONG.get(name, path))
            )
    twin = next(product for product in products if product.id == "Kitchen-Mugs-5")
    products.append(Product(id="twin", title=twin.title, description=twin.description, category=("Kitchen", "Mugs")))
    products.append(Product(id="nobody", title="a thing without a label"))
    return products


def as_rows(products):
    return [
        {"id": p.id, "title": p.title, "description": p.description, "category": " > ".join(p.category)}
        for p in products
    ]


@pytest.fixture(scope="session")
def audited(tiny_networks, tmp_path_factory):
    """Return a function that audits products with tiny networks and a cache of its own."""
    from aisle.audit import audit_catalog
    from aisle.catalog import Catalog
    from aisle.catalog.columns import recognise_columns

    settings = Settings(cache_dir=tmp_path_factory.mktemp("cache"), offline=True, threads=1)

    def run(products, **options):
        catalog = Catalog(
            source="shop", products=tuple(products), bad_rows=(), columns=recognise_columns(["id", "title"])
        )
        with pytest.MonkeyPatch.context() as patch:
            tiny_networks(patch)
            return audit_catalog(catalog, settings=settings, **options)

    return run


@pytest.fixture(scope="session")
def found(audited):
    """What an audit of the shop finds; not to be changed."""
    return audited(make_shop())


@pytest.fixture(scope="session")
def wrong():
    return dict(WRONG)


@pytest.fixture(scope="session")
def shop():
    return make_shop()

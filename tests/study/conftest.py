"""Studies small enough for a test: a few rows, a cache of their own, and nothing slow that is not asked for."""

import numpy as np
import pytest

from aisle.catalog import Catalog, read_catalog
from aisle.product import Product
from aisle.settings import Settings


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Keep scikit-learn to one thread: on rows this few, and beside other work, more of them only wait."""
    import sklearn.cluster
    import sklearn.manifold  # noqa: F401 - its library is limited only once it is loaded
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


THINGS = {
    "Mugs": ("mug", "cup", "ceramic", "coffee"),
    "Watches": ("watch", "analog", "strap", "dial"),
    "Towels": ("towel", "cotton", "bath", "soft"),
    "Lamps": ("lamp", "light", "bulb", "shade"),
}


def rows_of(sizes, *, seed=0, **extra):
    """Return rows of a catalogue whose titles tell the categories apart."""
    rng = np.random.default_rng(seed)
    colours = ("red", "blue", "green", "white", "black", "golden", "small", "large", "plain", "striped")
    rows = []
    for category, size in sizes.items():
        words = THINGS[category]
        for _ in range(size):
            title = " ".join([*rng.choice(colours, 3, replace=False), *rng.choice(words, 2, replace=False)])
            rows.append({"id": f"p{len(rows)}", "title": f"{title} {len(rows)}", "category": category, **extra})
    return rows


@pytest.fixture
def make_rows():
    return rows_of


@pytest.fixture
def make_catalog():
    """Return a function that makes a catalogue of products with the given paths."""

    def make(*paths, titles=None):
        products = tuple(
            Product(id=str(place), title=titles[place] if titles else f"thing {place}", category=path)
            for place, path in enumerate(paths)
        )
        columns = read_catalog([{"id": "1", "title": "x", "category": "y"}]).columns
        return Catalog(source="shop.csv", products=products, bad_rows=(), columns=columns)

    return make


@pytest.fixture
def settings(tmp_path):
    """Return settings with a fresh cache, that never open a connection."""
    return Settings(cache_dir=tmp_path / "cache", offline=True, threads=2)


@pytest.fixture
def quick(monkeypatch):
    """Deal folds once, and map without t-SNE."""

    class Map:
        def __init__(self, **options):
            pass

        def fit_transform(self, rows):
            return rows[:, :2]

    monkeypatch.setattr("aisle.study.projection.TSNE", Map)
    monkeypatch.setattr("aisle.study.classifier.Task.repeats", 1)

"""Labels at each depth, who is held out, and photos on a shelf."""

import errno
import io
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from aisle.errors import DiskFullError, TrainingError  # noqa: E402
from aisle.finetune.examples import Labels, PhotoShelf, split_products  # noqa: E402
from aisle.finetune.losses import IGNORED  # noqa: E402
from aisle.product import Product  # noqa: E402


def filed(*paths):
    return [Product(id=str(number), category=path) for number, path in enumerate(paths)]


def test_labels_count_from_the_top_and_small_categories_only_there():
    paths = [("A", "x"), ("A", "x"), ("A", "y"), ("B", "x"), ("B", "x"), ("C",)]
    labels = Labels.of(paths, least=2)
    assert labels.names == ((("A",), ("B",), ("C",)), (("A", "x"), ("B", "x")))
    assert labels.columns.tolist() == [[0, 0], [0, 0], [0, IGNORED], [1, 1], [1, 1], [2, IGNORED]]
    assert labels.columns.dtype == np.int64


def test_a_depth_with_one_category_ends_the_labels():
    labels = Labels.of([("A", "x", "1"), ("A", "x", "2"), ("B",), ("B",)], least=1)
    assert len(labels.names) == 1
    assert labels.columns.shape == (4, 1)


def test_a_path_of_the_same_name_elsewhere_is_another_category():
    labels = Labels.of([("A", "same"), ("B", "same")], least=1)
    assert labels.columns[:, 1].tolist() == [0, 1]


def catalogue(rng, groups=60):
    """Return products of 3 categories, in groups of 1 to 4 near-duplicates."""
    names = ("Lamps", "Cups", "Watches")
    numbers = np.repeat(np.arange(groups), rng.integers(1, 5, groups))
    return filed(*[(names[number % 3], "deep") for number in numbers]), numbers


@pytest.mark.parametrize("seed", range(5))
def test_near_duplicates_lie_on_one_side_and_the_share_is_held(seed):
    products, groups = catalogue(np.random.default_rng(seed))
    split = split_products(products, groups=groups, share=0.2, seed=seed)
    assert sorted([*split.train, *split.validation]) == list(range(len(products)))
    assert not set(groups[split.train]) & set(groups[split.validation])
    assert len(split.validation) / len(products) == pytest.approx(0.2, abs=0.06)
    for name in ("Lamps", "Cups", "Watches"):
        of_it = [row for row, product in enumerate(products) if product.category[0] == name]
        assert len(set(of_it) & set(split.validation.tolist())) / len(of_it) == pytest.approx(0.2, abs=0.1)


def test_the_seed_decides_who_is_held_out():
    products, groups = catalogue(np.random.default_rng(0))
    first, again, other = (split_products(products, groups=groups, share=0.2, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.validation, again.validation)
    assert not np.array_equal(first.validation, other.validation)


def test_what_cannot_be_split_is_refused():
    many = np.arange(30)
    with pytest.raises(TrainingError, match="19 products have a category; fine-tuning needs at least 20"):
        split_products(filed(*[("A",), ("B",)] * 9, ("A",)), groups=np.arange(19), share=0.2, seed=0)
    with pytest.raises(TrainingError, match="all products are in one category, Lamps"):
        split_products(filed(*[("Lamps",)] * 30), groups=many, share=0.2, seed=0)
    with pytest.raises(TrainingError, match="near-duplicates of each other"):
        split_products(filed(*[("A",), ("B",)] * 15), groups=np.zeros(30, dtype=np.int64), share=0.2, seed=0)


def png(colour, size=(40, 30)):
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_photos_are_kept_a_little_larger_and_gaps_stay_gaps(tmp_path):
    products = [
        Product(photo=png((200, 10, 30))),
        Product(),
        Product(photo=tmp_path / "nowhere.jpg"),
        Product(photo=b"no photo at all"),
        Product(photo=png((0, 0, 255))),
        Product(photo=png((9, 9, 9))[:60]),
    ]
    shelf = PhotoShelf(products, size=20, folder=tmp_path / "cache" / "new", threads=2)
    assert shelf.present.tolist() == [True, False, False, False, True, False]
    found = shelf.take(np.array([4, 0]))
    assert found.shape == (2, 23, 23, 3)  # 1.15 times 20
    assert found.dtype == np.uint8
    assert np.array_equal(found, np.broadcast_to(np.array([[0, 0, 255], [200, 10, 30]])[:, None, None], found.shape))
    assert list((tmp_path / "cache" / "new").iterdir()) == []  # nothing that a kill could leave


def test_no_products_at_all(tmp_path):
    shelf = PhotoShelf([], size=20, folder=tmp_path, threads=1)
    assert shelf.take(np.array([], dtype=np.int64)).shape == (0, 23, 23, 3)


@pytest.mark.filterwarnings("error::ResourceWarning")
def test_a_full_disk_is_said_before_the_first_photo_is_decoded(tmp_path, monkeypatch):
    def full(handle, offset, length):
        assert length == 2 * 23 * 23 * 3
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DiskFullError, match="the disk is full"):
        PhotoShelf([Product(photo=png((1, 2, 3)))] * 2, size=20, folder=tmp_path, threads=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("share", [0.05, 0.07, 0.1, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_the_share_that_is_asked_for_is_held_out_of_every_category(share, seed):
    products, groups = catalogue(np.random.default_rng(seed), groups=400)
    split = split_products(products, groups=groups, share=share, seed=seed)
    assert sorted([*split.train, *split.validation]) == list(range(len(products)))
    assert not set(groups[split.train]) & set(groups[split.validation])
    assert len(split.validation) / len(products) == pytest.approx(share, abs=0.02)
    for name in ("Lamps", "Cups", "Watches"):
        of_it = {row for row, product in enumerate(products) if product.category[0] == name}
        assert len(of_it & set(split.validation.tolist())) / len(of_it) == pytest.approx(share, abs=0.03)


def test_of_a_large_catalogue_the_share_is_held_out_too():
    products = filed(*[("A",), ("B",)] * 12_000)
    split = split_products(products, groups=np.arange(24_000), share=0.4, seed=0)
    assert len(split.validation) == pytest.approx(9_600, abs=50)


def test_of_two_groups_of_near_duplicates_one_is_held_out():
    split = split_products(filed(*[("A",), ("B",)] * 15), groups=np.arange(30) % 2, share=0.4, seed=0)
    assert sorted((len(split.train), len(split.validation))) == [15, 15]


def test_room_is_taken_for_photos_only(tmp_path, monkeypatch):
    taken = []
    monkeypatch.setattr(
        os, "posix_fallocate", lambda handle, offset, size: taken.append(size) or os.ftruncate(handle, size)
    )
    shop = [Product(), Product(photo=png((10, 20, 30))), Product(), Product(photo=png((40, 50, 60)))]
    shelf = PhotoShelf(shop, size=20, folder=tmp_path, threads=1)
    assert taken == [2 * 23 * 23 * 3]
    assert shelf.take(np.array([3, 1]))[:, 5, 5].tolist() == [[40, 50, 60], [10, 20, 30]]
    with pytest.raises(IndexError):
        shelf.take(np.array([1, 2]))


@pytest.fixture(params=["macOS", errno.EOPNOTSUPP, errno.EINVAL])
def unpromised(request, monkeypatch):
    """A system or a file system that cannot promise room."""
    if request.param == "macOS":
        monkeypatch.delattr(os, "posix_fallocate")
        return

    def refuse(handle, offset, length):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(os, "posix_fallocate", refuse)


@pytest.mark.usefixtures("unpromised")
def test_where_room_cannot_be_promised_it_is_looked_for(tmp_path, monkeypatch):
    shop = [Product(photo=png((10, 20, 30)))]
    shelf = PhotoShelf(shop, size=20, folder=tmp_path, threads=1)
    assert shelf.take(np.array([0]))[0, 5, 5].tolist() == [10, 20, 30]
    full = SimpleNamespace(free=23 * 23 * 3 - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: full)
    with pytest.raises(DiskFullError, match="the disk is full"):
        PhotoShelf(shop, size=20, folder=tmp_path, threads=1)

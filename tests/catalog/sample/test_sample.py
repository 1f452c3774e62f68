"""A sample is what its truth says: read back with nothing but csv, json and plain Pillow."""

import csv
import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, UnidentifiedImageError

from aisle.catalog.sample import draw_sample
from aisle.errors import CatalogError
from aisle.files import sha256_file

PRODUCTS = 60


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "shop"
    draw_sample(folder, products=PRODUCTS, seed=3)
    return folder


@pytest.fixture(scope="module")
def truth(sample):
    return json.loads((sample / "truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def table(sample):
    text = (sample / "catalog.csv").read_text(encoding="utf-8", errors="surrogateescape")
    return list(csv.reader(io.StringIO(text)))


@pytest.fixture(scope="module")
def good_rows(table, truth):
    header, *rows = table
    bad = {entry["row"] for entry in truth["bad_rows"]}
    good = (cells for number, cells in enumerate(rows, start=1) if number not in bad)
    return {cells[0]: dict(zip(header, cells, strict=True)) for cells in good}


def hashes(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256_file(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def photo_of(sample, good_rows, truth, kind):
    return sample / good_rows[truth["photos"][kind][0]]["photo"]


def test_every_kind_of_trouble_is_planted(truth):
    assert all(truth["photos"].values())
    assert truth["wrong_labels"]
    assert truth["near_duplicates"]
    assert {entry["code"] for entry in truth["bad_rows"]} == {
        "missing_cells", "extra_cells", "duplicate_id", "bad_encoding", "empty_product",
    }  # fmt: skip


def test_rows_are_products_and_bad_rows(table, truth, good_rows):
    assert len(good_rows) == truth["products"] == PRODUCTS
    assert len(table) - 1 == truth["rows"] == PRODUCTS + len(truth["bad_rows"])


def test_bad_rows_are_bad_in_the_way_the_truth_says(table, truth):
    header, *rows = table
    for entry in truth["bad_rows"]:
        cells = rows[entry["row"] - 1]
        damaged = [any("\udc80" <= char <= "\udcff" for char in cell) for cell in cells]
        earlier = {before[0] for before in rows[: entry["row"] - 1]}
        found = {
            "missing_cells": len(cells) < len(header),
            "extra_cells": len(cells) > len(header),
            "duplicate_id": cells[0] in earlier,
            "bad_encoding": any(damaged) and header[damaged.index(True)] == entry["field"],
            "empty_product": len(cells) == len(header) and not (cells[1] or cells[2] or cells[5]),
        }
        assert [code for code, is_so in found.items() if is_so] == [entry["code"]]


def test_seven_balanced_categories_with_subcategories(truth):
    top = Counter()
    for path, count in truth["categories"].items():
        top[path.split(" > ")[0]] += count
    assert len(top) == 7
    assert max(top.values()) - min(top.values()) <= 1
    assert all(sum(path.startswith(f"{name} > ") for path in truth["categories"]) >= 2 for name in top)
    assert any("&" in path for path in truth["categories"])
    assert any("," in path for path in truth["categories"])


def test_wrong_labels_are_what_the_rows_say(good_rows, truth):
    given = Counter(row["category"] for row in good_rows.values())
    for wrong in truth["wrong_labels"]:
        assert good_rows[wrong["id"]]["category"] == wrong["given"]
        assert wrong["given"].split(" > ")[0] != wrong["true"].split(" > ")[0]
        given[wrong["given"]] -= 1
        given[wrong["true"]] += 1
    assert +given == Counter(truth["categories"])


def test_near_duplicates_look_alike_and_differ(sample, good_rows, truth):
    def thumbnail(product: str) -> np.ndarray:
        with Image.open(sample / good_rows[product]["photo"]) as photo:
            pixels = np.asarray(photo.convert("L").resize((16, 16)), float)
        return (pixels - pixels.mean()) / pixels.std()

    def likeness(first: str, second: str) -> float:
        return float((thumbnail(first) * thumbnail(second)).mean())

    for group in truth["near_duplicates"]:
        first, second = (good_rows[product] for product in group[:2])
        assert first["title"] != second["title"]
        assert sha256_file(sample / first["photo"]) != sha256_file(sample / second["photo"])
        assert likeness(*group[:2]) > 0.85


def test_sound_photos_are_of_shop_size(sample, good_rows, truth):
    special = {product for kind in truth["photos"].values() for product in kind} | set(truth["without_photo"])
    copies = {product for group in truth["near_duplicates"] for product in group}
    for product in good_rows.keys() - special - copies:
        with Image.open(sample / good_rows[product]["photo"]) as photo:
            photo.load()
            assert photo.mode == "RGB"
            assert 480 <= max(photo.size) <= 640


def test_missing_photos_are_named_but_not_there(sample, good_rows, truth):
    for product in truth["photos"]["missing"]:
        name = good_rows[product]["photo"]
        assert name
        assert not (sample / name).exists()
    assert all(not good_rows[product]["photo"] for product in truth["without_photo"])
    assert not [path for path in (sample / "photos").iterdir() if path.stem not in good_rows]


def test_truncated_photos_open_and_then_end(sample, good_rows, truth):
    with (
        Image.open(photo_of(sample, good_rows, truth, "truncated")) as photo,
        pytest.raises(OSError, match="truncated"),
    ):
        photo.load()


def test_photos_that_are_no_images(sample, good_rows, truth):
    assert photo_of(sample, good_rows, truth, "empty").stat().st_size == 0
    path = photo_of(sample, good_rows, truth, "not_an_image")
    assert path.suffix == ".jpg"
    assert path.stat().st_size > 0
    with pytest.raises(UnidentifiedImageError):
        Image.open(path)


def test_the_bomb_is_small_on_disk_and_huge_when_opened(sample, good_rows, truth):
    path = photo_of(sample, good_rows, truth, "bomb")
    assert path.stat().st_size < 4096
    with pytest.raises(Image.DecompressionBombError):
        Image.open(path)


@pytest.mark.parametrize(
    ("kind", "suffix", "container", "mode"),
    [
        ("wrong_extension", ".jpg", "PNG", "RGB"),
        ("cmyk", ".jpg", "JPEG", "CMYK"),
        ("sixteen_bit", ".png", "PNG", "I;16"),
        ("alpha", ".png", "PNG", "RGBA"),
        ("palette", ".png", "PNG", "P"),
    ],
)
def test_odd_photos_decode_to_the_mode_they_are_listed_under(sample, good_rows, truth, kind, suffix, container, mode):
    path = photo_of(sample, good_rows, truth, kind)
    with Image.open(path) as photo:
        photo.load()
        assert (path.suffix, photo.format, photo.mode) == (suffix, container, mode)


def test_rotated_photos_are_upright_once_their_tag_is_heeded(tmp_path, monkeypatch):
    marked = Image.new("RGB", (64, 48), (0, 0, 255))
    marked.paste((255, 0, 0), (0, 0, 16, 16))
    monkeypatch.setattr("aisle.catalog.sample.generator.draw_photo", lambda item, *, seed: marked)
    draw_sample(tmp_path / "shop", products=200, seed=1)
    truth = json.loads((tmp_path / "shop" / "truth.json").read_text(encoding="utf-8"))
    tags = set()
    for product in truth["photos"]["exif_rotated"]:
        with Image.open(tmp_path / "shop" / "photos" / f"{product}.jpg") as photo:
            tags.add(photo.getexif()[0x0112])
            shown = ImageOps.exif_transpose(photo)
        assert shown.size == (64, 48)
        assert shown.getpixel((8, 8))[0] > 200  # the red corner is at the upper left
        assert shown.getpixel((56, 40))[2] > 200
    assert tags <= {3, 6, 8}
    assert tags


def test_the_same_seed_gives_the_same_bytes_and_replaces_the_earlier_sample(sample, tmp_path):
    folder = tmp_path / "again"
    draw_sample(folder, products=14, seed=9)
    (folder / "notes.txt").write_text("mine")
    draw_sample(folder, products=PRODUCTS, seed=3)
    assert (folder / "notes.txt").read_text() == "mine"
    (folder / "notes.txt").unlink()
    assert hashes(folder) == hashes(sample)


def test_small_samples_hold_every_category_and_some_trouble(tmp_path):
    summary = draw_sample(tmp_path, products=20, seed=0)
    truth = json.loads(summary.truth.read_text(encoding="utf-8"))
    assert len({path.split(" > ")[0] for path in truth["categories"]}) == 7
    assert summary.wrong_labels == 1
    assert summary.rows == 20 + summary.bad_rows > 20


def test_another_seed_gives_another_catalogue(sample, tmp_path):
    summary = draw_sample(tmp_path, products=14, seed=4)
    lines = set(summary.catalog.read_bytes().splitlines()[1:])
    assert not lines & set((sample / "catalog.csv").read_bytes().splitlines())


@pytest.mark.parametrize(("products", "seed", "message"), [(13, 0, "14 or more"), (20, -1, "seed -1")])
def test_impossible_samples_are_refused(tmp_path, products, seed, message):
    with pytest.raises(CatalogError, match=message):
        draw_sample(tmp_path / "shop", products=products, seed=seed)
    assert not (tmp_path / "shop").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CatalogError, match="not empty"):
        draw_sample(tmp_path, products=14)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(CatalogError, match="is a file"):
        draw_sample(tmp_path / "thesis.txt", products=14)

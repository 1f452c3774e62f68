"""Photos found by what rows say, and never another product's."""

import os
import unicodedata

import pytest

from aisle.catalog.photo_files import PhotoFinder


@pytest.fixture
def shop(tmp_path):
    """Lay out a shop beside a photo that is not its own."""
    names = (
        "outside.jpg",
        "shop/top.jpg",
        "shop/images/IMG 1.JPG",
        "shop/images/mug.png",
        "shop/images/thumbs/mug.png",
        "shop/images/..odd.jpg",
        "shop/red/1.jpg",
        "shop/blue/1.jpg",
        "shop/red/both.jpg",
        "shop/red/both.png",
        "shop/a/b/c/deep.jpg",
        "shop/.git/hidden.jpg",
        "shop/images/notes.txt",
        "shop/images/100% café.webp",
        "shop/" + unicodedata.normalize("NFD", "Théière.jpg"),
        "shop/images/SKU-7.jpeg",
    )
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return tmp_path / "shop"


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("top.jpg", "top.jpg"),
        (" top.jpg ", "top.jpg"),
        ("./top.jpg", "./top.jpg"),
        ("images/mug.png", "images/mug.png"),
        ("images\\mug.png", "images/mug.png"),
        ("C:\\Users\\me\\photos\\mug.png", "images/mug.png"),
        ("/home/me/photos/mug.png", "images/mug.png"),
        ("mug.png", "images/mug.png"),  # the shallowest, not the thumbnail
        ("MUG.PNG", "images/mug.png"),
        ("mug", "images/mug.png"),
        ("img 1.jpg", "images/IMG 1.JPG"),
        ("images/..odd.jpg", "images/..odd.jpg"),
        ("https://cdn.example.com/p/mug.png?w=640#top", "images/mug.png"),
        ("https://cdn.example.com/100%25%20caf%C3%A9.webp", "images/100% café.webp"),
        ("//cdn.example.com/p/mug.png", "images/mug.png"),
        ('["mug.png", "top.jpg"]', "images/mug.png"),
        ("['mug.png']", "images/mug.png"),
        ("mug.png; top.jpg", "images/mug.png"),
        ("mug.png|top.jpg", "images/mug.png"),
        ("https://x.example/mug.png, https://x.example/top.jpg", "images/mug.png"),
        ("Théière.jpg", unicodedata.normalize("NFD", "Théière.jpg")),
        ("red/1.jpg", "red/1.jpg"),
        ("1.jpg", None),  # two products may have called theirs so
        ("green/1.jpg", None),
        ("both", "red/both.jpg"),
        ("a/b/c/deep.jpg", "a/b/c/deep.jpg"),
        ("deep.jpg", None),
        ("hidden.jpg", None),
        ("../outside.jpg", None),
        ("images/../../outside.jpg", None),
        ("..\\outside.jpg", None),
        ("../shop/top.jpg", "top.jpg"),
        ("images/notes.txt", "images/notes.txt"),  # named outright: the decoder will say what it is
        ("notes.txt", None),
        ("images", None),
        ("file:///etc/passwd", None),
        ("data:image/png;base64,iVBORw0KGgo=", None),
        ("", None),
        (".", None),
        ("/", None),
        ("a\0b.jpg", None),
        ("x" * 300 + ".jpg", None),
        ("y" * 90_000, None),
        ("[" * 50_000, None),
        ("[]", None),
        ("[null, 7]", None),
        ('[{"url": "mug.png"}]', None),
        ("\udce9.jpg", None),
    ],
)  # fmt: skip
def test_what_a_row_may_say(shop, cell, found):
    photo = PhotoFinder(shop).find(cell, product_id="")
    if found is None:
        assert photo is None
    else:
        assert photo is not None
        assert photo.is_file()
        assert os.path.realpath(photo) == os.path.realpath(shop / found)


@pytest.mark.parametrize(
    ("cell", "product_id", "found"),
    [("", "SKU-7", "SKU-7.jpeg"), ("", "sku-7", "SKU-7.jpeg"), ("gone.jpg", "SKU-7", "SKU-7.jpeg"),
     ("mug.png", "SKU-7", "mug.png"), ("", "SKU", None), ("", "../outside", None), ("", "1", None)],
)  # fmt: skip
def test_a_photo_may_bear_the_id(shop, cell, product_id, found):
    photo = PhotoFinder(shop).find(cell, product_id=product_id)
    assert (photo.name if photo else None) == found


def test_an_absolute_name_is_taken_as_it_is(shop, tmp_path):
    name = str(tmp_path / "outside.jpg")
    assert PhotoFinder(shop).find(name, product_id="") == tmp_path / "outside.jpg"


def test_without_a_place_there_are_no_photos(shop):
    assert PhotoFinder(None).find(str(shop / "top.jpg"), product_id="") is None


def test_a_relative_catalogue_folder(shop, monkeypatch):
    from pathlib import Path

    monkeypatch.chdir(shop)
    assert PhotoFinder(Path()).find("images/mug.png", product_id="") == Path("images/mug.png")
    assert PhotoFinder(Path()).find("../outside.jpg", product_id="") is None

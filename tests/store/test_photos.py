"""Photos on the disk: kept once, whole, and shown without what the camera wrote beside them."""

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image
from sqlalchemy import select

from aisle.errors import DiskFullError, NotFoundError, PhotoError, StoreError
from aisle.store.photos import PhotoFolder, note_photo, photo_folder
from aisle.store.schema import photos


def picture(size=(900, 600), colour="red", kind="PNG", **more):
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, kind, **more)
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path):
    return PhotoFolder(tmp_path / "photos")


def files(folder):
    return [path for path in folder.folder.rglob("*") if path.is_file()]


def test_a_photo_is_kept_under_its_hash_and_comes_back(folder):
    sha = folder.keep(picture())
    assert sha == hashlib.sha256(picture()).hexdigest()
    assert folder.read(sha) == picture()
    assert list(folder.names()) == [sha]


def test_the_same_photo_is_kept_once_whoever_brings_it(folder):
    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(folder.keep, [picture()] * 32))
    assert len(names) == len(files(folder)) == 1


def test_a_write_that_is_cut_short_leaves_no_photo(folder, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(DiskFullError, match="the disk is full"):
        folder.keep(picture())
    assert (files(folder), list(folder.names())) == ([], [])
    monkeypatch.undo()
    assert folder.read(folder.keep(picture())) == picture()


@pytest.mark.parametrize(
    "name", ["", "a", "../../etc/passwd", "A" * 64, "a" * 63 + "/", "a" * 65, "a" * 64 + "\n", "é" * 64]
)
def test_a_name_that_is_no_hash_reaches_no_file(folder, name):
    folder.keep(picture())
    with pytest.raises(NotFoundError, match="is no name of a photo"):
        folder.read(name)


def test_a_photo_that_is_not_there(folder):
    with pytest.raises(NotFoundError, match=r"there is no photo aaaa.* in .*photos"):
        folder.read("a" * 64)


def test_a_photo_that_changed_on_the_disk_is_not_shown(folder):
    sha = folder.keep(picture())
    folder.path(sha).write_bytes(picture(colour="blue"))
    with pytest.raises(StoreError, match="is damaged"):
        folder.thumbnail(sha)


def test_a_thumbnail_is_a_small_upright_jpeg_without_metadata(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees: https://exiv2.org/tags.html
    exif[0x010F] = "a camera's name"
    made = folder.thumbnail(folder.keep(picture((900, 600), kind="JPEG", exif=exif, comment=b"where I live")))
    with Image.open(io.BytesIO(made)) as image:
        assert (image.format, image.size) == ("JPEG", (427, 640))
        assert not image.getexif()
    assert b"camera" not in made
    assert b"where I live" not in made


def test_a_thumbnail_of_a_small_photo_is_not_enlarged(folder):
    with Image.open(io.BytesIO(folder.thumbnail(folder.keep(picture((20, 10)))))) as image:
        assert image.size == (20, 10)


def test_what_hides_behind_a_photo_does_not_come_along(folder):
    sha = folder.keep(picture(kind="JPEG") + b"<script>alert(1)</script>")
    assert b"script" not in folder.thumbnail(sha)


def test_what_is_no_photo_has_no_thumbnail(folder):
    with pytest.raises(PhotoError):
        folder.thumbnail(folder.keep(b"<svg onload=alert(1)>"))


def test_the_database_hears_of_a_photo_once(database):
    with database.write() as c:
        for now in (5, 6):
            note_photo(c, sha="a" * 64, size=10, now=now)
    with database.read() as c:
        assert [tuple(row) for row in c.execute(select(photos))] == [("a" * 64, 10, 5)]


def test_photos_lie_beside_a_database_file(tmp_path):
    assert photo_folder(f"sqlite:///{tmp_path}/aisle.db", None) == tmp_path / "aisle-photos"
    assert photo_folder("postgresql://host/shop", tmp_path) == tmp_path
    with pytest.raises(StoreError, match="name one with --photos DIR"):
        photo_folder("postgresql://host/shop", None)

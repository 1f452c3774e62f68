"""Photos that are shown hold pixels and nothing else, and are shown to those who are signed in."""

import asyncio
import io

import pytest
from PIL import Image

from aisle.errors import PhotoError
from aisle.serve.pages.photos import most_bytes, take_photo


@pytest.fixture
def kept(app, photo):
    """A photo with a comment in its metadata and markup after its end."""
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    return app.state.context.photos.keep(photo(size=(1000, 800), exif=exif) + b"<script>alert(1)</script>")


def test_it_is_small_and_encoded_anew(seller, kept):
    shown = seller.get(f"/photos/{kept}.jpg")
    image = Image.open(io.BytesIO(shown.content))
    assert (shown.headers["content-type"], image.format, image.size) == ("image/jpeg", "JPEG", (640, 512))
    assert not image.getexif()
    assert b"taken at home" not in shown.content
    assert b"script" not in shown.content


def test_it_is_kept_by_the_browser_alone(seller, kept):
    shown = seller.get(f"/photos/{kept}.jpg")
    assert shown.headers["cache-control"].startswith("private")
    again = seller.get(f"/photos/{kept}.jpg", headers={"If-None-Match": shown.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_who_is_not_signed_in_sees_nothing(client, keys, kept):
    address = f"/photos/{kept}.jpg"
    assert client.get(address).status_code == 401
    assert client.get(address, headers=keys.sell.bearer).status_code == 401
    assert client.get(address, headers=keys.metrics.cookie).status_code == 403
    assert client.get(address, headers=keys.review.cookie).status_code == 200


@pytest.mark.parametrize("name", ["0" * 64, "x", "../../aisle.db", "%00", "A" * 64])
def test_other_names_are_no_photos(seller, name):
    assert seller.get(f"/photos/{name}.jpg").status_code == 404


def test_what_is_no_photo_is_not_shown(app, seller):
    sha = app.state.context.photos.keep(b"<html>")
    assert seller.get(f"/photos/{sha}.jpg").status_code == 404


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: b"", "empty"),
        (lambda data: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported"),
        (lambda data: data[: len(data) // 2], "truncated"),
        (lambda data: data + bytes(12 << 20), "too_large"),
    ],
)
def test_what_cannot_be_decoded_is_not_kept(app, photo, change, code):
    here = app.state.context
    with pytest.raises(PhotoError) as caught:
        asyncio.run(take_photo(here, change(photo(size=(300, 300)))))
    assert caught.value.code == code
    assert list(here.photos.names()) == []


def test_pixels_have_a_limit(app_of, photo):
    here = app_of(max_pixels=1000).state.context
    with pytest.raises(PhotoError, match="pixels"):
        asyncio.run(take_photo(here, photo(size=(40, 30))))
    assert asyncio.run(take_photo(here, photo(size=(20, 30))))
    assert 11 << 20 < most_bytes(here) < here.options.max_body
    here.batcher.close()

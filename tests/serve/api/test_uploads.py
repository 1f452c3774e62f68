"""Forms and photos that mean harm, and photos by address."""

import base64
import io

import pytest
from PIL import Image
from tests.serve.api.test_classify import jpeg

from aisle.serve.api import uploads
from aisle.serve.problems import Problem

LINE = b"\r\n"


def form(*parts, boundary=b"b"):
    """Return the bytes of a form; each part is its headers and its content."""
    sent = b"".join(b"--" + boundary + LINE + head + LINE + LINE + data + LINE for head, data in parts)
    return sent + b"--" + boundary + b"--" + LINE


def part(name, data, more=b""):
    return b'Content-Disposition: form-data; name="' + name + b'"' + more, data


@pytest.fixture
def post(client, keys):
    """Return a function that sends the bytes of a form."""

    def send(data, kind="multipart/form-data; boundary=b", path="/v1/classify"):
        return client.post(path, content=data, headers={**keys.all.bearer, "Content-Type": kind})

    return send


FILE = b'; filename="a.jpg"'
MUG = part(b"title", b"ceramic mug")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (form(MUG), 200, None),
        (form(MUG, (b"Content-Disposition: form-data", b"x")), 400, "bad_request"),
        (form(MUG, (b'Content-Disposition: form-data; name=""', b"x")), 422, "invalid"),
        (form(MUG, (b"X-Nothing: x", b"x")), 400, "bad_request"),
        (form(MUG, MUG), 422, "invalid"),
        (form(MUG, part(b"title", b"x", FILE)), 422, "invalid"),
        (form(MUG, part(b"photo", b"x")), 422, "invalid"),
        (form(MUG, part(b"photo_base64", b"QUJD")), 422, "invalid"),
        (form(MUG, part(b"photo", jpeg(), FILE), part(b"photo", jpeg(), FILE)), 400, "bad_request"),
        (form(*[part(b"photo", b"x", FILE)] * 1001), 400, "bad_request"),
        (form(*[part(b"n%d" % n, b"x") for n in range(1001)]), 400, "bad_request"),
        (form(MUG, part(b"description", b"x" * ((1 << 20) + 1))), 400, "bad_request"),
        (form(part(b"title", b"caf\xe9 mug")), 200, None),
        (form(MUG)[:-8], 400, "bad_request"),
        (form(MUG, boundary=b"other"), 400, "bad_request"),
        (b"", 400, "bad_request"),
        (form(MUG, part(b"photo", jpeg(), FILE))[:-200], 400, "bad_request"),
        (form(), 422, "nothing_to_go_by"),
        (form(MUG, part(b"x" * 5000, b"x")), 400, "bad_request"),
        (form(MUG, part(b"x" * 3000, b"x")), 422, "invalid"),
        (form(MUG, (b"Content-Disposition: form-data; name=x" + b"\r\nX: y" * 5000, b"x")), 400, "bad_request"),
    ],
)
def test_forms(post, data, status, code):
    found = post(data)
    assert found.status_code == status, found.text
    assert found.headers["content-type"] == ("application/json" if status == 200 else "application/problem+json")
    assert code is None or found.json()["code"] == code
    assert len(found.content) < 3000  # what was sent is not sent back


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=b"]
)
def test_forms_without_a_boundary(post, kind):
    assert post(form(MUG), kind=kind).status_code in (400, 415)


def test_the_path_of_a_choice_is_a_part_for_each_step(post):
    sent = form(MUG, part(b"chosen", b"Kitchen"), part(b"chosen", b"Mugs"))
    assert post(sent, path="/v1/products").status_code == 201
    wrong = form(MUG, part(b"chosen", b"Mugs"), part(b"chosen", b"Kitchen"))
    assert post(wrong, path="/v1/products").json()["code"] == "unknown_category"


def picture(kind, size=(64, 64), **options):
    buffer = io.BytesIO()
    Image.effect_noise(size, 60).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("tail", [b"", b"<script>alert(1)</script>", b"PK\x03\x04" + b"\0" * 50])
def test_kinds_of_photos_are_told_by_their_bytes(post, kind, tail):
    found = post(form(part(b"photo", picture(kind) + tail, b'; filename="a.html"\r\nContent-Type: text/html')))
    assert (found.status_code, found.json()["fields"]) == (200, ["photo"])


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "PDF", "EPS"])
def test_other_images_are_refused(post, kind):
    found = post(form(part(b"photo", picture(kind), FILE)))
    assert found.status_code == 422
    assert found.json()["code"] in ("photo_unsupported", "photo_not_an_image")
    assert found.json()["field"] == "photo"


def test_a_photo_of_too_many_pixels_is_not_decoded(app_of, keys, monkeypatch):
    from starlette.testclient import TestClient

    monkeypatch.setattr(uploads, "decode_photo", None)
    with TestClient(app_of(max_pixels=64 * 64 - 1)) as client:
        files = {"photo": ("a.png", picture("PNG"))}
        found = client.post("/v1/classify", files=files, data={"title": "mug"}, headers=keys.all.bearer).json()
    assert [each["code"] for each in found["warnings"]] == ["photo_too_large"]
    assert found["fields"] == ["title"]


def test_a_body_that_is_too_large(app_of, keys):
    from starlette.testclient import TestClient

    with TestClient(app_of(max_body=1000)) as client:
        sent = {"title": "mug", "photo_base64": base64.b64encode(b"x" * 1000).decode()}
        found = client.post("/v1/classify", json=sent, headers=keys.all.bearer)
        assert (found.status_code, found.json()["code"]) == (413, "too_large")
        headers = {**keys.all.bearer, "Content-Type": "application/json"}
        chunks = client.post("/v1/classify", content=iter([b"x" * 600] * 2), headers=headers)
        assert chunks.status_code == 413


@pytest.fixture
def fetching(app_of, keys, monkeypatch):
    """Return a function that asks about a photo by address; ``answer`` is what the address gives."""
    from starlette.testclient import TestClient

    asked = []

    def ask(answer, body):
        async def fetch(url, *, max_bytes):
            asked.append((url, max_bytes))
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(uploads, "fetch_photo", fetch)
        with TestClient(app_of(allow_photo_urls=True)) as client:
            return client.post("/v1/classify", json=body, headers=keys.all.bearer), asked

    return ask


URL = "https://shop.example/mug.jpg"


def test_a_photo_by_address_where_that_is_allowed(fetching, photo):
    found, asked = fetching(photo, {"photo_url": URL})
    assert found.json()["leaf"] == ["Kitchen", "Mugs"]
    assert asked == [(URL, 12 << 20)]


def test_an_address_that_gives_no_photo(fetching):
    found, _ = fetching(Problem(422, "photo_url", "No photo there", "It cannot be had."), {"photo_url": URL})
    assert (found.status_code, found.json()["code"]) == (422, "photo_url")


def test_a_photo_and_an_address_are_one_too_many(fetching, photo):
    body = {"photo_url": URL, "photo_base64": base64.b64encode(photo).decode()}
    found, asked = fetching(photo, body)
    assert (found.status_code, found.json()["code"], asked) == (422, "invalid", [])

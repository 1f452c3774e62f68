"""Asking the engine over HTTP: JSON and forms, what is refused and how."""

import base64
import io
import json
import zlib

import pytest
from PIL import Image

from aisle.product import Product


def test_the_answer_is_the_engines(say, mug, photo, tiny_engine):
    found = say("POST", "/v1/classify", mug).json()
    product = Product(title=mug["title"], description=mug["description"], attributes=mug["attributes"], photo=photo)
    expected = tiny_engine.predict([product])[0]
    assert tuple(found["leaf"]) == expected.leaf == ("Kitchen", "Mugs")
    assert found["decision"] == expected.decision
    assert found["probability"] == pytest.approx(expected.probability, abs=1e-6)
    assert found["path_text"] == " > ".join(expected.path)
    assert [tuple(each["path"]) for each in found["alternatives"]] == [path for path, _ in expected.alternatives]
    assert found["evidence"]["shares"] == pytest.approx(dict(expected.evidence.shares), abs=1e-6)
    assert found["engine"] == tiny_engine.fingerprint
    assert found["precision"] == tiny_engine.precision
    assert found["warnings"] == []


def test_a_form_with_a_file_says_the_same(client, keys, say, mug, photo):
    data = {"title": mug["title"], "description": mug["description"], "attributes": json.dumps(mug["attributes"])}
    sent = client.post("/v1/classify", data=data, files={"photo": ("a.jpg", photo)}, headers=keys.classify.bearer)
    assert sent.status_code == 200
    assert sent.json() == say("POST", "/v1/classify", mug).json()


def test_precision_and_evidence_are_choices(say, mug):
    found = say("POST", "/v1/classify", {**mug, "precision": 0.999, "evidence": False}).json()
    assert (found["precision"], found["evidence"]) == (0.999, None)
    assert found["decision"] == "review"
    assert found["path"] == []
    assert found["reason"]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "nothing_to_go_by", None),
        ({"title": "  "}, "nothing_to_go_by", None),
        ({"title": "\u200b\u2060"}, "nothing_to_go_by", None),
        ({"title": "a" * 501}, "invalid", "title"),
        ({"description": "a" * 20_001}, "invalid", "description"),
        ({"title": 3}, "invalid", "title"),
        ({"title": "a", "colour": "red"}, "invalid", "colour"),
        ({"title": "a", "precision": 1.0}, "invalid", "precision"),
        ({"title": "a", "precision": "0.9"}, "invalid", "precision"),
        ({"title": "a", "attributes": {str(n): "x" for n in range(101)}}, "invalid", "attributes"),
        ({"title": "a", "attributes": {"": "x"}}, "invalid", "attributes"),
        ({"title": "a", "photo_base64": "not base64!"}, "invalid", "photo_base64"),
        ({"title": "a", "photo_url": "http://127.0.0.1/a.jpg"}, "photo_url_off", "photo_url"),
    ],
)
def test_what_is_refused_says_where(say, body, code, field):
    found = say("POST", "/v1/classify", body)
    assert found.status_code == 422
    assert found.headers["content-type"] == "application/problem+json"
    assert found.json()["code"] == code
    if field is not None:
        assert field in found.json()["field"]


def png_bomb():
    """A PNG that claims 400 megapixels in a few bytes."""
    buffer = io.BytesIO()
    Image.new("1", (8, 8)).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = (20_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


def jpeg(side=64):
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 60).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


HOSTILE = {
    "bomb": (png_bomb(), "photo_too_large"),
    "truncated": (jpeg()[:500], "photo_truncated"),
    "empty": (b"", None),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "photo_unsupported"),
    "html": (b"<!doctype html><script>alert(1)</script>", "photo_not_an_image"),
    "polyglot": (b"GIF89a/*" + b"\0" * 20 + b"*/=1;<script>", None),
    "zip": (b"PK\x03\x04" + b"\0" * 100, "photo_not_an_image"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_photos(client, keys, name):
    data, code = HOSTILE[name]
    headers = keys.classify.bearer
    alone = client.post("/v1/classify", files={"photo": ("a.jpg", data)}, data={"evidence": "true"}, headers=headers)
    assert alone.status_code == 422
    assert alone.json()["code"].startswith("photo_") or name == "empty"
    if code is not None:
        assert alone.json()["code"] == code
    beside = client.post(
        "/v1/classify", files={"photo": ("a.jpg", data)}, data={"title": "ceramic mug"}, headers=headers
    )
    assert beside.status_code == 200
    assert bool(beside.json()["warnings"]) == (name != "empty")
    assert "photo" not in beside.json()["fields"]


def test_a_photo_with_html_behind_it_is_a_photo(client, keys):
    sent = client.post(
        "/v1/classify", files={"photo": ("a.html", jpeg() + b"<script>alert(1)</script>", "text/html")},
        headers=keys.classify.bearer,
    )  # fmt: skip
    assert sent.status_code == 200
    assert sent.json()["fields"] == ["photo"]


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        ("text/plain", b"title=a", 415),
        ("application/x-www-form-urlencoded", b"title=a", 415),
        ("", b'{"title": "a"}', 415),
        ("application/json", b'{"title": "a"', 400),
        ("application/json", b"[1]", 422),
        ("application/json", b"\xff\xfe", 400),
        ("application/json", b'{"title": "a", "precision": NaN}', 422),
        ("application/json", b"[" * 100_000, 400),
        ("multipart/form-data", b"--x--", 400),
        ("multipart/form-data; boundary=", b"--x--", 400),
    ],
)
def test_bodies_that_cannot_be_read(client, keys, kind, data, status):
    headers = {**keys.classify.bearer, "Content-Type": kind}
    assert client.post("/v1/classify", content=data, headers=headers).status_code == status


def test_a_form_of_a_thousand_parts(client, keys):
    data = {f"name{n}": "x" for n in range(1001)}
    sent = client.post("/v1/classify", data=data, files={"photo": ("a", b"x")}, headers=keys.classify.bearer)
    assert sent.status_code == 400


@pytest.mark.parametrize(
    "form",
    [
        {"attributes": "{"},
        {"attributes": "[1]"},
        {"precision": "NaN"},
        {"precision": "high"},
        {"photo": "no file"},
        {"other": "x"},
    ],
)
def test_forms_that_are_wrong(client, keys, form):
    files = {"photo": ("", b"")} if "photo" not in form else {"x": ("x", b"x")}
    sent = client.post("/v1/classify", data={"title": "a", **form}, files=files, headers=keys.classify.bearer)
    assert sent.status_code == 422


@pytest.mark.parametrize(
    "title", ["\0mug", "\ud800 mug", "‮gum", "mug" * 100, "=cmd|' /C calc'!A0", "<script>x</script> mug"]
)
def test_odd_titles_are_answered(client, keys, title):
    body = json.dumps({"title": title}).encode()
    headers = {**keys.classify.bearer, "Content-Type": "application/json"}
    assert client.post("/v1/classify", content=body, headers=headers).status_code in (200, 400)


def test_a_batch_fails_row_by_row(say, mug):
    bad = {"title": "", "description": ""}
    broken = {"photo_base64": base64.b64encode(b"no photo").decode()}
    found = say("POST", "/v1/classify/batch", {"products": [mug, bad, {"title": "steel pot"}, broken]}).json()[
        "results"
    ]
    assert [each["problem"] and each["problem"]["code"] for each in found] == [
        None, "nothing_to_go_by", None, "photo_not_an_image",
    ]  # fmt: skip
    assert found[0]["answer"]["leaf"] == ["Kitchen", "Mugs"]
    assert found[2]["answer"]["leaf"][0] == "Kitchen"


@pytest.mark.parametrize("count", [0, 65])
def test_a_batch_has_bounds(say, count):
    assert say("POST", "/v1/classify/batch", {"products": [{"title": "mug"}] * count}).status_code == 422

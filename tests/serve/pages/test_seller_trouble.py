"""What is wrong is said in place, nothing that was typed is lost, and nothing that was typed is more than text."""

import json

import pytest
from sqlalchemy import text

from aisle.errors import StoreError
from aisle.serve.problems import Problem

POT = json.dumps(["Kitchen", "Pots"], separators=(",", ":"))


@pytest.mark.parametrize("choice", ['["Kitchen","Nothing"]', "{}", "[" * 5000, "null", '["Kitchen",1]', "<script>"])
def test_a_category_that_is_none_is_refused(seller, answers, read, rows, choice, send):
    answer = send("post", title="mug", choice=choice)
    assert answer.status_code == 422
    assert "category-error" in read(answer).errors
    assert rows("products") == []


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"title": "  "}, "title"),
        ({"title": "a" * 501}, "title"),
        ({"title": "mug", "description": "a" * 20_001}, "description"),
        ({"title": "mug", "name": [""], "value": ["red"]}, "details"),
        ({"title": "mug", "name": ["a" * 101], "value": ["red"]}, "details"),
    ],
)
def test_what_is_wrong_is_said_beside_it_and_nothing_is_lost(seller, answers, read, rows, photo, fields, place, send):
    answer = send("post", photo(), **fields)
    page = read(answer)
    assert answer.status_code == 422
    assert f"{place}-error" in page.errors
    assert page.value("title") == fields["title"]
    assert fields.get("description", "") in answer.text
    assert page.value("photo_kept")
    assert rows("products") == []


def test_the_longest_are_posted(seller, answers, rows, send):
    fields = {"title": "é" * 500, "description": "é" * 20_000, "name": ["n" * 100] * 8, "value": ["v" * 500] * 8}
    assert send("post", **fields).status_code == 200
    assert len(rows("products")[0].description) == 20_000


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data[: len(data) // 2], "damaged"),
        (lambda data: b"<svg/>", "cannot be read as a photo"),
        (lambda data: data + bytes((12 << 20) - (128 << 10)), "too large"),
    ],
)
def test_a_photo_that_cannot_be_read_is_said_in_place(seller, answers, read, photo, change, told, send):
    answer = send("post", change(photo(size=(200, 200))), title="mug", choice=POT)
    page = read(answer)
    assert (answer.status_code, told in page.text("photo-error")) == (422, True)
    assert (page.value("title"), page.checked(), page.value("photo_kept")) == ("mug", POT, "")


def test_a_photo_that_is_gone_is_said(seller, answers, read, send):
    page = read(send("post", title="mug", photo_kept="0" * 64))
    assert "photo-error" in page.errors
    assert read(send("suggest", title="mug", photo_kept="../../etc")).value("photo_kept") == ""


def test_a_photo_is_removed(seller, answers, read, photo, send):
    sha = read(send("suggest", photo(), title="mug")).value("photo_kept")
    page = read(send("remove", title="mug", photo_kept=sha))
    assert (page.value("photo_kept"), page.value("title")) == ("", "mug")


def test_a_busy_engine_loses_nothing(seller, answers, read, rows, photo, send):
    answers.error = Problem(503, "busy", "busy", "busy", retry_after=3)
    answer = send("post", photo(), token="t" * 20, title="mug", choice=POT)
    page = read(answer)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert "The service is busy" in page.text("category-error")
    assert (page.value("title"), page.value("token")) == ("mug", "t" * 20)
    assert rows("products") == []
    answers.error = None
    assert send("post", token="t" * 20, title="mug", photo_kept=page.value("photo_kept")).status_code == 200


def test_a_database_that_is_away_loses_nothing(seller, answers, read, monkeypatch, send):
    def fail(*args, **kwargs):
        raise StoreError("/secret/place is broken")

    monkeypatch.setattr("aisle.serve.pages.seller.post", fail)
    answer = send("post", title="mug")
    assert answer.status_code == 503
    assert "Nothing can be kept" in read(answer).text("trouble")
    assert "secret" not in answer.text


PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "{{7*7}}",
    "</textarea><script>",
    "javascript:alert(1)",
    "\u202emug\0",
    "%(a)s {title}",
    "<!--",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_typed_is_text(seller, answers, read, rows, payload, send):
    from aisle.product import Evidence, Neighbour

    spoilt = Neighbour(id="p", title=payload, category=("Kitchen", payload), similarity=0.5)
    answers.answer = answers.predicted(evidence=Evidence(shares={}, terms=((payload, 1.0),), nearest=(spoilt,)))
    clean = read(seller.get("/sell"))
    fields = {
        "title": payload,
        "description": payload,
        "name": [payload],
        "value": [payload],
        "find": payload,
        "choice": payload,
        "picked": payload,
        "token": payload,
        "preselected": payload,
    }
    for action in ("suggest", "find"):
        answer = send(action, **fields)
        page = read(answer)
        assert [each.tag for each in page.elements].count("script") == [each.tag for each in clean.elements].count(
            "script"
        )
        assert not any(name.startswith("on") for each in page.elements for name in each.attrs)
        assert page.value("title").replace("\ufffd", "\0") == payload
        assert "49" not in page.value("title")
    posted = send("post", title=payload)
    assert posted.status_code == 200
    assert [each.tag for each in read(posted).elements].count("script") == 1
    assert len(rows("products")) == 1


def test_many_parts_are_refused(seller, answers, send):
    answer = send("post", title="mug", name=["a"] * 40, value=["b"] * 40)
    assert answer.status_code == 400
    assert "text/html" in answer.headers["content-type"]


def test_nobody_posts_from_elsewhere(seller, answers, rows):
    answer = seller.post("/sell", data={"action": "post", "title": "mug"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert rows("products") == []


def test_tables_stand(seller, answers, database, send):
    send("post", title="'); DROP TABLE products; --")
    with database.read() as c:
        assert c.execute(text("SELECT count(*) FROM products")).scalar_one() == 1

"""The moderator's list, an item's history, and what sellers write: text, wherever it is shown."""

import re

import pytest

HOSTILE = [
    "<script>document.title='ran'</script>",
    '"><img src=x onerror=alert(1)>',
    "\u202e\u2066 evil \u0000",
    "W" * 500,
    "{{ 7 * 7 }} {% raw %} %(a)s {title}",
    "\U0001f9f8" * 100,
    "",
]


@pytest.mark.parametrize("title", HOSTILE, ids=lambda title: repr(title[:12]))
def test_what_sellers_write_is_text(fill, person, database, title):
    fill("a", "b", title=title)
    anna = person()
    done = anna.answer(anna.open(), "none")
    for address in (
        done.headers["location"],
        "/review/queue",
        "/review/item/a",
        "/review?note=lost&of=a&text=" + "%3C",
    ):
        page = anna.open(address)
        assert "<script>document" not in page
        assert "<img src=x" not in page


@pytest.mark.parametrize(
    "address",
    ["/review?item=%00", "/review?note=lost&of=nothing", "/review?note=x", "/review?top=%FF&text=" + "*[" * 200,
     "/review/queue?page=99999", "/review/queue?page=-1", "/review/queue?page=x", "/review/figures?days=0"],
)  # fmt: skip
def test_addresses_that_mean_nothing_are_read_as_well_as_can_be(fill, person, address):
    fill("a")
    person().open(address)


def test_the_list(fill, person, keys):
    fill(*(f"item{number:02}" for number in range(30)))
    anna, ben = person(), person("all")
    ben.open()
    first, second = anna.open("/review/queue"), anna.open("/review/queue?page=2")
    listed = [re.findall(r"/review\?item=(\w+)", page) for page in (first, second)]
    assert listed == [[f"item{n:02}" for n in range(25)], [f"item{n:02}" for n in range(25, 30)]]
    assert re.search(r'class="tag other">all<', first)
    assert "1 of 2" in first


def test_the_history_of_an_item(fill, person, client):
    fill("a")
    anna = person()
    anna.answer(anna.open(), "none")
    anna.press(anna.open(), "/undo")
    anna.answer(anna.open("/review?item=a"))
    page = anna.open("/review/item/a")
    assert re.search(r"<s>\s*<span><bdi class=\"name\">review</bdi> found no category", page)
    assert "0123456789ab" in page  # the engine of tests.posted
    assert page.index("found no category") < page.index("agreed with the engine")
    assert client.get("/review/item/none", headers=anna.headers).status_code == 404


def test_french(fill, person):
    fill("a")
    page = person().open("/review?lang=fr")
    assert "Où le classer" in page
    assert "Chiffres" in page

"""The moderator page: an answer files the item that was on the page, once, and no other."""

import json
import re
from html.parser import HTMLParser

import pytest
from sqlalchemy import text
from tests.posted import queued

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


class Forms(HTMLParser):
    """The forms of a page: where each goes, its fields, and its buttons."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.found.append({"action": given["action"], "fields": {}, "buttons": []})
        elif tag == "input" and self.found:
            self.found[-1]["fields"][given["name"]] = given.get("value", "")
        elif tag == "button" and self.found and "value" in given:
            self.found[-1]["buttons"].append(given["value"])

    def to(self, end):
        return next(form for form in self.found if form["action"].endswith(end))


@pytest.fixture
def fill(database):
    """Return a function that puts items on the queue, the first the most valuable."""

    def put(*names, **changes):
        with database.write() as c:
            for place, name in enumerate(names):
                queued(c, name, value=100.0 - place, **changes)

    return put


@pytest.fixture
def person(client, keys):
    """Return a function that makes somebody who opens pages and presses buttons."""

    class Person:
        def __init__(self, key):
            self.headers = {**key.cookie, **SAME_ORIGIN, "Accept": "text/html"}

        def open(self, address="/review"):
            client.cookies.clear()
            answer = client.get(address, headers=self.headers)
            assert answer.status_code == 200, answer.text
            return answer.text

        def send(self, form, **more):
            client.cookies.clear()
            return client.post(form["action"], headers=self.headers, data={**form["fields"], **more})

        def answer(self, page, choice=0):
            form = Forms(page).to("/decide")
            return self.send(form, choice=form["buttons"][choice] if isinstance(choice, int) else choice)

        def press(self, page, end):
            return self.send(Forms(page).to(end))

    return lambda name="review": Person(getattr(keys, name))


def rows(database, statement):
    with database.read() as c:
        return [tuple(row) for row in c.execute(text(statement))]


def decided(database):
    found = rows(database, "SELECT product_id, kind, path FROM decisions WHERE undone_at IS NULL ORDER BY id")
    return [(product, kind, path and json.loads(path)) for product, kind, path in found]


def shown(page):
    return re.search(r'data-product="([^"]*)"', page)[1]


def test_the_first_button_accepts_what_the_engine_put_first(fill, person, database):
    fill("a", "b")
    anna = person()
    done = anna.answer(anna.open())
    assert done.status_code == 303
    assert decided(database) == [("a", "accept", ["Watches", "Wrist Watches"])]
    following = anna.open(done.headers["location"])
    assert shown(following) == "b"
    assert "filed under Watches &gt; Wrist Watches" in following


def test_another_button_or_a_category_of_the_taxonomy_is_a_change(fill, person, database):
    fill("a", "b", "c")
    anna = person()
    anna.answer(anna.open(), 1)
    anna.answer(anna.open(), '["Kitchen","Pots"]')
    anna.answer(anna.open(), "none")
    assert decided(database) == [
        ("a", "change", ["Bags & Belts", "Belts"]),
        ("b", "change", ["Kitchen", "Pots"]),
        ("c", "none", None),
    ]


@pytest.mark.parametrize("choice", ['["No", "Such"]', "[]", "", '"Kitchen"', "[1]", "{", "[" * 5000])
def test_what_is_no_category_files_nothing(fill, person, database, choice):
    fill("a")
    anna = person()
    done = anna.answer(anna.open(), choice)
    assert (done.status_code, decided(database)) == (303, [])
    again = anna.open(done.headers["location"])
    assert shown(again) == "a"
    assert "not there any more" in again


@pytest.mark.parametrize("end", ["/decide", "/skip"])
def test_an_answer_that_comes_twice_counts_once_and_for_no_other_item(fill, person, database, end):
    fill("a", "b")
    anna = person()
    page = anna.open()
    form = Forms(page).to(end)
    first, second = (anna.send(form, choice=Forms(page).to("/decide")["buttons"][0]) for _ in range(2))
    assert [each[0] for each in decided(database)] == ["a"]
    assert first.headers["location"] == second.headers["location"]
    assert shown(anna.open(second.headers["location"])) == "b"
    assert rows(database, "SELECT sum(skipped) FROM queue") == [(int(end == "/skip"),)]


def test_an_answer_that_comes_late_still_counts_where_nobody_else_came(fill, person, database, clock):
    fill("a")
    anna = person()
    page = anna.open()
    clock.pass_seconds(3000)
    anna.answer(page)
    assert [each[0] for each in decided(database)] == ["a"]


@pytest.mark.parametrize("answers", [False, True])
def test_an_item_that_somebody_else_has_is_not_filed(fill, person, database, clock, answers):
    fill("a", "b", title="a blue lamp")
    anna, ben = person(), person("all")
    page = anna.open()
    clock.pass_seconds(301)
    other = ben.open()
    assert shown(other) == shown(page) == "a"
    if answers:
        ben.answer(other, "none")
    lost = anna.answer(page)
    assert [each[1] for each in decided(database)] == ["none"] * answers
    following = anna.open(lost.headers["location"])
    assert "“a blue lamp”: somebody else has it" in following
    assert shown(following) == "b"


def test_two_people_never_see_the_same_item(fill, person):
    fill("a", "b", "c")
    anna, ben = person(), person("all")
    assert [shown(anna.open()), shown(ben.open()), shown(anna.open()), shown(ben.open())] == ["a", "b", "a", "b"]
    picked = ben.open("/review?item=a")
    assert shown(picked) == "b"
    assert "somebody else has it" in picked
    assert shown(anna.open("/review?item=c")) == "c"
    assert shown(person("all").open("/review?item=a")) == "a"  # whoever picks another gives back the first


def test_undo_brings_the_item_back_and_takes_one_answer_back_only(fill, person, database):
    fill("a", "b")
    anna = person()
    anna.answer(anna.open(), "none")
    anna.answer(anna.open(), "none")
    page = anna.open()
    first, second = anna.press(page, "/undo"), anna.press(page, "/undo")
    assert [each[0] for each in decided(database)] == ["a"]
    assert shown(anna.open(first.headers["location"])) == shown(anna.open(second.headers["location"])) == "b"
    anna.press(anna.open(), "/undo")
    assert decided(database) == []
    assert shown(anna.open("/review?item=a")) == "a"


def test_only_ones_own_answer_is_undone(fill, person, database):
    fill("a")
    anna, ben = person(), person("all")
    anna.answer(anna.open())
    form = Forms(anna.open()).to("/undo")
    assert "/review/undo" not in ben.open()
    assert ben.send(form).status_code == 404
    assert ben.send(form, decision="x").status_code == 404
    assert len(decided(database)) == 1


def test_an_audited_item_looks_like_any_other(fill, person, database):
    fill("a")
    anna = person()
    pages = ("/review", "/review/queue", "/review/queue?why=unsure", "/review/item/a", "/review?why=unsure")
    before = [anna.open(page) for page in pages]
    with database.write() as c:
        c.execute(text("UPDATE queue SET reason = 'audit'"))
        c.execute(text("""UPDATE predictions SET decision = 'partial', reason = '', path = '["Watches"]'"""))
        c.execute(text("""UPDATE products SET category = '["Watches"]', decided_by = 'engine'"""))
    assert [anna.open(page) for page in pages] == before
    assert not any("audit" in page.lower() for page in before)


def test_filters_are_kept_along(fill, person):
    fill("a", "b", title="an Écru lamp")
    fill("c", top_category="Kitchen", reason="disagreement")
    anna = person()
    done = anna.answer(anna.open("/review?top=Watches&why=unsure&text=%C3%A9cru"))
    page = anna.open(done.headers["location"])
    assert shown(page) == "b"
    skipped, back = anna.press(page, "/skip"), anna.press(page, "/undo")
    for each in (done, skipped, back):
        assert "top=Watches&why=unsure&text=%C3%A9cru" in each.headers["location"]
    assert shown(anna.open("/review?why=seller")) == "c"
    assert "Nothing waits that fits" in anna.open("/review?text=zebra")
    assert shown(anna.open("/review?why=audit")) != ""  # no such filter


def test_a_claim_lasts_while_it_is_used(fill, person, client, clock):
    fill("a")
    anna, ben = person(), person("all")
    anna.open()
    beat = {"action": "/review/a/heartbeat", "fields": {}}
    for _ in range(3):
        clock.pass_seconds(250)
        assert anna.send(beat).status_code == 204
    assert "Others look at what is left" in ben.open()
    clock.pass_seconds(301)
    assert anna.send(beat).status_code == 409
    assert shown(ben.open()) == "a"
    assert anna.send({**beat, "action": "/review/none/heartbeat"}).status_code == 404


def test_what_is_given_back_is_free(fill, person):
    fill("a")
    anna = person()
    done = anna.press(anna.open(), "/release")
    assert done.headers["location"] == "/review/queue"
    assert shown(person("all").open()) == "a"


def test_the_search_works_without_a_script(fill, person, database):
    fill("a")
    anna = person()
    page = anna.open("/review?item=a&find=pot")
    values = re.findall(r'form="decide" name="choice" value="([^"]*)"', page)
    assert values == ["[&#34;Kitchen&#34;,&#34;Pots&#34;]"]
    assert "Kitchen" in anna.open("/review/taxonomy?search=pot")
    assert "No category has all of these words" in anna.open("/review?find=zebra")


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

"""The moderator page: an answer files the item that was on the page, once, and no other."""

import re

import pytest
from sqlalchemy import text
from tests.moderating import Forms, decided, rows, shown


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

"""Posting an item by the form alone, as a browser without scripts does."""

import json

import pytest

MUG = json.dumps(["Kitchen", "Mugs"], separators=(",", ":"))
POT = json.dumps(["Kitchen", "Pots"], separators=(",", ":"))


@pytest.fixture
def token(seller, answers, read):
    return read(seller.get("/sell")).value("token")


def test_an_item_is_posted_in_two_steps(seller, answers, read, rows, photo, send):
    answers.answer = answers.predicted("accept")
    first = send(
        "suggest",
        photo(),
        token="t" * 20,
        title="acme mug",
        description="a\r\nb",
        name=["Brand"],
        value=["Acme"],
    )
    page = read(first)
    assert first.status_code == 200
    assert (page.value("title"), page.value("name"), page.value("value")) == ("acme mug", "Brand", "Acme")
    assert page.checked() == MUG
    sha = page.value("photo_kept")
    assert f"/photos/{sha}.jpg" in first.text
    assert seller.get(f"/photos/{sha}.jpg").status_code == 200
    second = send("post", token="t" * 20, title="acme mug", description="a\r\nb", name=["Brand"], value=["Acme"],
                  photo_kept=sha, choice=MUG, preselected=MUG)  # fmt: skip
    assert second.status_code == 200
    assert "Filed under" in read(second).text("posted")
    (product,) = rows("products")
    assert (product.title, product.description, product.attributes) == ("acme mug", "a\nb", {"Brand": "Acme"})
    assert (product.photo, product.category, product.decided_by) == (sha, ["Kitchen", "Mugs"], "engine")
    (decision,) = rows("decisions")
    assert (decision.source, decision.path) == ("seller", ["Kitchen", "Mugs"])


@pytest.mark.parametrize(
    ("decision", "checked", "number"), [("accept", MUG, 2), ("partial", None, 3), ("review", None, 2)]
)
def test_only_what_is_certified_to_the_leaf_is_chosen_beforehand(
    seller, answers, read, decision, checked, number, send
):
    answers.answer = answers.predicted(decision)
    page = read(send("suggest", title="mug"))
    assert page.checked() == checked
    assert page.value("preselected") == (checked or "")
    assert len(page.fields("choice")) == number + 2  # none of these, not sure
    certified = [each for each in page.elements if each.attrs.get("class") == "confidence certified"]
    assert len(certified) == (decision != "review")


def test_confidence_is_said_as_it_is(seller, answers, read, tiny_engine, send):
    answers.answer = answers.predicted("accept", share=0.9999)
    page = read(send("suggest", title="mug"))
    assert tiny_engine.precision == 0.8
    assert page.text("choice-1-confidence") == "Certain enough to file by itself: right at least 80 times in 100"
    answers.answer = answers.predicted("review", share=0.62)
    assert read(send("suggest", title="mug")).text("choice-1-confidence") == "A guess: 62 %"
    answers.answer = answers.predicted("review", share=0.9999)
    assert read(send("suggest", title="mug")).text("choice-1-confidence") == "A guess: over 99 %"


def test_it_says_why(seller, answers, read, send):
    reasons = read(send("suggest", title="mug")).text("reasons")
    assert "Because of: analog , strap , the photo" in reasons
    assert "not this" not in reasons
    assert "the title 75 %" in reasons
    assert "acme mug <1> Kitchen > Mugs · 81 % alike" in reasons


def test_what_the_seller_chose_stays_chosen(seller, answers, read, send):
    answers.answer = answers.predicted("accept")
    kept = read(send("suggest", title="mug", choice=POT, preselected=MUG))
    assert (kept.checked(), kept.value("preselected")) == (POT, "")
    beauty = '["Beauty"]'  # of the taxonomy, and not among the suggestions
    page = read(send("suggest", title="mug", choice=beauty))
    assert page.checked() == beauty
    assert page.text("choice-1-confidence") == "Your choice"
    for other in ("none", "open"):
        assert read(send("suggest", title="mug", choice=other)).checked() == other


def test_what_the_page_chose_gives_way(seller, answers, read, send):
    answers.answer = answers.predicted("review")
    page = read(send("suggest", title="mug", choice=POT, preselected=POT))
    assert page.checked() is None


def test_sent_twice_it_is_posted_once(seller, answers, rows, token, read, send):
    fields = {"token": token, "title": "mug", "choice": "open"}
    first, second = (send("post", **fields) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.text == second.text
    assert len(rows("products")) == 1
    changed = send("post", **{**fields, "title": "another mug"})
    page = read(changed)
    assert (changed.status_code, page.value("title"), len(rows("products"))) == (409, "another mug", 1)
    assert "posted before" in page.text("trouble")
    assert page.value("token") != token
    assert send("post", **{**fields, "title": "another mug", "token": page.value("token")}).status_code == 200
    assert len(rows("products")) == 2


def test_another_seller_may_have_the_same_token(seller, answers, keys, rows, token, send):
    for key in (keys.sell, keys.all):
        seller.cookies.set("aisle", key.token)
        assert send("post", token=token, title="mug").status_code == 200
    assert len(rows("products")) == 2


def test_a_contradiction_goes_to_a_person(seller, answers, rows, read, send):
    answers.answer = answers.predicted("accept")
    page = read(send("post", title="mug", choice=POT))
    assert "A person will look at it" in page.text("posted")
    assert "You chose Kitchen > Pots" in page.text("posted")
    (item,) = rows("queue")
    assert item.reason == "disagreement"


def test_an_audit_is_not_told(seller, app, answers, rows, read, with_context, send):
    import dataclasses

    from aisle.review.policy import ReviewPolicy

    options = dataclasses.replace(app.state.context.options, policy=ReviewPolicy(audit_share=1.0))
    with_context(app, options=options)
    answers.answer = answers.predicted("accept")
    assert "Filed under Kitchen > Mugs" in read(send("post", title="mug")).text("posted")
    assert [item.reason for item in rows("queue")] == ["audit"]


def test_none_of_these_needs_another(seller, answers, read, rows, send):
    page = read(send("post", title="mug", choice="none"))
    assert "picker-error" in page.errors
    found = read(send("find", title="mug", find="skin"))
    assert found.checked() == "none"
    (picked,) = found.fields("picked")
    assert picked["value"] == '["Phones","Skins"]'
    done = send("post", title="mug", choice="none", picked=picked["value"])
    assert done.status_code == 200
    assert rows("decisions")[0].path == ["Phones", "Skins"]


def test_a_search_without_a_hit_says_so(seller, answers, read, send):
    page = read(send("find", title="mug", find="zeppelin"))
    assert "No category has all of these words." in page.text("picker")
    assert page.value("title") == "mug"


def test_suggestions_are_a_part_of_the_page(seller, answers, read, photo):
    files = {"photo": ("photo.jpg", photo(), "image/jpeg")}
    answer = seller.post("/sell/suggest", data={"title": "mug"}, files=files)
    page = read(answer)
    (part,) = (each.attrs for each in page.elements if each.attrs.get("id") == "suggestions")
    assert part["data-status"] == "2 suggestions. The first: Kitchen > Mugs. A guess: 62\xa0%."
    assert len(part["data-photo"]) == 64
    assert "<html" not in answer.text
    assert answers.asked[-1].photo.read_bytes() == photo()
    assert seller.post("/sell/suggest", data={}).status_code == 200
    assert len(answers.asked) == 1  # nothing to go by, nobody is asked


def test_the_search_answers_with_options(seller, answers, read):
    page = read(seller.get("/sell/taxonomy?search=KITCH mugs"))
    (option,) = (each.attrs for each in page.elements if each.attrs.get("role") == "option")
    assert (option["data-value"], option["data-text"]) == (MUG, "Kitchen > Mugs")
    assert "No category" in seller.get("/sell/taxonomy?search=zeppelin").text
    assert seller.get(f"/sell/taxonomy?search={'a' * 5000}").status_code == 200


def test_the_language_is_changed_and_nothing_is_lost(seller, answers, read):
    answer = seller.post("/sell", data={"lang": "fr", "title": "tasse"}, files={"photo": ("", b"")})
    assert '<html lang="fr">' in answer.text
    assert read(answer).value("title") == "tasse"
    assert '<html lang="fr">' in seller.get("/sell").text


def test_a_detail_without_its_name_yet_stops_no_suggestion(seller, answers, read):
    answer = seller.post("/sell/suggest", data={"title": "mug", "name": [""], "value": ["red"]})
    assert answer.status_code == 200
    assert read(answer).fields("choice")


def test_a_form_that_cannot_be_posted_keeps_its_suggestions(seller, answers, read, send):
    page = read(send("post", description="it holds tea"))
    assert "title-error" in page.errors
    assert len(page.fields("choice")) == 4

"""The queue, claims, decisions and what undoes them; taxonomy and engine."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import pytest

HUGE = 2**63


@pytest.fixture
def queued(say):
    """A product on the queue, in nobody's hands."""
    return say("POST", "/v1/products", {"title": "acme ceramic mug 12", "chosen": ["Cars", "Filters"]}).json()["id"]


@pytest.fixture
def claimed(say, queued):
    """A product that the holder of ``review`` looks at."""
    assert say("POST", f"/v1/review/{queued}/claim", key="review").status_code == 200
    return queued


def code_of(response):
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == response.status_code
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "change"}, "path"),
        ({"kind": "change", "path": None}, "path"),
        ({"kind": "change", "path": []}, "path"),
        ({"kind": "change", "path": [""]}, "path.0"),
        ({"kind": "none", "path": ["Cars"]}, "path"),
        ({"kind": "skip", "path": ["Cars"]}, "path"),
        ({"kind": "maybe"}, "kind"),
        ({}, "kind"),
        ({"kind": "none", "by": "somebody else"}, "by"),
        ({"kind": "none", "product_id": ""}, "product_id"),
        ({"kind": "none", "product_id": 7}, "product_id"),
    ],
)
def test_a_decision_that_says_nothing_is_refused(say, claimed, body, field):
    found = say("POST", "/v1/decisions", {"product_id": claimed, **body}, key="review")
    assert code_of(found) == (422, "invalid")
    assert found.json()["field"] == field


def test_accepting_something_else_than_was_proposed_is_refused(say, claimed):
    body = {"product_id": claimed, "kind": "accept", "path": ["Kitchen", "Pots"]}
    assert code_of(say("POST", "/v1/decisions", body, key="review")) == (422, "invalid")


@pytest.mark.parametrize(
    ("kind", "path", "state", "category"),
    [
        ("accept", None, "decided", ["Kitchen", "Mugs"]),
        ("accept", ["Kitchen", "Mugs"], "decided", ["Kitchen", "Mugs"]),
        ("change", ["Kitchen", "Pots"], "decided", ["Kitchen", "Pots"]),
        ("none", None, "decided", None),
        ("skip", None, "queued", None),
    ],
)
def test_each_kind_of_answer(say, claimed, kind, path, state, category):
    done = say("POST", "/v1/decisions", {"product_id": claimed, "kind": kind, "path": path}, key="review")
    assert done.status_code == 201
    assert (done.json()["state"], done.json()["product_id"]) == (state, claimed)
    assert say("GET", f"/v1/products/{claimed}").json()["category"] == category
    assert say("GET", "/v1/review").json()["total"] == (state == "queued")


def test_who_has_no_claim_decides_nothing(say, claimed, clock):
    body = {"product_id": claimed, "kind": "none"}
    assert code_of(say("POST", "/v1/decisions", body, key="all")) == (409, "claimed")
    clock.pass_seconds(301)
    assert code_of(say("POST", "/v1/decisions", body, key="review")) == (409, "claimed")
    assert say("POST", "/v1/review/claim", key="all").json()["product_id"] == claimed


def test_what_is_decided_is_not_claimed_again(say, claimed):
    say("POST", "/v1/decisions", {"product_id": claimed, "kind": "none"}, key="review")
    assert code_of(say("POST", f"/v1/review/{claimed}/claim", key="all")) == (409, "claimed")
    assert say("POST", "/v1/review/claim", key="all").status_code == 204


def test_two_people_never_get_the_same_product(say, queued):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: say("POST", "/v1/review/claim", key=("all", "review")[n % 2]), range(8)))
    assert {each.status_code for each in found} == {200, 204}
    assert len({n % 2 for n, each in enumerate(found) if each.status_code == 200}) == 1


def test_only_ones_own_decision_is_undone_and_once(say, claimed):
    done = say("POST", "/v1/decisions", {"product_id": claimed, "kind": "none"}, key="review").json()["id"]
    assert code_of(say("DELETE", f"/v1/decisions/{done}", key="all")) == (409, "not_undoable")
    assert say("DELETE", f"/v1/decisions/{done}", key="review").json()["state"] == "queued"
    assert code_of(say("DELETE", f"/v1/decisions/{done}", key="review")) == (409, "not_undoable")
    again = say("POST", "/v1/decisions", {"product_id": claimed, "kind": "accept"}, key="review")
    assert again.status_code == 201  # it was in their hands again


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/decisions/99", 404), (f"/v1/decisions/{HUGE}", 422), ("/v1/decisions/0", 422), ("/v1/decisions/x", 422)],
)
def test_decisions_that_are_not_there(say, path, status):
    assert say("DELETE", path).status_code == status


def test_a_sellers_choice_is_not_undone(say, queued):
    (chosen,) = say("GET", f"/v1/products/{queued}").json()["decisions"]
    assert chosen["source"] == "seller"
    assert code_of(say("DELETE", f"/v1/decisions/{chosen['id']}"))[0] == 409


@pytest.mark.parametrize("name", ["nothing", "0" * 32, "%00", "%F0%9F%98%80", "a" * 300])
def test_products_that_are_not_there(say, name):
    assert code_of(say("GET", f"/v1/products/{name}")) == (404, "not_found")
    assert code_of(say("POST", f"/v1/review/{name}/claim")) == (404, "not_found")
    assert say("POST", f"/v1/review/{name}/release").status_code in (204, 404)


def test_a_decision_on_a_product_that_is_not_there(say):
    for name in ("nothing", "\0", "x" * 32):
        assert say("POST", "/v1/decisions", {"product_id": name, "kind": "none"}).status_code == 404


def test_the_same_decision_at_the_same_moment_is_made_once(say, claimed):
    body = {"product_id": claimed, "kind": "none"}
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda _: say("POST", "/v1/decisions", body, key="review", Idempotency_Key="d"), range(8))
        )
    assert {each.status_code for each in found} == {201}
    assert len({each.json()["id"] for each in found}) == 1
    assert sum("idempotency-replayed" in each.headers for each in found) == 7
    decided = [each for each in say("GET", f"/v1/products/{claimed}").json()["decisions"] if each["source"] != "seller"]
    assert len(decided) == 1


def test_a_key_for_repeats_is_one_persons_and_one_requests(say, claimed):
    body = {"product_id": claimed, "kind": "none"}
    assert say("POST", "/v1/decisions", body, key="review", Idempotency_Key="d").status_code == 201
    other = {**body, "kind": "skip"}
    assert code_of(say("POST", "/v1/decisions", other, key="review", Idempotency_Key="d")) == (
        422,
        "idempotency_conflict",
    )
    assert code_of(say("POST", "/v1/decisions", body, key="all", Idempotency_Key="d")) == (409, "claimed")


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_for_repeats_has_bounds(say, claimed, key):
    found = say("POST", "/v1/decisions", {"product_id": claimed, "kind": "none"}, Idempotency_Key=key)
    assert code_of(found) == (422, "invalid")


def test_what_failed_may_be_sent_again_under_its_key(say, queued):
    body = {"product_id": queued, "kind": "none"}
    assert say("POST", "/v1/decisions", body, Idempotency_Key="d").status_code == 409
    say("POST", f"/v1/review/{queued}/claim")
    assert say("POST", "/v1/decisions", body, Idempotency_Key="d").status_code == 201


def test_the_queue_is_filtered_and_paged(say, queued):
    say("POST", "/v1/products", {"title": "acme steel pot 4", "chosen": ["Cars", "Filters"]})
    whole = say("GET", "/v1/review").json()
    assert whole["total"] == len(whole["items"]) == 2
    second = say("GET", "/v1/review?limit=1&offset=1").json()
    assert (second["total"], [each["product_id"] for each in second["items"]]) == (2, [whole["items"][1]["product_id"]])
    named = say("GET", "/v1/review?text=CERAMIC&category=Kitchen&reason=disagreement&reason=review").json()
    assert [each["product_id"] for each in named["items"]] == [queued]
    for nothing in ("text=spoon", "category=Cars", "reason=conflict", "text=%25", "text=%00", "offset=2"):
        assert say("GET", f"/v1/review?{nothing}").json()["items"] == [], nothing


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "offset=-1", "offset=1000001", "reason=audit", "limit=x"])
def test_pages_of_the_queue_have_bounds(say, query):
    assert code_of(say("GET", f"/v1/review?{query}")) == (422, "invalid")


@pytest.mark.parametrize("query", ["days=0", "days=3651", "days=x"])
def test_figures_have_bounds(say, query):
    assert code_of(say("GET", f"/v1/review/figures?{query}")) == (422, "invalid")


def test_figures_of_nothing(say):
    found = say("GET", "/v1/review/figures").json()
    assert found["overall"]["audit"] == {
        "count": 0, "right": 0, "precision": None, "low": 0.0, "high": 1.0, "disputed": 0, "promised": None,
        "stale": False,
    }  # fmt: skip
    assert (found["waiting"], found["by_week"]) == (0, {})


def test_a_search_of_the_taxonomy_is_paged(say):
    whole = say("GET", "/v1/taxonomy?search=kitchen").json()["categories"]
    assert len(whole) > 2
    assert say("GET", "/v1/taxonomy?search=kitchen&limit=1&offset=1").json()["categories"] == whole[1:2]
    assert say("GET", "/v1/taxonomy?offset=10000000").json()["categories"] == []
    assert code_of(say("GET", "/v1/taxonomy?limit=0")) == (422, "invalid")


def test_the_engine_is_described(say, tiny_engine, database, live, clock):
    from aisle.store.engines import promote, register
    from aisle.store.records import StoredEngine

    found = say("GET", "/v1/engine").json()
    assert (found["generation"], found["previous"]) == (None, None)
    assert found["categories"] == len(tiny_engine.taxonomy)
    for each in found["certificates"]:
        rule = tiny_engine.certificate(tuple(each["fields"]), precision=tiny_engine.precision)
        assert each["threshold"] == getattr(rule, "threshold", None)
        assert each["certified"] is (each["threshold"] is not None)
    stored = StoredEngine(
        id=tiny_engine.fingerprint, folder=str(live.folder), golden=[], registered_at=1, registered_by="ada"
    )
    other = dataclasses.replace(stored, id="0" * 12)
    with database.write() as c:
        for each in (other, stored):
            register(c, each)
            promote(c, id=each.id, by="ada", now=clock.now)
    found = say("GET", "/v1/engine").json()
    assert (found["previous"], found["changed_by"], found["changed_at"]) == ("0" * 12, "ada", clock.now)

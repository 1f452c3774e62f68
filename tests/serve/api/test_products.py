"""Products that are kept, decisions on them, and requests that come twice."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from aisle.store.schema import products as table


def count(database):
    with database.read() as c:
        return c.execute(select(func.count()).select_from(table)).scalar_one()


@pytest.fixture
def unsure():
    """A product that people have to look at: its seller says something else than the engine."""
    return {"title": "acme ceramic mug 12", "chosen": ["Cars", "Filters"]}


def test_a_product_is_kept_with_its_prediction(say, mug, tiny_engine, client, keys):
    made = say("POST", "/v1/products", {**mug, "reference": "sku-1", "volume": 3.5}, key="sell")
    assert made.status_code == 201
    kept = made.json()
    found = say("GET", f"/v1/products/{kept['id']}", key="sell").json()
    assert (found["reference"], found["title"], found["volume"]) == ("sku-1", mug["title"], 3.5)
    assert found["predictions"][0]["engine"] == tiny_engine.fingerprint
    assert found["category"] == kept["category"]
    assert len(found["photo"]) == 64
    assert say("GET", f"/v1/products/{kept['id']}", key="review").status_code == 200


def test_products_of_others_are_not_there(say, mug, database):
    from aisle.store.keys import create_key

    made = say("POST", "/v1/products", mug, key="sell").json()
    with database.write() as c:
        _, secret = create_key(c, name="other", scopes=("sell",), now=1_700_000_000_000_000)
    found = say("GET", f"/v1/products/{made['id']}", key="none", Authorization=f"Bearer {secret}")
    assert found.status_code == 404


def test_a_reference_is_taken_once(say, mug, database):
    body = {**mug, "reference": "sku-1"}
    assert say("POST", "/v1/products", body).status_code == 201
    again = say("POST", "/v1/products", body)
    assert (again.status_code, again.json()["code"]) == (409, "reference_taken")
    assert count(database) == 1


def test_a_reference_is_its_owners(say):
    body = {"title": "acme ceramic mug 12", "reference": "sku-1"}
    assert say("POST", "/v1/products", body, key="sell").status_code == 201
    assert say("POST", "/v1/products", body, key="all").status_code == 201


def test_of_two_products_of_one_reference_at_the_same_moment_one_is_kept(say, database):
    bodies = [{"title": f"acme ceramic mug {n}", "reference": "sku-1"} for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda body: say("POST", "/v1/products", body), bodies))
    assert sorted(each.status_code for each in found) == [201] + [409] * 7
    assert count(database) == 1


def test_what_no_database_holds_is_replaced(client, say, keys):
    sent = '{"title": "a\\u0000 mug", "reference": "\\u0000", "attributes": {"\\u0000": "\\u0000"}}'
    headers = {**keys.all.bearer, "Content-Type": "application/json"}
    made = client.post("/v1/products", content=sent, headers=headers)
    assert made.status_code == 201
    found = say("GET", f"/v1/products/{made.json()['id']}").json()
    assert (found["title"], found["reference"], found["attributes"]) == ("a\ufffd mug", "\ufffd", {"\ufffd": "\ufffd"})
    again = client.post("/v1/products", content=sent, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "reference_taken")


@pytest.mark.parametrize(
    "title", ["\u202egum", "\U0001f375", "e\u0301" * 250, "=cmd|' /C calc'!A0", "<script>x</script>", "'; DROP TABLE--"]
)
def test_odd_titles_are_kept_as_they_are(say, title):
    made = say("POST", "/v1/products", {"title": title}).json()
    assert say("GET", f"/v1/products/{made['id']}").json()["title"] == title


def test_a_product_without_anything_is_not_kept(say, database):
    for body in ({}, {"title": " "}, {"photo_base64": "QUJD"}):
        assert say("POST", "/v1/products", body).status_code == 422
    assert count(database) == 0


def test_the_same_request_twice_has_one_effect(say, mug, database):
    first = say("POST", "/v1/products", mug, Idempotency_Key="k1")
    again = say("POST", "/v1/products", mug, Idempotency_Key="k1")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    other = say("POST", "/v1/products", {**mug, "title": "another mug"}, Idempotency_Key="k1")
    assert other.status_code in (409, 422)
    assert count(database) == 1


def test_the_same_request_at_the_same_moment_has_one_effect(say, mug, database):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: say("POST", "/v1/products", mug, Idempotency_Key="k1"), range(8)))
    assert {each.status_code for each in found} == {201}
    assert len({each.json()["id"] for each in found}) == 1
    assert count(database) == 1


def test_a_category_that_is_not_there_is_refused(say, mug, database):
    found = say("POST", "/v1/products", {**mug, "chosen": ["Kitchen", "Spoons"]})
    assert (found.status_code, found.json()["code"]) == (422, "unknown_category")
    assert count(database) == 0


@pytest.mark.parametrize("volume", [-1, 1e13, "3"])
def test_a_volume_that_is_none_is_refused(say, mug, volume):
    assert say("POST", "/v1/products", {**mug, "volume": volume}).status_code == 422


def test_from_the_queue_to_a_decision_and_back(say, unsure):
    made = say("POST", "/v1/products", unsure, key="sell").json()
    assert (made["state"], made["category"]) == ("queued", None)
    listed = say("GET", "/v1/review", key="review").json()
    assert [each["product_id"] for each in listed["items"]] == [made["id"]]
    body = {"product_id": made["id"], "kind": "change", "path": ["Kitchen", "Pots"]}
    assert say("POST", "/v1/decisions", body, key="review").status_code == 409  # nobody has claimed it
    assert say("POST", "/v1/review/claim", key="review").json()["product_id"] == made["id"]
    assert say("POST", f"/v1/review/{made['id']}/claim", key="all").status_code == 409
    assert say("POST", "/v1/decisions", {**body, "path": ["No", "Such"]}, key="review").status_code == 422
    done = say("POST", "/v1/decisions", body, key="review", Idempotency_Key="d1")
    assert done.status_code == 201
    assert say("POST", "/v1/decisions", body, key="review", Idempotency_Key="d1").json() == done.json()
    found = say("GET", f"/v1/products/{made['id']}", key="review").json()
    assert (found["category"], found["decided_by"]) == (["Kitchen", "Pots"], "person")
    assert [(each["source"], each["by"]) for each in found["decisions"]] == [
        ("seller", "sell"),
        ("moderator", "review"),
    ]
    assert say("POST", "/v1/review/claim", key="review").status_code == 204
    assert say("DELETE", f"/v1/decisions/{done.json()['id']}", key="all").status_code == 409
    undone = say("DELETE", f"/v1/decisions/{done.json()['id']}", key="review").json()
    assert undone["state"] == "queued"
    assert say("GET", f"/v1/products/{made['id']}", key="review").json()["category"] is None


def test_an_audit_is_not_told_apart(mug, live, database, options, clock, keys):
    from dataclasses import replace

    from starlette.testclient import TestClient

    from aisle.review.policy import ReviewPolicy
    from aisle.serve.app import make_app

    app = make_app(live, database, replace(options, policy=ReviewPolicy(audit_share=1.0)), clock=clock.read)
    with TestClient(app) as client:
        made = client.post("/v1/products", json=mug, headers=keys.all.bearer).json()
        clock.pass_seconds(1)
        assert made["state"] == "decided"
        (item,) = client.get("/v1/review", headers=keys.all.bearer).json()["items"]
        assert item["reason"] == "review"
        picked = client.get("/v1/review?reason=review", headers=keys.all.bearer).json()
        assert picked["total"] == 1
        assert client.get("/v1/review?reason=audit", headers=keys.all.bearer).status_code == 422
        assert client.post("/v1/review/claim", headers=keys.all.bearer).json()["reason"] == "review"


def test_a_claim_is_given_back(say, unsure, keys):
    made = say("POST", "/v1/products", unsure).json()
    say("POST", "/v1/review/claim", key="review")
    assert say("POST", "/v1/review/claim", key="all").status_code == 204
    assert say("POST", f"/v1/review/{made['id']}/release", key="review").status_code == 204
    assert say("POST", "/v1/review/claim", key="all").json()["product_id"] == made["id"]


def test_taxonomy_and_engine(say, tiny_engine):
    found = say("GET", "/v1/taxonomy").json()
    assert [tuple(each["path"]) for each in found["categories"]] == list(tiny_engine.taxonomy)
    assert found["total"] == len(tiny_engine.taxonomy)
    searched = say("GET", "/v1/taxonomy?search=filt cam").json()["categories"]
    assert [each["path_text"] for each in searched] == ["Cameras > Filters"]
    engine = say("GET", "/v1/engine", key="metrics").json()
    assert (engine["version"], engine["taxonomy"]) == (tiny_engine.fingerprint, found["version"])
    assert set(engine["reads"]) == set(tiny_engine.modalities)
    assert engine["failed_swap"] is False


def test_figures(say, mug, unsure):
    say("POST", "/v1/products", mug)
    say("POST", "/v1/products", unsure)
    found = say("GET", "/v1/review/figures?days=7", key="review").json()
    assert found["overall"]["automatic"] == {"received": 2, "decided": 1, "share": 0.5}


def test_a_repeat_is_answered_as_the_first_time_whatever_is_live_now(say, mug, live):
    body = {**mug, "chosen": ["Kitchen", "Pots"]}
    first = say("POST", "/v1/products", body, Idempotency_Key="k1")
    assert first.status_code == 201
    live.loaded.__dict__["known"] = frozenset({("Kitchen", "Mugs")})
    assert say("POST", "/v1/products", body, Idempotency_Key="k1").json() == first.json()
    assert say("POST", "/v1/products", body, Idempotency_Key="k2").json()["code"] == "unknown_category"


def test_an_answer_names_the_engine_that_gave_it(tiny_engine):
    from types import SimpleNamespace

    from aisle.serve.api.classify import answering

    old, new = SimpleNamespace(version="old"), SimpleNamespace(version="new")
    live = SimpleNamespace(loaded=new, previous=old)
    assert answering(live, SimpleNamespace(engine="old")) is old
    assert answering(live, SimpleNamespace(engine="new")) is new
    assert answering(SimpleNamespace(loaded=new, previous=None), SimpleNamespace(engine="new")) is new


def test_the_event_loop_never_waits_for_the_database(say, unsure, monkeypatch):
    from aisle.store.database import Database

    entered = []

    def watched(original):
        def method(self):
            entered.append(asyncio._get_running_loop())
            return original(self)

        return method

    for name in ("read", "write"):
        monkeypatch.setattr(Database, name, watched(getattr(Database, name)))
    made = say("POST", "/v1/products", unsure, Idempotency_Key="k").json()["id"]
    say("POST", f"/v1/review/{made}/claim")
    done = say("POST", "/v1/decisions", {"product_id": made, "kind": "none"}, Idempotency_Key="d").json()["id"]
    for method, path in (
        ("DELETE", f"/v1/decisions/{done}"), ("POST", f"/v1/review/{made}/release"), ("POST", "/v1/review/claim"),
        ("GET", f"/v1/products/{made}"), ("GET", "/v1/review"), ("GET", "/v1/review/figures"), ("GET", "/v1/engine"),
    ):  # fmt: skip
        before = len(entered)
        assert say(method, path).is_success
        assert len(entered) > before
    assert set(entered) == {None}


def test_another_broken_photo_is_another_request(say, mug, database):
    import base64

    bodies = [{**mug, "photo_base64": base64.b64encode(data).decode()} for data in (b"no photo", b"none either")]
    assert say("POST", "/v1/products", bodies[0], Idempotency_Key="k").status_code == 201
    assert say("POST", "/v1/products", bodies[1], Idempotency_Key="k").json()["code"] == "idempotency_conflict"
    assert count(database) == 1


def test_what_waits_does_not_say_how_it_is_filed(mug, live, database, options, clock, keys):
    from dataclasses import replace

    from starlette.testclient import TestClient

    from aisle.review.policy import ReviewPolicy
    from aisle.serve.app import make_app

    app = make_app(live, database, replace(options, policy=ReviewPolicy(audit_share=1.0)), clock=clock.read)
    with TestClient(app) as client:
        made = client.post("/v1/products", json=mug, headers=keys.sell.bearer).json()
        seen = client.get(f"/v1/products/{made['id']}", headers=keys.review.bearer).json()
        assert (seen["category"], seen["decided_by"], seen["predictions"]) == (None, None, [])
        own = client.get(f"/v1/products/{made['id']}", headers=keys.sell.bearer).json()
        assert own["decided_by"] == "engine"

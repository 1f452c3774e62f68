"""A product comes in."""

import math

import pytest
from tests.posted import BELTS, NOW, WRIST, evidence, prediction, product, queued, unsure

from aisle.errors import NotFoundError, ReviewError, StoreError
from aisle.review.intake import receive
from aisle.review.policy import ReviewPolicy
from aisle.store.decisions import decisions_of
from aisle.store.predictions import find_prediction, latest_prediction
from aisle.store.products import find_product
from aisle.store.queue import count, find_item

POLICY = ReviewPolicy(audit_share=0.25)
PARTIAL = prediction(("Watches",), leaf=WRIST, decision="partial")


def come(c, said, *, chosen=None, draw=0.9, policy=POLICY, now=NOW, **changes):
    return receive(c, product(**changes), said, chosen=chosen, precision=0.98, policy=policy, draw=draw, now=now)


def test_what_the_engine_accepts_is_filed(database):
    with database.write() as c:
        got = come(c, prediction(), category=BELTS, decided_by="person")
        filed = find_product(c, id="p1")
        assert (got.product_id, got.state, got.reason) == ("p1", "decided", None)
        assert (filed.category, filed.decided_by, filed.created_at, filed.changed_at) == (WRIST, "engine", NOW, NOW)
        assert find_item(c, product_id="p1") is None
        kept = find_prediction(c, id=got.prediction_id)
        assert (kept.path, kept.precision, kept.novelty) == (WRIST, 0.98, 0.5)


def test_what_it_would_not_decide_waits(database):
    with database.write() as c:
        got = come(c, unsure(probability=0.75, evidence=evidence(0.5)), volume=8.0)
        item = find_item(c, product_id="p1")
        assert (got.state, got.reason) == ("queued", "review")
        assert (item.reason, item.state, item.value, item.top_category) == ("review", "waiting", 1.0, "Watches")
        assert (item.prediction_id, item.skipped, item.claimed_by) == (got.prediction_id, 0, None)
        assert find_product(c, id="p1").category is None


def test_an_engine_with_nothing_to_say_is_no_trouble(database):
    with database.write() as c:
        got = come(c, unsure((), probability=0.0))
        assert (got.state, find_item(c, product_id="p1").top_category) == ("queued", "")


@pytest.mark.parametrize(
    ("said", "chosen", "state", "kind"),
    [
        (prediction(), WRIST, "decided", "accept"),
        (prediction(), ("Watches",), "decided", "accept"),
        (PARTIAL, WRIST, "decided", "change"),
        (PARTIAL, ("Watches", "Pocket Watches"), "decided", "change"),
        (prediction(), ("Watches", "Pocket Watches"), "queued", "change"),
        (prediction(), BELTS, "queued", "change"),
        (PARTIAL, BELTS, "queued", "change"),
    ],
)
def test_a_seller_who_contradicts_sends_it_to_a_person(database, said, chosen, state, kind):
    with database.write() as c:
        got = come(c, said, chosen=chosen, draw=0.0 if state == "queued" else 0.9)
        assert (got.state, got.reason) == (state, None if state == "decided" else "disagreement")
        filed = find_product(c, id="p1")
        assert filed.category == (said.path if state == "decided" else None)
        (choice,) = decisions_of(c, product_id="p1")
    assert (choice.source, choice.kind, choice.path, choice.decided_by) == ("seller", kind, chosen, "seller")
    assert (choice.prediction_id, choice.queue_reason) == (got.prediction_id, None)


def test_a_sellers_choice_decides_nothing(database):
    with database.write() as c:
        got = come(c, unsure(), chosen=WRIST)
        assert (got.state, got.reason, find_product(c, id="p1").category) == ("queued", "review", None)
        assert decisions_of(c, product_id="p1")[0].kind == "accept"


@pytest.mark.parametrize(("draw", "audited"), [(0.0, True), (0.2499, True), (0.25, False), (0.9999, False)])
def test_a_share_of_what_is_filed_is_audited(database, draw, audited):
    with database.write() as c:
        got = come(c, prediction(), draw=draw)
        assert (got.state, got.reason) == ("decided", "audit" if audited else None)
        assert find_product(c, id="p1").decided_by == "engine"
        assert count(c) == int(audited)


def test_a_share_of_none_audits_nothing(database):
    with database.write() as c:
        assert come(c, prediction(), draw=0.0, policy=ReviewPolicy(audit_share=0.0)).reason is None


def test_the_place_of_an_audit_says_nothing_of_the_product(database):
    """Sure or not, sold or not: the same draw gives the same place, that of a product which waits."""
    with database.write() as c:
        for name, value in (("a", 4.0), ("b", 3.0), ("c", 2.0), ("d", 1.0)):
            queued(c, name, value)
        come(c, prediction(probability=0.999, evidence=evidence(1.0)), draw=0.125, id="p1", volume=0.0)
        first = find_item(c, product_id="p1").value
    assert first == 2.0  # half way down four
    with database.write() as c:
        for name in ("e", "f", "g"):
            queued(c, name, 2.0)
        come(c, prediction(probability=0.5, evidence=evidence(0.0)), draw=0.125, id="p2", volume=1e9)
        assert find_item(c, product_id="p2").value == 2.0


@pytest.mark.parametrize("volume", [-1.0, math.nan, math.inf])
def test_a_volume_that_is_none_is_refused_and_nothing_is_kept(database, volume):
    with database.write() as c:
        with pytest.raises(ReviewError, match="finite number of at least 0"):
            come(c, prediction(), volume=volume)
        with pytest.raises(NotFoundError):
            find_product(c, id="p1")


def test_a_volume_of_nothing_is_the_last_in_the_queue(database):
    with database.write() as c:
        come(c, unsure(), volume=0.0)
        assert find_item(c, product_id="p1").value == 0.0


@pytest.mark.parametrize("draw", [-0.1, 1.0, math.nan])
def test_a_draw_is_a_random_number(database, draw):
    with database.write() as c, pytest.raises(ReviewError, match="draw"):
        come(c, prediction(), draw=draw)


def test_a_product_comes_once(database):
    with database.write() as c:
        come(c, prediction())
        with pytest.raises(StoreError, match="is kept already"):
            come(c, unsure())
        assert latest_prediction(c, product_id="p1").decision == "accept"


def test_a_probability_a_hair_above_one_is_one(database):
    with database.write() as c:
        come(c, unsure(probability=1.0000000000000002))
        assert find_item(c, product_id="p1").value == 0.0

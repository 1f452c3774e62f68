"""Predictions come back as the engine made them."""

from datetime import UTC, datetime

import pytest
from tests.posted import BELTS, NOW, WRIST, decision, evidence, prediction, product, unsure

from aisle.errors import NotFoundError
from aisle.product import Evidence
from aisle.store.decisions import keep_decision
from aisle.store.predictions import (
    find_prediction,
    find_predictions,
    first_answers,
    keep_prediction,
    latest_prediction,
    predictions_of,
)
from aisle.store.products import keep_product
from aisle.store.records import StoredPrediction


def keep(c, given, *, at=NOW, product_id="p1"):
    return keep_prediction(c, product_id=product_id, prediction=given, precision=0.98, novelty=0.5, now=at)


@pytest.fixture
def one(database):
    with database.write() as c:
        keep_product(c, product())
    return database


def test_a_prediction_comes_back_whole(one):
    with one.write() as c:
        number = keep(c, prediction(("Watches",), leaf=WRIST, decision="partial", reason="only so far"))
        found = latest_prediction(c, product_id="p1")
    assert found == StoredPrediction(
        id=number,
        product_id="p1",
        engine_id="0123456789ab",
        decision="partial",
        path=("Watches",),
        leaf=WRIST,
        probability=0.75,
        precision=0.98,
        alternatives=((WRIST, 0.75), (BELTS, 0.25)),
        modalities=("title", "photo"),
        evidence=evidence(),
        reason="only so far",
        novelty=0.5,
        created_at=NOW,
    )


def test_no_evidence_is_none(one):
    with one.write() as c:
        number = keep(c, unsure(evidence=Evidence()))
        assert find_prediction(c, id=number).evidence == Evidence(shares={})


def test_the_newest_is_the_latest(one):
    with one.write() as c:
        assert latest_prediction(c, product_id="p1") is None
        second = keep(c, prediction(), at=NOW + 2)
        first = keep(c, unsure(), at=NOW + 1)
        same = keep(c, prediction(BELTS), at=NOW + 2)
        assert latest_prediction(c, product_id="p1").id == same
        assert [each.id for each in predictions_of(c, product_id="p1")] == [first, second, same]
        assert set(find_predictions(c, ids=[first, same, 999])) == {first, same}
        with pytest.raises(NotFoundError, match="no prediction 999"):
            find_prediction(c, id=999)


def test_first_answers_are_those_that_products_came_with(one):
    with one.write() as c:
        keep_product(c, product("p2"))
        first = keep(c, unsure(), at=NOW)
        keep(c, prediction(), at=NOW + 1)
        keep(c, prediction(BELTS), at=NOW + 10, product_id="p2")
        keep_decision(c, decision(path=BELTS, source="seller", prediction_id=first))
        keep_decision(c, decision(path=WRIST, source="moderator", prediction_id=first))
        found = first_answers(c, since=NOW, until=NOW + 10)
        later = first_answers(c, since=NOW + 1, until=NOW + 11)
    assert [(each.decision, each.path, each.leaf, each.chosen, each.number) for each in found] == [
        ("review", (), WRIST, BELTS, 1)
    ]
    assert [(each.decision, each.path, each.chosen, each.number) for each in later] == [("accept", BELTS, None, 1)]


def test_first_answers_that_are_alike_are_counted_by_the_week(one):
    monday = int(datetime(2026, 11, 16, tzinfo=UTC).timestamp()) * 1_000_000
    week = 7 * 86_400_000_000
    with one.write() as c:
        for number, at in enumerate((monday, monday + 1, monday + week - 1, monday + week, monday - 1)):
            keep_product(c, product(f"w{number}"))
            keep(c, prediction(("Écrans", '19"')), at=at, product_id=f"w{number}")
        found = first_answers(c, since=0, until=monday + week + 1)
    assert {(each.week, each.number) for each in found} == {(monday - week, 1), (monday, 3), (monday + week, 1)}
    assert {each.path for each in found} == {("Écrans", '19"')}

"""Decisions are kept for good; undoing one says so."""

import pytest
from tests.posted import BELTS, NOW, WRIST, decision, product

from aisle.errors import NotFoundError, StoreError
from aisle.store.decisions import (
    all_decisions,
    decisions_of,
    find_decision,
    keep_decision,
    last_decision,
    name_of,
    undo_decision,
)
from aisle.store.keys import create_key
from aisle.store.products import keep_product
from aisle.store.records import StoredDecision


@pytest.fixture
def shop(database):
    with database.write() as c:
        keep_product(c, product("p1"))
        keep_product(c, product("p2"))
    return database


def test_a_decision_comes_back_whole(shop):
    with shop.write() as c:
        number = keep_decision(c, decision(queue_reason="audit", decided_name="Anna O'Neill"))
        found = find_decision(c, id=number)
    assert found == StoredDecision(
        id=number,
        product_id="p1",
        prediction_id=None,
        source="moderator",
        kind="change",
        path=WRIST,
        queue_reason="audit",
        decided_by="anna",
        decided_name="Anna O'Neill",
        decided_at=NOW,
    )


def test_none_of_these_has_no_path(shop):
    with shop.write() as c:
        number = keep_decision(c, decision(kind="none", path=None))
        assert find_decision(c, id=number).path is None


def test_the_history_is_in_order_and_whole(shop):
    with shop.write() as c:
        last = keep_decision(c, decision(at=NOW + 9))
        first = keep_decision(c, decision(at=NOW, by="bert", path=BELTS))
        other = keep_decision(c, decision("p2", at=NOW + 5))
        undo_decision(c, id=first, by="bert", now=NOW + 1)
        assert [each.id for each in decisions_of(c, product_id="p1")] == [first, last]
        assert [each.id for each in all_decisions(c)] == [first, other, last]
        assert [each.id for each in all_decisions(c, since=NOW + 5)] == [other, last]
        assert all_decisions(c)[0].undone_at == NOW + 1


def test_one_undoes_ones_own_once(shop):
    with shop.write() as c:
        number = keep_decision(c, decision())
        with pytest.raises(StoreError, match="is Anna's: only they can undo it"):
            undo_decision(c, id=number, by="bert", now=NOW + 1)
        assert find_decision(c, id=number).undone_at is None
        undone = undo_decision(c, id=number, by="anna", now=NOW + 2)
        assert (undone.undone_at, undone.undone_by, undone.path) == (NOW + 2, "anna", WRIST)
        with pytest.raises(StoreError, match="undone already"):
            undo_decision(c, id=number, by="anna", now=NOW + 3)
        assert find_decision(c, id=number).undone_at == NOW + 2
        with pytest.raises(NotFoundError, match="no decision 999"):
            undo_decision(c, id=999, by="anna", now=NOW)


def test_a_name_is_the_keys(shop):
    with shop.write() as c:
        key, _ = create_key(c, name="Anna, night shift", scopes=["review"], now=NOW)
        assert name_of(c, key_id=key.id) == "Anna, night shift"
        assert name_of(c, key_id="unknown") == "unknown"


def test_the_last_answer_that_stands(shop):
    with shop.write() as c:
        first = keep_decision(c, decision(at=NOW))
        second = keep_decision(c, decision(at=NOW + 5))
        keep_decision(c, decision(at=NOW + 6, by="bert"))
        keep_decision(c, decision(at=NOW + 7, source="seller"))
        assert last_decision(c, by="anna", since=NOW).id == second
        undo_decision(c, id=second, by="anna", now=NOW + 9)
        assert last_decision(c, by="anna", since=NOW).id == first
        assert last_decision(c, by="anna", since=NOW + 1) is None

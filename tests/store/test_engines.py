"""Which engine answers, and the way back."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from aisle.errors import NotFoundError, StoreError
from aisle.store.engines import engines, find_engine, live, promote, register, rollback
from aisle.store.records import Live, StoredEngine


def engine(name, *, at=0, folder="/engines"):
    golden = [{"path": ["Watches"], "probability": 0.1 + 0.2}]
    return StoredEngine(id=name, folder=f"{folder}/{name}", golden=golden, registered_at=at, registered_by="ada")


@pytest.fixture
def three(database):
    with database.write() as c:
        for at, name in enumerate(("c", "a", "b")):
            register(c, engine(name, at=at))
    return database


def test_an_engine_comes_back_as_it_was_registered(three):
    with three.read() as c:
        assert find_engine(c, id="a") == engine("a", at=1)
        assert [each.id for each in engines(c)] == ["c", "a", "b"]
        assert find_engine(c, id="z\0") is None
        assert live(c) is None


def test_registering_again_moves_the_folder(three):
    with three.write() as c:
        register(c, engine("a", at=9, folder="/elsewhere"))
        assert find_engine(c, id="a") == engine("a", at=9, folder="/elsewhere")
        assert len(engines(c)) == 3


def test_promotion_remembers_the_one_before_and_rollback_goes_there(three):
    with three.write() as c:
        assert promote(c, id="a", by="ada", now=1).previous_id is None
        promote(c, id="b", by="bob", now=2)
        expected = Live(engine_id="b", previous_id="a", generation=2, changed_at=2, changed_by="bob")
        assert live(c) == expected
        assert promote(c, id="b", by="eve", now=3) == expected
        rollback(c, by="ada", now=4)
        assert live(c) == Live(engine_id="a", previous_id="b", generation=3, changed_at=4, changed_by="ada")
        assert rollback(c, by="ada", now=5).engine_id == "b"


def test_there_is_no_way_back_from_the_first(three):
    for prepare in (lambda c: None, lambda c: promote(c, id="a", by="ada", now=1)):
        with three.write() as c:
            prepare(c)
            with pytest.raises(StoreError, match="no engine was live before this one"):
                rollback(c, by="ada", now=2)


def test_an_engine_that_is_not_registered_is_not_promoted(three):
    with pytest.raises(NotFoundError, match="there is no engine 'z'"), three.write() as c:
        promote(c, id="z", by="ada", now=1)


def test_promotions_at_once_come_one_after_the_other(three):
    def work(number):
        with three.write() as c:
            promote(c, id="abc"[number % 3], by=str(number), now=number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(24)))
    with three.read() as c:
        found = live(c)
    assert found.previous_id != found.engine_id
    assert 3 <= found.generation <= 24

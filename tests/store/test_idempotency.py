"""A request that comes again is answered as the first time, and done once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from aisle.errors import IdempotencyConflictError, StoreError
from aisle.store.idempotency import claim_key, forget_before, keep_answer
from aisle.store.jobs import enqueue
from aisle.store.records import KeptAnswer
from aisle.store.schema import jobs

HASH, OTHER = "a" * 64, "b" * 64


def claim(c, **more):
    return claim_key(c, **{"owner": "ada", "key": "k1", "route": "POST /v1/x", "request_hash": HASH, "now": 100} | more)


def answer(c, **more):
    keep_answer(c, **{"owner": "ada", "key": "k1", "status": 201, "body": '{"id": 7}'} | more)


def test_the_second_time_is_answered_as_the_first(database):
    with database.write() as c:
        assert claim(c) is None
        answer(c)
    with database.write() as c:
        assert claim(c, now=200) == KeptAnswer(status=201, body='{"id": 7}')


def test_keys_of_different_owners_do_not_meet(database):
    with database.write() as c:
        assert claim(c) is None
        answer(c)
        assert claim(c, owner="bob", request_hash=OTHER) is None


@pytest.mark.parametrize("other", [{"request_hash": OTHER}, {"route": "POST /v1/y"}])
def test_another_request_with_the_same_key_is_refused(database, other):
    with database.write() as c:
        claim(c)
        answer(c)
    with pytest.raises(IdempotencyConflictError, match="'k1' came before with another"), database.write() as c:
        claim(c, **other)


def test_what_failed_the_first_time_may_come_again(database):
    with pytest.raises(KeyError), database.write() as c:
        raise KeyError(claim(c))
    with database.write() as c:
        assert claim(c) is None


def test_a_claim_that_was_kept_without_an_answer_is_never_done_again(database):
    with database.write() as c:
        claim(c)
    with pytest.raises(IdempotencyConflictError, match="was never answered"), database.write() as c:
        claim(c)


def test_an_answer_needs_a_claim(database):
    with pytest.raises(StoreError, match="was not claimed"), database.write() as c:
        answer(c)


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_has_a_length(database, key):
    with pytest.raises(StoreError, match="1 to 255 characters"), database.write() as c:
        claim(c, key=key)


@pytest.mark.parametrize("key", ["k" * 255, "'; --", "é\0\ud800", " "])
def test_any_other_key_is_taken(database, key):
    for expected in (None, KeptAnswer(status=201, body='{"id": 7}')):
        with database.write() as c:
            assert claim(c, key=key) == expected
            if expected is None:
                answer(c, key=key)


def test_sixteen_at_once_have_one_effect_and_one_answer(database):
    begin = threading.Barrier(16)

    def post(number):
        begin.wait()
        with database.write() as c:
            kept = claim(c)
            if kept is None:
                enqueue(c, kind="effect", payload={}, now=number)
                answer(c, body=str(number))
                return str(number)
            return kept.body

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(post, range(16)))) == 1
    with database.read() as c:
        assert c.execute(select(func.count()).select_from(jobs)).scalar() == 1


def test_old_answers_are_forgotten(database):
    with database.write() as c:
        for key, now in (("k1", 100), ("k2", 200)):
            claim(c, key=key, now=now)
            answer(c, key=key)
        assert forget_before(c, 200) == 1
        assert claim(c, key="k1") is None
        assert claim(c, key="k2") is not None

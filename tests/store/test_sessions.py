"""Signing in: sessions that end, and tickets that work once."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from aisle.store.keys import create_key, revoke
from aisle.store.schema import sessions
from aisle.store.sessions import close_session, create_ticket, find_session, open_session, redeem_ticket

SECOND = 1_000_000


@pytest.fixture
def key(database):
    with database.write() as c:
        return create_key(c, name="Ada", scopes=("review",), now=0, expires_at=10_000 * SECOND)[0]


@pytest.fixture
def c(database, key):
    with database.write() as connection:
        yield connection


def test_a_session_lasts_as_long_as_was_said(c, key):
    token = open_session(c, key_id=key.id, now=0, seconds=60)
    assert find_session(c, token=token, now=60 * SECOND - 1) == key
    assert find_session(c, token=token, now=60 * SECOND) is None


def test_only_the_hash_of_a_token_is_kept(c, key):
    token = open_session(c, key_id=key.id, now=0, seconds=60)
    assert c.execute(select(sessions.c.sha256)).scalar_one() == hashlib.sha256(token.encode()).hexdigest()
    assert len(token) == 43


def test_signing_out_ends_this_session_and_no_other(c, key):
    mine, other = (open_session(c, key_id=key.id, now=0, seconds=60) for _ in range(2))
    for token in (mine, mine, "nonsense"):
        close_session(c, token=token)
    assert [find_session(c, token=each, now=1) for each in (mine, other)] == [None, key]


def test_a_session_does_not_outlive_its_key(c, key):
    tokens = [open_session(c, key_id=key.id, now=0, seconds=10**6)]
    assert find_session(c, token=tokens[0], now=10_000 * SECOND) is None
    revoke(c, id=key.id, now=5)
    assert find_session(c, token=tokens[0], now=6) is None


def test_a_ticket_works_once(c, key):
    ticket = create_ticket(c, key_id=key.id, now=0)
    assert find_session(c, token=ticket, now=1) is None
    assert [redeem_ticket(c, ticket=ticket, now=1) for _ in range(2)] == [key.id, None]


def test_a_ticket_works_for_ten_minutes(c, key):
    first, second = (create_ticket(c, key_id=key.id, now=0) for _ in range(2))
    assert redeem_ticket(c, ticket=first, now=600 * SECOND - 1) == key.id
    assert redeem_ticket(c, ticket=second, now=600 * SECOND) is None


@pytest.mark.parametrize("foreign", ["", "x", "\ud800\0", "a" * 10_000])
def test_what_was_never_given_out_opens_nothing(c, key, foreign):
    open_session(c, key_id=key.id, now=0, seconds=60)
    close_session(c, token=foreign)
    assert find_session(c, token=foreign, now=1) is None
    assert redeem_ticket(c, ticket=foreign, now=1) is None


def test_a_token_of_a_session_is_no_ticket(c, key):
    token = open_session(c, key_id=key.id, now=0, seconds=60)
    assert redeem_ticket(c, ticket=token, now=1) is None
    assert find_session(c, token=token, now=1) == key


def test_of_many_who_redeem_a_ticket_at_once_one_gets_in(database, key):
    with database.write() as c:
        ticket = create_ticket(c, key_id=key.id, now=0)

    def redeem(_):
        with database.write() as c:
            return redeem_ticket(c, ticket=ticket, now=1)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(map(str, pool.map(redeem, range(8)))) == sorted([key.id, *["None"] * 7])


def test_what_ended_is_swept_away_by_the_next_who_signs_in(c, key):
    for now in (0, 10 * SECOND, 20 * SECOND):
        open_session(c, key_id=key.id, now=now, seconds=5)
    assert c.execute(select(func.count()).select_from(sessions)).scalar() == 1


def test_nobody_signs_in_without_a_key(database):
    with pytest.raises(IntegrityError), database.write() as c:
        open_session(c, key_id="nobody", now=0, seconds=5)

"""API keys: what is kept of them, and when they work."""

import hashlib
import math
import re

import pytest
from sqlalchemy import select

from aisle.errors import NotFoundError, StoreError
from aisle.store.keys import create_key, find_key, keys, needs_touch, revoke, rotate, touch
from aisle.store.schema import api_keys, sessions
from aisle.store.sessions import find_session, open_session, redeem_ticket

MINUTE = 60_000_000


@pytest.fixture
def c(database):
    with database.write() as connection:
        yield connection


def create(c, **more):
    return create_key(c, **{"name": "Ada", "scopes": ("review", "sell"), "now": 100} | more)


def test_a_key_is_found_by_its_secret_alone(c):
    key, secret = create(c)
    other, _ = create(c, name="Bob", now=101)
    assert find_key(c, secret=secret, now=200) == key
    assert (key.name, key.scopes, key.created_at, key.expires_at) == ("Ada", ("review", "sell"), 100, None)
    assert keys(c) == [key, other]


def test_a_secret_has_256_random_bits_and_a_prefix(c):
    made = {create(c)[1] for _ in range(20)}
    assert all(re.fullmatch(r"aisle_[A-Za-z0-9_-]{43}", secret) for secret in made)
    assert len(made) == 20
    assert 43 * math.log2(64) >= 256


def test_only_the_hash_of_a_secret_is_kept(c):
    _, secret = create(c)
    row = c.execute(select(api_keys)).one()
    assert row.sha256 == hashlib.sha256(secret.encode()).hexdigest()
    assert secret.removeprefix("aisle_") not in repr(row)


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s[:-1] + ("A" if s[-1] != "A" else "B"),
        lambda s: s.swapcase(),
        lambda s: s.removeprefix("aisle_"),
        lambda s: hashlib.sha256(s.encode()).hexdigest(),
        lambda s: s + " ",
        lambda s: s + "\0",
        lambda _: "",
        lambda _: "\ud800",
        lambda _: "' OR 1=1 --",
        lambda _: "a" * 1_000_000,
    ],
)
def test_any_other_secret_finds_nothing(c, change):
    _, secret = create(c)
    assert find_key(c, secret=change(secret), now=200) is None


def test_a_key_ends_at_its_time(c):
    key, secret = create(c, expires_at=500)
    assert find_key(c, secret=secret, now=499) == key
    assert find_key(c, secret=secret, now=500) is None


def test_a_revoked_key_ends_at_once_with_all_that_hangs_on_it(c):
    key, secret = create(c)
    _, newer = rotate(c, id=key.id, overlap_us=1000, now=150)
    token = open_session(c, key_id=key.id, now=150, seconds=9)
    revoke(c, id=key.id, now=200)
    revoke(c, id=key.id, now=300)
    assert [find_key(c, secret=each, now=201) for each in (secret, newer)] == [None, None]
    assert find_session(c, token=token, now=201) is None
    assert keys(c)[0].revoked_at == 200
    assert c.execute(select(sessions)).all() == []


def test_the_last_use_is_kept_once_a_minute(c):
    key, secret = create(c)
    seen = []
    for now in (1000, 1000 + MINUTE - 1, 1000 + MINUTE):
        before = find_key(c, secret=secret, now=now)
        touch(c, id=key.id, now=now)
        after = find_key(c, secret=secret, now=now)
        assert needs_touch(before, now=now) == (after.used_at != before.used_at)
        seen.append(after.used_at)
    assert seen == [1000, 1000, 1000 + MINUTE]


def test_a_rotated_key_stays_the_same_key_and_its_old_secret_ends_after_the_overlap(c):
    key, old = create(c)
    rotated, new = rotate(c, id=key.id, overlap_us=1000, now=2000)
    assert rotated.id == key.id
    assert new != old
    assert [find_key(c, secret=each, now=2999) for each in (old, new)] == [key, key]
    assert [find_key(c, secret=each, now=3000) for each in (old, new)] == [None, key]


def test_without_overlap_the_old_secret_ends_at_once(c):
    key, old = create(c)
    _, new = rotate(c, id=key.id, overlap_us=0, now=2000)
    assert [find_key(c, secret=each, now=2000) for each in (old, new)] == [None, key]


def test_a_key_that_is_rotated_twice_has_three_secrets_for_a_while(c):
    key, first = create(c)
    _, second = rotate(c, id=key.id, overlap_us=1000, now=2000)
    _, third = rotate(c, id=key.id, overlap_us=1000, now=2500)
    works = [[find_key(c, secret=each, now=now) is not None for each in (first, second, third)] for now in (2900, 3200)]
    assert works == [[True, True, True], [False, True, True]]
    assert find_key(c, secret=second, now=3500) is None


def test_a_rotation_does_not_outlive_the_key(c):
    key, old = create(c, expires_at=2500)
    _, new = rotate(c, id=key.id, overlap_us=1000, now=2000)
    assert [find_key(c, secret=each, now=2600) for each in (old, new)] == [None, None]


def test_a_retired_secret_is_neither_a_session_nor_a_ticket(c):
    key, old = create(c)
    rotate(c, id=key.id, overlap_us=1000, now=2000)
    assert find_session(c, token=old, now=2001) is None
    assert redeem_ticket(c, ticket=old, now=2001) is None
    token = open_session(c, key_id=key.id, now=2000, seconds=9)
    assert find_key(c, secret=token, now=2001) is None


def test_a_key_that_ended_cannot_be_rotated(c):
    key, _ = create(c, expires_at=500)
    with pytest.raises(StoreError, match=r"has ended: create another"):
        rotate(c, id=key.id, overlap_us=1, now=500)


@pytest.mark.parametrize(
    "act", [lambda c: revoke(c, id="no\0", now=1), lambda c: rotate(c, id="no", overlap_us=1, now=1)]
)
def test_a_key_that_is_not_there(c, act):
    with pytest.raises(NotFoundError, match="aisle keys list"):
        act(c)


def test_rotating_without_overlap_ends_all_that_came_before(database):
    from aisle.store.sessions import find_session, open_session

    now = 1_800_000_000_000_000
    with database.write() as c:
        key, first = create_key(c, name="n", scopes=("sell",), now=now)
        session = open_session(c, key_id=key.id, now=now, seconds=3600)
        _, second = rotate(c, id=key.id, overlap_us=3_600_000_000, now=now)
        assert find_key(c, secret=first, now=now + 1) is not None
        _, third = rotate(c, id=key.id, overlap_us=0, now=now + 2)
        found = [find_key(c, secret=each, now=now + 3) is not None for each in (first, second, third)]
        assert found == [False, False, True]
        assert find_session(c, token=session, now=now + 3) is None

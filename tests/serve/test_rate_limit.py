"""Rates: of a key, of an address."""

import pytest
from starlette.testclient import TestClient

from aisle.serve.problems import Problem
from aisle.serve.security.rate_limit import TokenBuckets, address_of


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock_of_buckets():
    return Clock()


@pytest.fixture
def buckets(clock_of_buckets):
    return TokenBuckets(rate=2.0, burst=3.0, clock=clock_of_buckets, most=100)


def taken(buckets, name, tries):
    count = 0
    for _ in range(tries):
        try:
            buckets.take(name)
        except Problem:
            continue
        count += 1
    return count


def test_a_burst_then_a_rate(buckets, clock_of_buckets):
    assert taken(buckets, "a", 10) == 3
    clock_of_buckets.now = 1.0
    assert taken(buckets, "a", 10) == 2
    clock_of_buckets.now = 1000.0
    assert taken(buckets, "a", 10) == 3  # never more than a burst


def test_one_has_nothing_to_do_with_the_other(buckets):
    assert taken(buckets, "a", 10) == taken(buckets, "b", 10) == 3


def test_over_time_it_is_the_rate(buckets, clock_of_buckets):
    count = 0
    for step in range(1000):
        clock_of_buckets.now = step / 10
        count += taken(buckets, "a", 1)
    assert count == pytest.approx(2.0 * 99.9 + 3, abs=1)


def test_it_says_when_to_come_again(buckets, clock_of_buckets):
    taken(buckets, "a", 3)
    with pytest.raises(Problem) as refused:
        buckets.take("a")
    assert (refused.value.status, refused.value.code) == (429, "too_many")
    assert refused.value.retry_after == pytest.approx(0.5)
    assert refused.value.headers == {"Retry-After": "1"}


def test_a_flood_of_names_takes_bounded_memory(buckets):
    for number in range(10_000):
        buckets.take(str(number))
    assert len(buckets) == 100
    assert taken(buckets, "9999", 10) == 2  # the last ones are still known


def scope(peer, *forwarded):
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return {"client": (peer, 1) if peer else None, "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxy", "expected"),
    [
        ("10.0.0.9", [], None, "10.0.0.9"),
        ("10.0.0.9", ["1.2.3.4"], None, "10.0.0.9"),  # believed from nobody
        ("10.0.0.9", ["1.2.3.4"], "10.0.0.1", "10.0.0.9"),  # nor from another
        ("10.0.0.1", ["1.2.3.4"], "10.0.0.1", "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4"], "10.0.0.1", "1.2.3.4"),  # what the proxy added stands last
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4"], "10.0.0.1", "1.2.3.4"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1", "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1", "10.0.0.1"),
        ("10.0.7.1", ["1.2.3.4"], "10.0.0.0/16", "1.2.3.4"),
        ("2001:db8:1:2:3::4", [], None, "2001:db8:1:2::/64"),
        ("::ffff:1.2.3.4", [], None, "1.2.3.4"),
        ("", [], "10.0.0.1", ""),
    ],
)
def test_whose_address_counts(peer, forwarded, proxy, expected):
    assert address_of(scope(peer, *forwarded), trusted_proxy=proxy) == expected


def statuses(client, tries, **headers):
    return [client.get("/v2/models/aisle", headers=headers).status_code for _ in range(tries)]


def test_guesses_of_keys_run_dry(app_of, keys):
    with TestClient(app_of(ip_rate=0.001, ip_burst=5)) as client:
        assert statuses(client, 8, Authorization="Bearer aisle_guess") == [401] * 5 + [429] * 3
        assert client.get("/nothing").status_code == 429
        assert client.get("/v2/health/live").headers["retry-after"] == "1000"


def test_a_key_that_was_just_used_does_not_suffer_from_its_neighbours(app_of, keys):
    with TestClient(app_of(ip_rate=0.001, ip_burst=3)) as client:
        assert statuses(client, 1, **keys.classify.bearer) == [200]
        statuses(client, 5)
        assert statuses(client, 5, **keys.classify.bearer) == [200] * 5


def test_a_key_has_its_own_rate_whatever_its_scope(app_of, keys):
    with TestClient(app_of(key_rate=0.001, key_burst=3)) as client:
        assert statuses(client, 5, **keys.classify.bearer) == [200] * 3 + [429] * 2
        assert statuses(client, 5, **keys.sell.bearer) == [403] * 3 + [429] * 2
        assert statuses(client, 1, **keys.metrics.bearer) == [200]

"""The queue: the most valuable first, and never two people on one product."""

import pytest
from tests.posted import LEASE, NOW, queued

from aisle.errors import ClaimedError, NotFoundError, StoreError
from aisle.store.claims import claim, claim_one, heartbeat, hold, release, release_others, skip
from aisle.store.keys import create_key
from aisle.store.queue import close, count, find_item, put, reopen, take_back, value_at, waiting
from aisle.store.records import QueueFilters


@pytest.fixture
def shop(database):
    """Three products: b is worth most, then c, then a."""
    with database.write() as c:
        for name, value in (("a", 1.0), ("b", 3.0), ("c", 2.0)):
            queued(c, name, value)
    return database


def next_of(c, by, now=NOW, **filters):
    found = claim(c, by=by, now=now, lease_us=LEASE, filters=QueueFilters(**filters))
    return found and found.product_id


def order(c, now=NOW, **filters):
    return [each.product_id for each in waiting(c, now=now, filters=QueueFilters(**filters))]


def test_the_most_valuable_comes_first(shop):
    with shop.write() as c:
        found = claim(c, by="anna", now=NOW, lease_us=LEASE)
        assert (found.product_id, found.claimed_by, found.claimed_until) == ("b", "anna", NOW + LEASE)
        assert [next_of(c, "bert"), next_of(c, "carl"), next_of(c, "dora")] == ["c", "a", None]


def test_ones_own_claim_comes_first_and_is_lengthened(shop):
    with shop.write() as c:
        claim_one(c, product_id="a", by="anna", now=NOW, lease_us=LEASE)
        found = claim(c, by="anna", now=NOW + 1, lease_us=LEASE)
    assert (found.product_id, found.claimed_until) == ("a", NOW + 1 + LEASE)


def test_equal_values_come_in_the_order_they_came(database):
    with database.write() as c:
        queued(c, "z", created_at=NOW)
        queued(c, "y", created_at=NOW + 1)
        queued(c, "x", created_at=NOW + 1)
        assert order(c) == ["z", "x", "y"]


def test_a_claim_ends_by_itself(shop):
    with shop.write() as c:
        assert next_of(c, "anna") == "b"
        assert next_of(c, "bert", NOW + LEASE - 1) == "c"
        assert next_of(c, "carl", NOW + LEASE) == "b"
        with pytest.raises(ClaimedError, match=r"carl looks at product b just now: take the next one"):
            hold(c, product_id="b", by="anna", now=NOW + LEASE)


def test_who_lost_a_claim_is_told_what_to_do(shop):
    with shop.write() as c:
        next_of(c, "anna")
        with pytest.raises(ClaimedError, match=r"your claim on it has ended: claim it again, then decide"):
            hold(c, product_id="b", by="anna", now=NOW + LEASE)
        with pytest.raises(ClaimedError, match=r"nobody has claimed it: claim it again"):
            hold(c, product_id="a", by="anna", now=NOW)


def test_a_heartbeat_keeps_a_claim(shop):
    with shop.write() as c:
        next_of(c, "anna")
        beaten = heartbeat(c, product_id="b", by="anna", now=NOW + LEASE - 1, lease_us=LEASE)
        assert beaten.claimed_until == NOW + 2 * LEASE - 1
        assert next_of(c, "bert", NOW + LEASE) == "c"
        with pytest.raises(ClaimedError):
            heartbeat(c, product_id="b", by="anna", now=NOW + 2 * LEASE, lease_us=LEASE)


def test_a_picked_product_names_who_has_it(shop):
    with shop.write() as c:
        key, _ = create_key(c, name="Anna", scopes=["review"], now=NOW)
        claim_one(c, product_id="a", by=key.id, now=NOW, lease_us=LEASE)
        with pytest.raises(ClaimedError, match="Anna looks at product a just now"):
            claim_one(c, product_id="a", by="bert", now=NOW + 1, lease_us=LEASE)
        claim_one(c, product_id="a", by="bert", now=NOW + LEASE, lease_us=LEASE)
        close(c, product_id="a", now=NOW)
        with pytest.raises(ClaimedError, match="is decided"):
            claim_one(c, product_id="a", by="bert", now=NOW, lease_us=LEASE)
        with pytest.raises(NotFoundError, match="never was"):
            claim_one(c, product_id="q", by="bert", now=NOW, lease_us=LEASE)


def test_only_the_holder_releases(shop):
    with shop.write() as c:
        next_of(c, "anna")
        release(c, product_id="b", by="bert")
        assert find_item(c, product_id="b").claimed_by == "anna"
        release(c, product_id="b", by="anna")
        assert next_of(c, "bert") == "b"


def test_a_skipped_product_falls_behind_those_skipped_less_often(shop):
    with shop.write() as c:
        for expected in ("b", "c"):
            assert next_of(c, "anna") == expected
            skip(c, product_id=expected, by="anna", now=NOW)
        assert order(c) == ["a", "b", "c"]
        assert next_of(c, "anna") == "a"
        skip(c, product_id="a", by="anna", now=NOW)
        assert next_of(c, "anna") == "b"
        skip(c, product_id="b", by="anna", now=NOW)
        assert order(c) == ["c", "a", "b"]
        with pytest.raises(ClaimedError):
            skip(c, product_id="c", by="anna", now=NOW)


def test_a_closed_product_is_off_the_queue_until_it_is_reopened(shop):
    with shop.write() as c:
        next_of(c, "anna")
        close(c, product_id="b", now=NOW + 3)
        closed = find_item(c, product_id="b")
        assert (closed.state, closed.claimed_by, closed.closed_at) == ("closed", None, NOW + 3)
        assert order(c) == ["c", "a"]
        with pytest.raises(NotFoundError, match="not waiting"):
            close(c, product_id="b", now=NOW + 4)
        with pytest.raises(ClaimedError, match="is decided"):
            hold(c, product_id="b", by="anna", now=NOW)
        assert reopen(c, product_id="b", reason="conflict", now=NOW + 5)
        assert not reopen(c, product_id="b", reason="audit", now=NOW + 6)
        again = find_item(c, product_id="b")
        assert (again.state, again.reason, again.closed_at, again.created_at) == ("waiting", "conflict", None, NOW + 5)
        assert order(c) == ["b", "c", "a"]


def test_what_is_undone_goes_back_to_who_undoes_it(shop):
    with shop.write() as c:
        next_of(c, "anna")
        skip(c, product_id="b", by="anna", now=NOW)
        assert order(c)[-1] == "b"
        back = take_back(c, find_item(c, product_id="b"), by="anna", now=NOW, lease_us=LEASE, reason="review", skips=1)
        assert (back.skipped, back.claimed_by, back.claimed_until) == (0, "anna", NOW + LEASE)
        with pytest.raises(ClaimedError, match="anna looks at product b"):
            take_back(c, back, by="bert", now=NOW, lease_us=LEASE, reason="review")


def test_a_product_is_on_the_queue_once(shop):
    with shop.write() as c, pytest.raises(StoreError, match="a is on the queue already, or was: reopen it"):
        put(c, find_item(c, product_id="a"))


def test_ended_claims_are_shown_as_none(shop):
    with shop.write() as c:
        next_of(c, "anna")
        assert [each.claimed_by for each in waiting(c, now=NOW + 1)] == ["anna", None, None]
        assert [each.claimed_by for each in waiting(c, now=NOW + LEASE)] == [None, None, None]


def test_filters_and_pages(database):
    with database.write() as c:
        queued(c, "a", 4.0, title="Écran plat 50%")
        queued(c, "b", 3.0, top_category="Bags", reason="conflict", title="ÉCRIN_bijou")
        queued(c, "c", 2.0, top_category="Bags", reason="audit", title="straße [x] a*b?")
        assert order(c, top_category="Bags") == ["b", "c"]
        assert order(c, reasons=("conflict", "review")) == ["a", "b"]
        assert order(c, top_category="Bags", reasons=("review",)) == []
        assert next_of(c, "anna", reasons=("audit",)) == "c"
        assert next_of(c, "bert", text="écr") == "a"
        assert count(c) == 3
        assert count(c, QueueFilters(top_category="Bags")) == 2
        assert [each.product_id for each in waiting(c, now=NOW, limit=1, offset=1)] == ["b"]


FOUND = {
    "écr": ["a", "b"],
    "ÉCRAN": ["a"],
    "50%": ["a"],
    "%": ["a"],
    "_": ["b"],
    "*": ["c"],
    "a*b?": ["c"],
    "[X]": ["c"],
    "STRAßE": ["c"],
    ".": [],
    "a.b": [],
    "\\": ["d"],
    "(?i)^": ["d"],
    "***=x": [],
    "\0": [],
    "' OR 1=1": [],
    "x" * 5000: [],
}


def test_a_text_is_found_in_any_case_and_means_only_itself(database):
    with database.write() as c:
        queued(c, "a", 4.0, title="Écran plat 50%")
        queued(c, "b", 3.0, title="ÉCRIN_bijou")
        queued(c, "c", 2.0, title="straße [x] a*b?")
        queued(c, "d", 1.0, title="back\\slash (?i)^$")
        assert {text: order(c, text=text) for text in FOUND} == FOUND


def test_the_value_some_way_down_the_queue(shop):
    with shop.write() as c:
        assert [value_at(c, share=share) for share in (0.0, 0.4, 0.9999)] == [3.0, 2.0, 1.0]
        for name in "abc":
            close(c, product_id=name, now=NOW)
        assert value_at(c, share=0.5) is None


def test_all_but_one_of_ones_claims_are_given_back(shop):
    with shop.write() as c:
        for name, person in (("a", "anna"), ("b", "anna"), ("c", "bert")):
            claim_one(c, product_id=name, by=person, now=NOW, lease_us=LEASE)
        release_others(c, by="anna", keep="b")
        assert [find_item(c, product_id=name).claimed_by for name in "abc"] == [None, "anna", "bert"]

"""What is learned from people, and what is not."""

from collections import Counter

import pytest
from tests.posted import BELTS, LEASE, NOW, WRIST, decision, product, queued, unsure

from aisle.review.deciding import decide, undo
from aisle.review.intake import receive
from aisle.review.labels import return_conflicts, training_labels
from aisle.review.policy import ReviewPolicy
from aisle.store.claims import claim_one
from aisle.store.decisions import keep_decision, undo_decision
from aisle.store.products import find_product, keep_product
from aisle.store.queue import close, find_item

ALL = ReviewPolicy(influence_cap=1.0)


def labels(c, policy=ALL):
    found = training_labels(c, policy=policy)
    return [(row.product.id, row.path, row.by, row.weight) for row in found.rows], found.conflicts, dict(found.capped)


def people_decide(c, **numbers):
    """Let each person give so many labels, on products of their own."""
    for by, number in numbers.items():
        for place in range(number):
            keep_product(c, product(f"{by}{place}"))
            keep_decision(c, decision(f"{by}{place}", by=by))


def test_labels_are_what_moderators_said(database):
    with database.write() as c:
        for name in ("p1", "p2", "p3", "p4", "p5"):
            keep_product(c, product(name))
        keep_decision(c, decision("p1", "accept", WRIST, at=NOW))
        keep_decision(c, decision("p2", "change", WRIST, at=NOW))
        keep_decision(c, decision("p2", "change", BELTS, at=NOW + 1))
        keep_decision(c, decision("p3", "none", None))
        keep_decision(c, decision("p4", "skip", None))
        keep_decision(c, decision("p5", "accept", WRIST, source="seller", by="seller"))
        assert labels(c) == ([("p1", WRIST, "anna", 1.0), ("p2", BELTS, "anna", 1.0)], [], {})
        assert training_labels(c, policy=ALL).rows[0].product == find_product(c, id="p1")


def test_two_who_agree_weigh_twice(database):
    with database.write() as c:
        keep_product(c, product())
        keep_decision(c, decision(at=NOW))
        keep_decision(c, decision(by="bert", at=NOW + 1))
        assert labels(c)[0] == [("p1", WRIST, "bert", 2.0)]


def test_an_undone_decision_is_no_label(database):
    with database.write() as c:
        keep_product(c, product())
        number = keep_decision(c, decision())
        undo_decision(c, id=number, by="anna", now=NOW)
        assert labels(c) == ([], [], {})


def test_disagreement_goes_back_to_the_queue_and_a_third_settles_it(database):
    with database.write() as c:
        values = {"chosen": None, "precision": 0.98, "policy": ALL, "draw": 0.9, "now": NOW}
        receive(c, product(), unsure(), **values)

        def say(by, path, now):
            claim_one(c, product_id="p1", by=by, now=now, lease_us=LEASE)
            return decide(c, product_id="p1", kind="change", path=path, by=by, now=now, policy=ALL).decision_id

        say("anna", WRIST, NOW)
        assert return_conflicts(c, now=NOW + 1) == []
        keep_decision(c, decision(by="bert", path=BELTS, at=NOW + 1))
        assert labels(c) == ([], ["p1"], {})
        assert return_conflicts(c, now=NOW + 2) == ["p1"]
        assert return_conflicts(c, now=NOW + 3) == []
        item = find_item(c, product_id="p1")
        assert (item.state, item.reason, item.created_at) == ("waiting", "conflict", NOW + 2)
        number = say("carl", BELTS, NOW + 4)
        assert labels(c) == ([("p1", BELTS, "carl", 2.0)], [], {})
        undo(c, decision_id=number, by="carl", now=NOW + 5)
        assert labels(c) == ([], ["p1"], {})


def test_a_decision_on_what_never_lay_on_the_queue_is_no_trouble(database):
    with database.write() as c:
        keep_product(c, product())
        for by, path in (("anna", WRIST), ("bert", BELTS)):
            keep_decision(c, decision(by=by, path=path))
        assert return_conflicts(c, now=NOW) == []


def test_one_who_gives_most_of_the_decisions_gives_a_fifth_of_the_labels(database):
    """60 of 100 by one person, 10 each by four others: with 40 others a fifth is 10."""
    with database.write() as c:
        people_decide(c, mallory=60, anna=10, bert=10, carl=10, dora=10)
        rows, conflicts, capped = labels(c, ReviewPolicy(influence_cap=0.2))
        by = Counter(row[2] for row in rows)
        assert by == {"mallory": 10, "anna": 10, "bert": 10, "carl": 10, "dora": 10}
        assert (conflicts, capped) == ([], {"mallory": 50})
        assert rows == labels(c, ReviewPolicy(influence_cap=0.2))[0]


def test_deciding_more_does_not_raise_ones_own_limit(database):
    with database.write() as c:
        people_decide(c, mallory=300, anna=10, bert=10, carl=10, dora=10)
        assert labels(c, ReviewPolicy())[2] == {"mallory": 290}


@pytest.mark.parametrize(
    ("numbers", "left_out"),
    [
        (
            {"anna": 25, "bert": 25, "carl": 25, "dora": 25, "mallory": 5},
            dict.fromkeys(("anna", "bert", "carl", "dora"), 4),
        ),
        ({"anna": 60, "mallory": 40}, {"anna": 40, "mallory": 20}),
        ({"anna": 100}, {"anna": 80}),
        ({"anna": 1, "bert": 1, "carl": 1, "dora": 1, "emma": 1}, {}),
        ({}, {}),
    ],
    ids=["five", "two", "one", "one each", "nobody"],
)
def test_nobody_gives_more_than_a_fifth_of_all(database, numbers, left_out):
    """A fifth of 105 is 21, of 100 is 20, of 5 is 1."""
    with database.write() as c:
        people_decide(c, **numbers)
        assert labels(c, ReviewPolicy(influence_cap=0.2))[2] == left_out


def test_what_is_left_out_stays_left_out_when_more_is_decided(database):
    with database.write() as c:
        people_decide(c, mallory=60, anna=10, bert=10, carl=10, dora=10)
        before = {row[0] for row in labels(c, ReviewPolicy())[0] if row[2] == "mallory"}
        people_decide(c, emma=10)
        after = {row[0] for row in labels(c, ReviewPolicy())[0] if row[2] == "mallory"}
    assert before <= after
    assert (len(before), len(after)) == (10, 12)


def test_conflicts_return_only_once_decided(database):
    """What still waits is not touched: somebody may be looking at it."""
    with database.write() as c:
        queued(c, "p1")
        for by, path in (("anna", WRIST), ("bert", BELTS)):
            keep_decision(c, decision(by=by, path=path))
        claim_one(c, product_id="p1", by="carl", now=NOW, lease_us=LEASE)
        assert return_conflicts(c, now=NOW) == []
        assert find_item(c, product_id="p1").claimed_by == "carl"
        close(c, product_id="p1", now=NOW)
        assert return_conflicts(c, now=NOW) == ["p1"]


def test_what_is_held_out_counts_for_nobody(database):
    """With 55 of one person's 60 held out, 45 labels are left: a fifth is 9."""
    with database.write() as c:
        people_decide(c, mallory=60, anna=10, bert=10, carl=10, dora=10)
        out = {f"mallory{place}" for place in range(55)}
        found = training_labels(c, policy=ReviewPolicy(influence_cap=0.2), without=out)
    assert not out & {row.product.id for row in found.rows}
    assert Counter(row.by for row in found.rows) == {"mallory": 5, "anna": 9, "bert": 9, "carl": 9, "dora": 9}

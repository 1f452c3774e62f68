"""Moderators answer, and take it back."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.posted import BELTS, LEASE, NOW, WRIST, prediction, product, unsure

from aisle.errors import ClaimedError, NotFoundError, ReviewError, StoreError
from aisle.review.agreement import told
from aisle.review.deciding import decide, undo
from aisle.review.intake import receive
from aisle.review.policy import ReviewPolicy
from aisle.store.claims import claim, claim_one
from aisle.store.decisions import all_decisions, decisions_of
from aisle.store.keys import create_key
from aisle.store.products import find_product
from aisle.store.queue import find_item, reopen, waiting

POLICY = ReviewPolicy()
SKIN = ("Beauty", "Skin Care")


def come(c, name="p1", said=None, *, chosen=None, draw=0.9):
    values = {"chosen": chosen, "precision": 0.98, "policy": POLICY, "draw": draw, "now": NOW}
    receive(c, product(name), said or unsure(), **values)


def say(c, kind="accept", path=None, *, by="anna", now=NOW, name="p1", take=True, draw=0.99):
    if take:
        claim_one(c, product_id=name, by=by, now=now, lease_us=LEASE)
    return decide(c, product_id=name, kind=kind, path=path, by=by, now=now, policy=POLICY, draw=draw)


def filed(c, name="p1"):
    found = find_product(c, id=name)
    return found.category, found.decided_by


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("accept", None, WRIST),
        ("accept", WRIST, WRIST),
        ("change", BELTS, BELTS),
        ("none", None, None),
    ],
)
def test_an_answer_files_the_product_and_ends_the_review(database, kind, path, expected):
    with database.write() as c:
        come(c)
        key, _ = create_key(c, name="Anna", scopes=["review"], now=NOW)
        got = say(c, kind, path, by=key.id, now=NOW + 5)
        assert (got.kind, got.path, got.state) == (kind, expected, "decided")
        assert filed(c) == (expected, "person")
        assert find_item(c, product_id="p1").state == "closed"
        (kept,) = decisions_of(c, product_id="p1")
    assert (kept.id, kept.source, kept.kind, kept.path) == (got.decision_id, "moderator", kind, expected)
    assert (kept.decided_by, kept.decided_name, kept.decided_at, kept.queue_reason) == (
        key.id,
        "Anna",
        NOW + 5,
        "review",
    )


def test_what_is_accepted_of_a_partial_answer_is_the_answer(database):
    with database.write() as c:
        come(c, said=prediction(("Watches",), leaf=WRIST, decision="partial"), draw=0.0)
        assert say(c, "accept").path == ("Watches",)
        come(c, "p2", prediction(("Watches",), leaf=WRIST, decision="partial"), draw=0.0)
        assert say(c, "accept", WRIST, name="p2").path == WRIST


@pytest.mark.parametrize(
    ("kind", "path"),
    [("accept", BELTS), ("change", None), ("change", ()), ("change", ("Bags", " ")), ("none", WRIST), ("skip", WRIST)],
)
def test_an_answer_that_makes_no_sense_is_refused_and_changes_nothing(database, kind, path):
    with database.write() as c:
        come(c)
        with pytest.raises(ReviewError):
            say(c, kind, path)
        assert (filed(c), decisions_of(c, product_id="p1")) == ((None, None), [])
        assert find_item(c, product_id="p1").claimed_by == "anna"


def test_an_unknown_kind_is_refused(database):
    with database.write() as c:
        come(c)
        with pytest.raises(ReviewError, match="accept, change, none or skip"):
            say(c, "maybe", WRIST)


def test_nothing_proposed_cannot_be_accepted(database):
    with database.write() as c:
        come(c, said=unsure(()))
        with pytest.raises(ReviewError, match="proposed nothing"):
            say(c, "accept")


def test_who_lost_the_claim_cannot_decide(database):
    with database.write() as c:
        come(c)
        claim(c, by="anna", now=NOW, lease_us=LEASE)
        with pytest.raises(ClaimedError, match="claim it again, then decide"):
            say(c, now=NOW + LEASE, take=False)
        claim(c, by="bert", now=NOW + LEASE, lease_us=LEASE)
        with pytest.raises(ClaimedError, match="bert looks at product p1 just now: take the next one"):
            say(c, now=NOW + LEASE, take=False)
        assert (decisions_of(c, product_id="p1"), filed(c)) == ([], (None, None))
        assert say(c, by="bert", now=NOW + LEASE, take=False).state == "decided"


def test_without_a_claim_nothing_is_decided(database):
    with database.write() as c:
        come(c)
        with pytest.raises(ClaimedError, match="nobody has claimed it"):
            say(c, take=False)
        with pytest.raises(NotFoundError, match="never was"):
            say(c, take=False, name="nothing")


def test_a_decided_product_is_not_decided_again(database):
    with database.write() as c:
        come(c)
        say(c, "change", BELTS)
        for by in ("anna", "bert"):
            with pytest.raises(ClaimedError, match="is decided: look at its history"):
                say(c, by=by, take=False)
        assert len(decisions_of(c, product_id="p1")) == 1
        assert filed(c) == (BELTS, "person")


def test_a_second_opinion_is_kept_beside_the_first(database):
    with database.write() as c:
        come(c)
        say(c, "change", BELTS)
        reopen(c, product_id="p1", reason="conflict", now=NOW + 1)
        assert say(c, "accept", by="bert", now=NOW + 2).state == "queued"
        assert [(each.decided_by, each.path, each.queue_reason) for each in decisions_of(c, product_id="p1")] == [
            ("anna", BELTS, "review"),
            ("bert", WRIST, "conflict"),
        ]
        assert filed(c) == (BELTS, "person")


@pytest.mark.parametrize(("third", "end"), [(WRIST, WRIST), (BELTS, BELTS), (SKIN, None)])
def test_where_people_contradict_each_other_a_third_looks(database, third, end):
    with database.write() as c:
        come(c)
        come(c, "p2", unsure(probability=0.1))
        say(c, "change", BELTS, name="p2", by="bert")  # there is somebody else
        assert say(c, "change", BELTS, draw=0.0).state == "decided"
        drawn = find_item(c, product_id="p1")
        assert (drawn.state, drawn.reason, filed(c)) == ("waiting", "second", (BELTS, "person"))
        assert claim(c, by="anna", now=NOW, lease_us=LEASE) is None
        with pytest.raises(ClaimedError, match="you answered on product p1 last"):
            say(c)
        assert claim(c, by="bert", now=NOW + 1, lease_us=LEASE).product_id == "p1"
        assert [each.decided_by for each in told(decisions_of(c, product_id="p1"), drawn)] == []
        assert say(c, "accept", by="bert", now=NOW + 2, take=False).state == "queued"
        torn = find_item(c, product_id="p1")
        assert (torn.state, torn.reason, filed(c)) == ("waiting", "conflict", (BELTS, "person"))
        assert claim(c, by="bert", now=NOW + 3, lease_us=LEASE) is None
        got = say(c, "change", third, by="carl", now=NOW + 4, draw=0.0)
        assert (got.state, filed(c)) == ("decided" if end else "queued", (end or BELTS, "person"))
        assert find_item(c, product_id="p1").state == ("closed" if end else "waiting")


def test_people_who_say_the_same_are_done(database):
    with database.write() as c:
        come(c)
        come(c, "p2", unsure(probability=0.1))
        say(c, "change", BELTS, name="p2", by="bert")
        say(c, "change", BELTS, draw=0.0)
        assert say(c, "change", BELTS, by="bert", now=NOW + 1, draw=0.0).state == "decided"
        assert (find_item(c, product_id="p1").state, filed(c)) == ("closed", (BELTS, "person"))


def test_a_lone_moderator_is_asked_once(database):
    with database.write() as c:
        come(c)
        say(c, "change", BELTS, draw=0.0)
        assert find_item(c, product_id="p1").state == "closed"


def test_undoing_what_was_drawn_for_a_second_opinion(database):
    with database.write() as c:
        come(c)
        come(c, "p2", unsure(probability=0.1))
        say(c, "change", BELTS, name="p2", by="bert")
        number = say(c, "change", BELTS, draw=0.0).decision_id
        undo(c, decision_id=number, by="anna", now=NOW + 1)
        item = find_item(c, product_id="p1")
        assert (item.reason, item.claimed_by, filed(c)) == ("review", "anna", (None, None))
        assert say(c, "accept", now=NOW + 2, take=False).state == "decided"


def test_a_skipped_product_waits_for_somebody_else(database):
    with database.write() as c:
        come(c, "p1", unsure(probability=0.1))
        come(c, "p2", unsure(probability=0.9))
        got = say(c, "skip")
        assert (got.state, got.path) == ("queued", None)
        assert [each.product_id for each in waiting(c, now=NOW)] == ["p2", "p1"]
        assert (find_item(c, product_id="p1").claimed_by, filed(c)) == (None, (None, None))
        undo(c, decision_id=got.decision_id, by="anna", now=NOW + 1)
        back = find_item(c, product_id="p1")
        assert (back.skipped, back.claimed_by, back.claimed_until) == (0, "anna", NOW + 1 + LEASE)


def test_undoing_gives_the_product_back_to_the_same_person(database):
    with database.write() as c:
        come(c)
        number = say(c, "change", BELTS).decision_id
        got = undo(c, decision_id=number, by="anna", now=NOW + 7, policy=ReviewPolicy(lease_seconds=60))
        item = find_item(c, product_id="p1")
        assert (got.state, item.state, item.claimed_by) == ("queued", "waiting", "anna")
        assert (item.claimed_until, item.reason, item.closed_at) == (NOW + 7 + 60_000_000, "review", None)
        assert filed(c) == (None, None)
        assert claim(c, by="bert", now=NOW + 8, lease_us=LEASE) is None
        assert say(c, "accept", now=NOW + 9, take=False).path == WRIST


@pytest.mark.parametrize(
    ("said", "chosen", "before"),
    [
        (prediction(), None, (WRIST, "engine")),
        (prediction(("Watches",), leaf=WRIST, decision="partial"), WRIST, (("Watches",), "engine")),
        (prediction(), BELTS, (None, None)),
        (unsure(), WRIST, (None, None)),
    ],
)
def test_undoing_files_the_product_as_it_was(database, said, chosen, before):
    with database.write() as c:
        come(c, said=said, chosen=chosen, draw=0.0)
        assert filed(c) == before
        number = say(c, "change", SKIN).decision_id
        assert filed(c) == (SKIN, "person")
        undo(c, decision_id=number, by="anna", now=NOW + 1)
        assert filed(c) == before


def test_undoing_uncovers_what_another_had_decided(database):
    with database.write() as c:
        come(c)
        say(c, "none")
        reopen(c, product_id="p1", reason="conflict", now=NOW + 1)
        number = say(c, "change", BELTS, by="bert", now=NOW + 2).decision_id
        undo(c, decision_id=number, by="bert", now=NOW + 3)
        assert filed(c) == (None, "person")
        assert find_item(c, product_id="p1").claimed_by == "bert"


def test_a_later_decision_stands_when_an_earlier_one_is_undone(database):
    with database.write() as c:
        come(c)
        number = say(c, "change", SKIN).decision_id
        reopen(c, product_id="p1", reason="conflict", now=NOW + 1)
        say(c, "change", BELTS, by="bert", now=NOW + 2)
        assert undo(c, decision_id=number, by="anna", now=NOW + 3).state == "decided"
        assert (filed(c), find_item(c, product_id="p1").state) == ((BELTS, "person"), "closed")
        assert decisions_of(c, product_id="p1")[0].undone_at == NOW + 3


def test_one_undoes_only_ones_own_and_once(database):
    with database.write() as c:
        come(c, chosen=BELTS)
        number = say(c).decision_id
        with pytest.raises(StoreError, match="only they can undo it"):
            undo(c, decision_id=number, by="bert", now=NOW)
        assert filed(c) == (WRIST, "person")
        undo(c, decision_id=number, by="anna", now=NOW)
        with pytest.raises(StoreError, match="undone already"):
            undo(c, decision_id=number, by="anna", now=NOW)
        sellers = decisions_of(c, product_id="p1")[0]
        with pytest.raises(StoreError, match="what the seller chose"):
            undo(c, decision_id=sellers.id, by="seller", now=NOW)
        with pytest.raises(NotFoundError):
            undo(c, decision_id=999, by="anna", now=NOW)


def test_what_another_looks_at_is_not_pulled_away(database):
    with database.write() as c:
        come(c)
        number = say(c, "change", BELTS).decision_id
        reopen(c, product_id="p1", reason="conflict", now=NOW + 1)
        claim(c, by="bert", now=NOW + 1, lease_us=LEASE)
        with pytest.raises(ClaimedError, match="bert looks at product p1 just now: wait, then undo"):
            undo(c, decision_id=number, by="anna", now=NOW + 2)
        assert (filed(c), decisions_of(c, product_id="p1")[0].undone_at) == ((BELTS, "person"), None)


def test_one_answer_is_kept_when_one_person_clicks_twice(database):
    with database.write() as c:
        come(c)
        claim(c, by="anna", now=NOW, lease_us=LEASE)
    start = threading.Barrier(6)

    def click(_):
        start.wait(timeout=30)
        try:
            with database.write() as c:
                return say(c, "change", BELTS, take=False).state
        except ClaimedError as err:
            return str(err)

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(click, range(6)))
    assert answers.count("decided") == 1
    assert all("is decided" in each for each in answers if each != "decided")
    with database.read() as c:
        assert len(all_decisions(c)) == 1


def test_undoing_twice_at_once_is_undoing_once(database):
    with database.write() as c:
        come(c)
        number = say(c, "change", BELTS).decision_id
    start = threading.Barrier(4)

    def click(_):
        start.wait(timeout=30)
        try:
            with database.write() as c:
                return undo(c, decision_id=number, by="anna", now=NOW + 1).state
        except StoreError as err:
            return str(err)

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(click, range(4)))
    assert answers.count("queued") == 1
    assert all("undone already" in each for each in answers if each != "queued")

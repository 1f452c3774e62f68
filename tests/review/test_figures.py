"""Figures of the service, counted by hand."""

from datetime import UTC, datetime

import pytest
from scipy import stats
from tests.posted import BELTS, LEASE, WRIST, decision, prediction, product, unsure

from aisle.review.audited import audited_decisions
from aisle.review.deciding import decide, undo
from aisle.review.figures import audit_precision, figures, iso_week
from aisle.review.intake import receive
from aisle.review.policy import ReviewPolicy
from aisle.store.claims import claim_one
from aisle.store.decisions import keep_decision

POLICY = ReviewPolicy(audit_share=0.5)
AUDIT, NO_AUDIT = 0.1, 0.9
DAY = 86_400_000_000


def moment(*date):
    return int(datetime(*date, tzinfo=UTC).timestamp()) * 1_000_000


MONDAY = moment(2026, 11, 16)  # of week 47
NEXT = MONDAY + 7 * DAY


class Shop:
    def __init__(self, c):
        self.c, self.number = c, 0

    def come(self, said, *, draw=NO_AUDIT, chosen=None, now=MONDAY, precision=0.98):
        self.number += 1
        name = f"p{self.number:03d}"
        given = {"chosen": chosen, "precision": precision, "policy": POLICY, "draw": draw, "now": now}
        receive(self.c, product(name), said, **given)
        return name

    def say(self, name, kind="accept", path=None, *, by="anna", now=MONDAY + 1):
        claim_one(self.c, product_id=name, by=by, now=now, lease_us=LEASE)
        given = {"kind": kind, "path": path, "by": by, "now": now, "policy": POLICY}
        return decide(self.c, product_id=name, **given).decision_id

    def figures(self, since=MONDAY, until=NEXT):
        return figures(self.c, since=since, until=until, now=until)


@pytest.fixture
def shop(database):
    with database.write() as c:
        yield Shop(c)


def test_nothing_gives_no_shares(shop):
    found = shop.figures()
    assert found["overall"] == {
        "automatic": {"received": 0, "decided": 0, "share": None},
        "agreement": {"judged": 0, "agreed": 0, "share": None},
        "audit": {
            "count": 0,
            "right": 0,
            "precision": None,
            "low": 0.0,
            "high": 1.0,
            "disputed": 0,
            "promised": None,
            "stale": False,
        },
    }
    assert (found["by_category"], found["by_week"], found["stale"], found["waiting"]) == ({}, {}, False, 0)


def test_the_share_decided_automatically(shop):
    shop.come(prediction(WRIST))
    shop.come(prediction(WRIST), draw=AUDIT)
    shop.come(prediction(("Watches",), leaf=WRIST, decision="partial"), now=NEXT - 1)
    shop.come(prediction(BELTS), chosen=WRIST)
    shop.come(unsure(BELTS))
    shop.come(prediction(WRIST), now=NEXT)
    shop.come(prediction(WRIST), now=MONDAY - 1)
    found = shop.figures()
    assert found["overall"]["automatic"] == {"received": 5, "decided": 3, "share": 0.6}
    assert found["by_category"]["Watches"]["automatic"] == {"received": 3, "decided": 3, "share": 1.0}
    assert found["by_category"]["Bags & Belts"]["automatic"] == {"received": 2, "decided": 0, "share": 0.0}
    assert list(found["by_week"]) == ["2026-W47"]
    assert (found["waiting"], found["audits_waiting"]) == (3, 1)
    both = shop.figures(since=MONDAY - 1, until=NEXT + 1)["by_week"]
    assert {name: week["automatic"]["received"] for name, week in both.items()} == {
        "2026-W46": 1,
        "2026-W47": 5,
        "2026-W48": 1,
    }


def test_people_agree_with_what_the_engine_put_first(shop):
    shop.say(shop.come(unsure(WRIST)))
    shop.say(shop.come(unsure(WRIST)), "change", BELTS)
    shop.say(shop.come(unsure(WRIST)), "none")
    shop.say(shop.come(unsure(BELTS)), "change", (*BELTS, "Leather"))
    shop.say(shop.come(unsure(BELTS)), "skip")
    shop.say(shop.come(prediction(WRIST), draw=AUDIT))
    undone = shop.say(shop.come(unsure(BELTS)))
    undo(shop.c, decision_id=undone, by="anna", now=MONDAY + 2)
    shop.say(shop.come(prediction(BELTS), chosen=WRIST), now=NEXT)
    found = shop.figures()
    assert found["overall"]["agreement"] == {"judged": 4, "agreed": 2, "share": 0.5}
    assert found["by_category"]["Watches"]["agreement"] == {"judged": 3, "agreed": 1, "share": 1 / 3}
    assert found["by_category"]["Bags & Belts"]["agreement"] == {"judged": 1, "agreed": 1, "share": 1.0}


def test_precision_is_that_of_the_audit_slice_alone(shop):
    for _ in range(8):
        shop.say(shop.come(prediction(WRIST), draw=AUDIT))
    shop.say(shop.come(prediction(WRIST), draw=AUDIT), "change", BELTS)
    shop.say(shop.come(prediction(BELTS), draw=AUDIT), "none")
    for _ in range(30):  # hard ones that the engine left to people: all wrong, and no part of it
        shop.say(shop.come(unsure(WRIST)), "change", BELTS)
    for _ in range(30):
        shop.say(shop.come(prediction(WRIST), chosen=BELTS), "change", BELTS)
    found = shop.figures()
    audit = found["overall"]["audit"]
    assert (audit["count"], audit["right"], audit["precision"], audit["promised"]) == (10, 8, 0.8, pytest.approx(0.98))
    assert audit["low"] == pytest.approx(0.4439045, abs=1e-6)  # Clopper & Pearson for 8 of 10, as tables have it
    assert audit["high"] == pytest.approx(0.9747893, abs=1e-6)
    assert (audit["stale"], found["stale"]) == (True, True)
    assert found["by_category"]["Watches"]["audit"]["right"] == 8
    assert found["by_category"]["Watches"]["audit"]["stale"] is False  # 8 of 9 may be 0.997
    assert found["by_category"]["Bags & Belts"]["audit"]["count"] == 1


def test_a_partial_answer_is_right_when_the_truth_lies_below_it(shop):
    above = prediction(("Watches",), leaf=WRIST, decision="partial")
    shop.say(shop.come(above, draw=AUDIT), "change", ("Watches", "Pocket Watches"))
    shop.say(shop.come(prediction(WRIST), draw=AUDIT), "change", ("Watches",))
    assert shop.figures()["overall"]["audit"]["right"] == 1


def test_the_promise_is_what_was_asked_for(shop):
    for precision in (0.9, 0.5):
        shop.say(shop.come(prediction(WRIST), draw=AUDIT, precision=precision))
    assert shop.figures()["overall"]["audit"]["promised"] == pytest.approx(0.7)


def test_weeks_are_those_people_answered_in(shop):
    for now in (MONDAY + DAY, NEXT + DAY, NEXT + 2 * DAY):
        shop.say(shop.come(prediction(WRIST), draw=AUDIT, now=MONDAY), now=now)
    weeks = shop.figures(until=NEXT + 7 * DAY)["by_week"]
    assert {name: week["audit"]["count"] for name, week in weeks.items()} == {"2026-W47": 1, "2026-W48": 2}


def test_who_disagrees_about_an_audit_is_told_apart(shop):
    name = shop.come(prediction(WRIST), draw=AUDIT)
    shop.say(name)
    other = {"kind": "change", "path": BELTS, "by": "bert", "at": MONDAY + 5, "queue_reason": "conflict"}
    keep_decision(shop.c, decision(name, **other))
    audit = shop.figures()["overall"]["audit"]
    assert (audit["count"], audit["disputed"]) == (0, 1)
    assert audited_decisions(shop.c, since=0) == []
    keep_decision(shop.c, decision(name, **{**other, "by": "carl"}))
    audit = shop.figures()["overall"]["audit"]
    assert (audit["count"], audit["right"], audit["disputed"]) == (1, 0, 0)
    assert [(stored.id, truth) for stored, truth in audited_decisions(shop.c, since=0)] == [(name, BELTS)]


def test_audited_products_come_with_their_truth(shop):
    first = shop.come(prediction(WRIST), draw=AUDIT)
    shop.say(first, now=MONDAY)
    second = shop.come(prediction(WRIST), draw=AUDIT)
    shop.say(second, "change", BELTS, now=MONDAY + 5)
    shop.say(shop.come(prediction(WRIST), draw=AUDIT), "none", now=MONDAY + 5)
    shop.say(shop.come(unsure(WRIST)), now=MONDAY + 5)
    taken_back = shop.say(shop.come(prediction(WRIST), draw=AUDIT), now=MONDAY + 5)
    undo(shop.c, decision_id=taken_back, by="anna", now=MONDAY + 6)
    found = audited_decisions(shop.c, since=MONDAY)
    assert [(stored.id, stored.title, truth) for stored, truth in found] == [
        (first, f"title of {first}", WRIST),
        (second, f"title of {second}", BELTS),
    ]
    assert [stored.id for stored, _ in audited_decisions(shop.c, since=MONDAY + 1)] == [second]


@pytest.mark.parametrize(("right", "total"), [(0, 7), (7, 7), (1, 2), (196, 200), (1999, 2000)])
def test_the_interval_is_clopper_pearson(right, total):
    expected = stats.binomtest(right, total).proportion_ci(method="exact")
    found = audit_precision(right, total)
    assert (found["low"], found["high"]) == (pytest.approx(expected.low), pytest.approx(expected.high))


@pytest.mark.parametrize(
    ("date", "week"),
    [
        ((2027, 1, 3), "2026-W53"),
        ((2027, 1, 4), "2027-W01"),
        ((2024, 12, 30), "2025-W01"),
        ((2026, 11, 22), "2026-W47"),
    ],
)
def test_weeks_are_iso_weeks(date, week):
    """As ISO 8601 has it: a week belongs to the year of its Thursday."""
    assert iso_week(moment(*date)) == week

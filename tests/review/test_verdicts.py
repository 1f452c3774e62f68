"""What people say, taken together."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st
from tests.posted import BELTS, NOW, WRIST, decision

from aisle.review.verdicts import verdicts
from aisle.store.records import StoredDecision

SKIN = ("Beauty", "Skin Care")


def voices(*said):
    """Return decisions from (person, path) in order; a path of "none" fits nothing."""
    made = []
    for number, (by, path) in enumerate(said):
        kind, path = ("none", None) if path == "none" else ("change", path)
        values = dataclasses.asdict(decision(kind=kind, path=path, by=by, at=NOW + number))
        made.append(StoredDecision(id=number + 1, **values))
    return made


def judged(*said):
    found = verdicts(voices(*said))["p1"]
    return "torn" if found.disagree else found.path, found.by, found.people


def test_one_voice_is_a_verdict():
    assert judged(("anna", WRIST)) == (WRIST, "anna", 1)


def test_a_person_has_one_voice_the_latest():
    assert judged(("anna", BELTS), ("anna", WRIST)) == (WRIST, "anna", 1)
    assert judged(("anna", BELTS), ("bert", WRIST), ("anna", WRIST)) == (WRIST, "anna", 2)


def test_two_who_differ_are_torn_whoever_came_last():
    assert judged(("anna", BELTS), ("bert", WRIST))[0] == "torn"
    assert judged(("anna", BELTS), ("bert", WRIST), ("bert", WRIST))[0] == "torn"
    assert judged(("anna", BELTS), ("bert", "none"))[0] == "torn"


def test_a_third_settles_it():
    assert judged(("anna", BELTS), ("bert", WRIST), ("carl", BELTS)) == (BELTS, "carl", 2)
    assert judged(("anna", "none"), ("bert", WRIST), ("carl", "none")) == (None, "carl", 2)
    assert judged(("anna", BELTS), ("bert", WRIST), ("carl", SKIN))[0] == "torn"


def test_what_says_nothing_is_no_voice():
    anna, bert, seller, skipped = voices(("anna", WRIST), ("bert", BELTS), ("seller", BELTS), ("carl", BELTS))
    bert = dataclasses.replace(bert, undone_at=NOW + 9, undone_by="bert")
    seller = dataclasses.replace(seller, source="seller")
    skipped = dataclasses.replace(skipped, kind="skip", path=None)
    found = verdicts([anna, bert, seller, skipped])["p1"]
    assert (found.path, found.people, found.disagree) == (WRIST, 1, False)
    assert verdicts([bert, seller, skipped]) == {}


def test_an_undone_change_of_mind_leaves_the_first():
    first, second = voices(("anna", WRIST), ("anna", BELTS))
    assert verdicts([first, dataclasses.replace(second, undone_at=NOW + 9)])["p1"].path == WRIST


def test_the_time_of_the_audit_is_told():
    first, second = voices(("anna", WRIST), ("bert", WRIST))
    assert verdicts([first, second])["p1"].audited is None
    assert verdicts([dataclasses.replace(first, queue_reason="audit"), second])["p1"].audited == NOW


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from([WRIST, BELTS, SKIN])), min_size=1))
def test_a_verdict_has_most_people_behind_it(said):
    """Counted by hand: the last word of each person, and how many say the same."""
    last = dict(said)
    support = sorted((list(last.values()).count(path) for path in set(last.values())), reverse=True)
    torn = len(support) > 1 and support[0] == support[1]
    path, by, people = judged(*said)
    assert (path == "torn") == torn
    if not torn:
        assert (last[by], people) == (path, support[0])

"""A moderator answers, and may take it back."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from aisle.errors import ReviewError, UndoError
from aisle.product import CategoryPath
from aisle.review.agreement import answers, engine_decides, proposal
from aisle.review.policy import DEFAULT_POLICY, ReviewPolicy
from aisle.review.verdicts import verdicts
from aisle.store.claims import hold, skip
from aisle.store.decisions import (
    decisions_of,
    find_decision,
    keep_decision,
    name_of,
    others_decide,
    refuse_undo,
    undo_decision,
)
from aisle.store.predictions import find_prediction
from aisle.store.products import set_category
from aisle.store.queue import close, lock, reopen, take_back
from aisle.store.records import Kind, NewDecision, QueueItem, StoredPrediction

_TEAM_US = 30 * 86_400 * 1_000_000
"""Whoever answered within so many microseconds could give a second opinion."""


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What became of a product that somebody decided on.

    Attributes
    ----------
    state : {"decided", "queued"}
        Filed, or on the queue still or again. What is drawn for a second opinion is decided: nobody is to know of it.
    path : tuple of str or None
        What was answered; none where no category fits, or where it was skipped.
    """

    decision_id: int
    product_id: str
    kind: Kind
    path: CategoryPath | None
    state: Literal["decided", "queued"]


def decide(
    c: Connection,
    *,
    product_id: str,
    kind: Kind,
    path: CategoryPath | None,
    by: str,
    now: int,
    policy: ReviewPolicy,
    draw: float = 1.0,
) -> Decided:
    """Keep what the holder of a claim answers, and file the product accordingly.

    Where people contradict each other, and no answer has more of them behind it, the product goes back to the queue for
    somebody else than the last of them, and stays filed as it was.

    Parameters
    ----------
    kind : {"accept", "change", "none", "skip"}
        What the engine put first; another category; none of the taxonomy; somebody else should look.
    path : tuple of str or None
        The category, for a change; may be left out to accept.
    by : str
        A key.
    policy : ReviewPolicy
    draw : float
        A random number in [0, 1): where it lies below the policy's share of second opinions, another person answers on
        the product as well. By default none does.

    Raises
    ------
    ReviewError
        Kind and path do not belong together.
    NotFoundError
        The product is not on the queue.
    ClaimedError
        The claim has ended or is somebody else's, or the product is decided; the message says what to do.
    """
    item = hold(c, product_id=product_id, by=by, now=now)
    answer = _read_answer(kind, path, find_prediction(c, id=item.prediction_id))
    decision = NewDecision(
        product_id=item.product_id,
        prediction_id=item.prediction_id,
        source="moderator",
        kind=kind,
        path=answer,
        queue_reason=item.reason,
        decided_by=by,
        decided_name=name_of(c, key_id=by),
        decided_at=now,
    )
    number = keep_decision(c, decision)
    if kind == "skip":
        skip(c, product_id=item.product_id, by=by, now=now)
        settled = False
    else:
        close(c, product_id=item.product_id, now=now)
        settled = _settle(c, item, by=by, now=now, second=draw < policy.second_share)
    state: Literal["decided", "queued"] = "decided" if settled else "queued"
    return Decided(decision_id=number, product_id=item.product_id, kind=kind, path=answer, state=state)


def undo(c: Connection, *, decision_id: int, by: str, now: int, policy: ReviewPolicy = DEFAULT_POLICY) -> Decided:
    """Take back a decision of one's own: the product is in one's hands again, filed as it was before.

    Where somebody decided later, that stands: the product stays off the queue, and only one's voice is withdrawn.

    Raises
    ------
    NotFoundError
        There is no such decision.
    UndoError
        It is somebody else's, a seller's choice, or undone already.
    ClaimedError
        Somebody else looks at the product just now.
    """
    found = find_decision(c, id=decision_id)
    if found.source != "moderator":
        raise UndoError(f"decision {decision_id} is what the seller chose: it decided nothing, and stays as it is")
    refuse_undo(found, by=by)
    item = lock(c, product_id=found.product_id)
    later = answers(each for each in decisions_of(c, product_id=item.product_id) if each.id > decision_id)
    if not later:
        skips = int(found.kind == "skip")
        reason = found.queue_reason or item.reason
        item = take_back(c, item, by=by, now=now, lease_us=policy.lease_us, reason=reason, skips=skips)
    undo_decision(c, id=decision_id, by=by, now=now)
    agreed = _file_anew(c, item, now)
    if later and agreed and item.state == "waiting" and item.reason == "conflict" and item.claimed_by is None:
        close(c, product_id=item.product_id, now=now)  # who contradicted the others does so no more
        item = lock(c, product_id=item.product_id)
    return Decided(
        decision_id=decision_id,
        product_id=found.product_id,
        kind=found.kind,
        path=found.path,
        state="decided" if item.state == "closed" else "queued",
    )


def _settle(c: Connection, item: QueueItem, *, by: str, now: int, second: bool) -> bool:
    """File a product by what people say of it, where they agree; have others look where they do not, or are drawn."""
    name = item.product_id
    verdict = verdicts(decisions_of(c, product_id=name))[name]
    if verdict.disagree:
        reopen(c, product_id=name, reason="conflict", now=now, not_by=by)
        return False
    set_category(c, id=name, path=verdict.path, decided_by="person", now=now)
    if second and item.reason not in ("second", "conflict") and others_decide(c, by=by, since=now - _TEAM_US):
        reopen(c, product_id=name, reason="second", now=now, not_by=by)
    return True


def _read_answer(kind: str, path: CategoryPath | None, prediction: StoredPrediction) -> CategoryPath | None:
    """Return the category that an answer names."""
    if kind in ("none", "skip"):
        if path:
            raise ReviewError(f"{kind!r} names no category: leave the path out, or answer 'change'")
        return None
    if kind == "accept":
        proposed = proposal(prediction)
        if not proposed:
            raise ReviewError("the engine proposed nothing that could be accepted: answer 'change' with a category")
        if path and path not in (proposed, prediction.leaf):
            raise ReviewError(f"{path} is not what the engine proposed, {proposed}: answer 'change' to file it there")
        return path or proposed
    if kind != "change":
        raise ReviewError(f"{kind!r} is no answer: accept, change, none or skip")
    if not path or not all(name.strip() for name in path):
        raise ReviewError(f"{path} names no category: a change needs the names from the root down")
    return path


def _file_anew(c: Connection, item: QueueItem, now: int) -> bool:
    """File a product by what is left: people's answers, else the engine's own where it decided; tell if people agree.

    Where they do not, the first answer holds until one has more people behind it.
    """
    left = decisions_of(c, product_id=item.product_id)
    people = answers(left)
    if people:
        verdict = verdicts(left)[item.product_id]
        path = people[0].path if verdict.disagree else verdict.path
        set_category(c, id=item.product_id, path=path, decided_by="person", now=now)
        return not verdict.disagree
    prediction = find_prediction(c, id=item.prediction_id)
    chosen = next((each.path for each in left if each.source == "seller"), None)
    decides = engine_decides(prediction, chosen)
    path, who = (prediction.path, "engine") if decides else (None, None)
    set_category(c, id=item.product_id, path=path, decided_by=who, now=now)
    return False

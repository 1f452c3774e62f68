"""A moderator answers, and may take it back."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from aisle.errors import ReviewError, UndoError
from aisle.product import CategoryPath
from aisle.review.agreement import answers, engine_decides, proposal
from aisle.review.policy import DEFAULT_POLICY, ReviewPolicy
from aisle.store.decisions import decisions_of, find_decision, keep_decision, name_of, refuse_undo, undo_decision
from aisle.store.predictions import find_prediction
from aisle.store.products import set_category
from aisle.store.queue import close, hold, lock, skip, take_back
from aisle.store.records import Kind, NewDecision, QueueItem, StoredPrediction


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What became of a product that somebody decided on.

    Attributes
    ----------
    state : {"decided", "queued"}
        Off the queue, or on it still or again.
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
) -> Decided:
    """Keep what the holder of a claim answers, and file the product accordingly.

    Parameters
    ----------
    kind : {"accept", "change", "none", "skip"}
        What the engine put first; another category; none of the taxonomy; somebody else should look.
    path : tuple of str or None
        The category, for a change; may be left out to accept.
    by : str
        A key.
    policy : ReviewPolicy

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
    else:
        set_category(c, id=item.product_id, path=answer, decided_by="person", now=now)
        close(c, product_id=item.product_id, now=now)
    state: Literal["decided", "queued"] = "queued" if kind == "skip" else "decided"
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
        item = take_back(c, item, by=by, now=now, lease_us=policy.lease_us, skips=skips)
    undo_decision(c, id=decision_id, by=by, now=now)
    _file_anew(c, item, now)
    return Decided(
        decision_id=decision_id,
        product_id=found.product_id,
        kind=found.kind,
        path=found.path,
        state="decided" if item.state == "closed" else "queued",
    )


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


def _file_anew(c: Connection, item: QueueItem, now: int) -> None:
    """File a product by what is left: the latest answer of a person, else the engine's own where it decided."""
    left = decisions_of(c, product_id=item.product_id)
    people = answers(left)
    if people:
        set_category(c, id=item.product_id, path=people[-1].path, decided_by="person", now=now)
        return
    prediction = find_prediction(c, id=item.prediction_id)
    chosen = next((each.path for each in left if each.source == "seller"), None)
    decides = engine_decides(prediction, chosen)
    path, who = (prediction.path, "engine") if decides else (None, None)
    set_category(c, id=item.product_id, path=path, decided_by=who, now=now)

"""A product comes in: the engine files it, or people look at it."""

from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import Connection

from aisle.errors import ReviewError
from aisle.product import CategoryPath, Prediction
from aisle.review.agreement import engine_decides, first_step, proposal, starts_with
from aisle.review.policy import ReviewPolicy
from aisle.review.value import check_volume, novelty, value
from aisle.store.decisions import keep_decision, name_of
from aisle.store.predictions import keep_prediction
from aisle.store.products import keep_product
from aisle.store.queue import put, value_at
from aisle.store.records import NewDecision, NewItem, Reason, StoredProduct


@dataclass(frozen=True, kw_only=True)
class Received:
    """What became of a product that came in.

    Attributes
    ----------
    state : {"decided", "queued"}
        Filed by the engine, or waiting for a person.
    reason : str or None
        Why it lies on the queue: a filed one does for an audit only.
    """

    product_id: str
    state: Literal["decided", "queued"]
    reason: Reason | None
    prediction_id: int


def receive(
    c: Connection,
    product: StoredProduct,
    prediction: Prediction,
    *,
    chosen: CategoryPath | None,
    precision: float,
    policy: ReviewPolicy,
    draw: float,
    now: int,
) -> Received:
    """Keep a product and what the engine said of it; file it, or put it on the queue.

    Parameters
    ----------
    product : StoredProduct
        Where it says that it is filed somewhere, that is ignored.
    prediction : Prediction
    chosen : tuple of str or None
        What the seller chose. It is kept, and decides nothing: where it contradicts the engine, a person looks.
    precision : float
        The precision that the engine was asked for.
    policy : ReviewPolicy
    draw : float
        A random number in [0, 1): where it lies below the policy's share of audits, a person judges what the engine
        filed.
    now : int

    Raises
    ------
    ReviewError
        The volume, the draw, the precision or a probability is out of range; nothing is kept.
    StoreError
        The product is kept already.
    """
    _check(product, draw, precision)
    unlike = novelty(prediction.evidence)
    worth = value(min(1.0, prediction.probability), product.volume, unlike)
    decides = engine_decides(prediction, chosen)
    path, who = (prediction.path, "engine") if decides else (None, None)
    keep_product(c, replace(product, category=path, decided_by=who, created_at=now, changed_at=now))
    number = keep_prediction(
        c, product_id=product.id, prediction=prediction, precision=precision, novelty=unlike, now=now
    )
    if chosen:
        _keep_choice(c, product, prediction, chosen, number, now)
    reason = _reason(prediction, decides=decides, audited=draw < policy.audit_share)
    if reason is not None:
        if reason == "audit":
            worth = _blind_value(c, draw / policy.audit_share)
        item = NewItem(
            product_id=product.id,
            prediction_id=number,
            reason=reason,
            value=worth,
            top_category=first_step(prediction),
            created_at=now,
        )
        put(c, item)
    return Received(
        product_id=product.id, state="decided" if decides else "queued", reason=reason, prediction_id=number
    )


def _check(product: StoredProduct, draw: float, precision: float) -> None:
    check_volume(product.volume)
    if not 0 <= draw < 1:
        raise ReviewError(f"draw {draw} must be a random number from 0 to just below 1")
    if not 0 < precision < 1:
        raise ReviewError(f"precision {precision} must lie between 0 and 1, e.g. 0.98 for 98 %")


def _reason(prediction: Prediction, *, decides: bool, audited: bool) -> Reason | None:
    if decides:
        return "audit" if audited else None
    return "review" if prediction.decision == "review" or not prediction.path else "disagreement"


def _blind_value(c: Connection, share: float) -> float:
    """Return the value of some product on the queue, drawn at random.

    By its own value an audited product would lie at the end, for the engine was sure of it: nobody would come to it, or
    only to the least sure of them, and the precision on those who were judged would be too low. So its place says
    nothing of it, neither to the estimate nor to the person who is to judge blind.
    """
    found = value_at(c, share=share)
    return share if found is None else found


def _keep_choice(
    c: Connection, product: StoredProduct, prediction: Prediction, chosen: CategoryPath, number: int, now: int
) -> None:
    proposed = proposal(prediction)
    decision = NewDecision(
        product_id=product.id,
        prediction_id=number,
        source="seller",
        kind="accept" if proposed and starts_with(proposed, chosen) else "change",
        path=chosen,
        queue_reason=None,
        decided_by=product.owner,
        decided_name=name_of(c, key_id=product.owner),
        decided_at=now,
    )
    keep_decision(c, decision)

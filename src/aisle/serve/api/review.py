"""``/v1/review``: the queue, claims on it, and how well engine and people do."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from aisle.review.figures import figures
from aisle.serve.api.bodies import Alternative, EvidenceAnswer, alternatives_answer, evidence_answer
from aisle.serve.api.figures import FiguresAnswer
from aisle.serve.api.links import TO_CLAIM, TO_DECISION
from aisle.serve.caller import caller
from aisle.serve.context import context
from aisle.serve.problems import described, not_found
from aisle.store.claims import claim, claim_one, release
from aisle.store.predictions import find_predictions
from aisle.store.products import find_products
from aisle.store.queue import count, waiting
from aisle.store.records import QueueFilters, QueueItem, Reason, StoredPrediction, StoredProduct

router = APIRouter(prefix="/v1/review", tags=["review"])

_DAY = 86_400_000_000

ShownReason = Literal["review", "disagreement", "conflict"]
"""Audits are not told apart: people judge them blind. They are shown as ``review``."""

Category = Annotated[str | None, Query(max_length=500, description="First step of the most probable category")]
Why = Annotated[list[ShownReason] | None, Query(description="Why it waits; any by default")]
Text = Annotated[str, Query(max_length=200, description="In the title")]


class QueueEntry(BaseModel):
    """A product that waits for a person; times are microseconds since 1970 in UTC."""

    product_id: str
    title: str
    description: str
    attributes: dict[str, str]
    photo: str | None
    reason: ShownReason
    value: float
    proposal: list[str]
    probability: float
    alternatives: list[Alternative]
    evidence: EvidenceAnswer
    created_at: int
    claimed: bool
    claimed_until: int | None


class Queue(BaseModel):
    """A part of the queue, the most valuable first."""

    total: int
    items: list[QueueEntry]


@router.get("", responses={200: {"links": TO_CLAIM}})
async def get_queue(
    request: Request,
    category: Category = None,
    reason: Why = None,
    text: Text = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Queue:
    """List what waits."""
    filters = _filters(category, reason, text)

    def work() -> Queue:
        here = context(request)
        with here.database.read() as c:
            found = waiting(c, now=here.clock(), filters=filters, limit=limit, offset=offset)
            return Queue(total=count(c, filters), items=_items(c, found))

    return await run_in_threadpool(work)


@router.post(
    "/claim", response_model=QueueEntry, responses={200: {"links": TO_DECISION}, 204: {"description": "Nothing waits"}}
)
async def claim_next(request: Request, category: Category = None, reason: Why = None, text: Text = "") -> Any:
    """Claim the next product; for some minutes nobody else is given it."""
    filters = _filters(category, reason, text)

    def work(c: Connection) -> QueueItem | None:
        here = context(request)
        lease = here.options.policy.lease_us
        return claim(c, by=caller(request).key_id, now=here.clock(), lease_us=lease, filters=filters)

    found = await run_in_threadpool(_claimed, request, work)
    return Response(status_code=204) if found is None else found


@router.post(
    "/{id}/claim",
    responses={200: {"links": TO_DECISION}, 409: described("Somebody else looks at it, or it is decided")},
)
async def claim_product(request: Request, id: str) -> QueueEntry:  # noqa: A002 - as the path has it
    """Claim one product."""

    def work(c: Connection) -> QueueItem:
        here = context(request)
        lease = here.options.policy.lease_us
        return claim_one(c, product_id=id, by=caller(request).key_id, now=here.clock(), lease_us=lease)

    found = await run_in_threadpool(_claimed, request, work)
    if found is None:
        raise not_found()
    return found


@router.post("/{id}/release", status_code=204)
async def release_product(request: Request, id: str) -> Response:  # noqa: A002 - as the path has it
    """Give a claim back."""

    def work() -> None:
        with context(request).database.write() as c:
            release(c, product_id=id, by=caller(request).key_id)

    await run_in_threadpool(work)
    return Response(status_code=204)


@router.get("/figures")
async def get_figures(request: Request, days: Annotated[int, Query(ge=1, le=3650)] = 90) -> FiguresAnswer:
    """Return the share decided automatically, agreement with people, and precision on the random audit slice."""

    def work() -> FiguresAnswer:
        here = context(request)
        now = here.clock()
        with here.database.read() as c:
            return FiguresAnswer.model_validate(figures(c, since=now - days * _DAY, until=now + 1, now=now))

    return await run_in_threadpool(work)


def _filters(category: str | None, reasons: list[ShownReason] | None, text: str) -> QueueFilters:
    """Return filters in which audits go with what the engine left open: nobody can single them out."""
    wanted: tuple[Reason, ...] = tuple(each for each in get_args(Reason) if shown_reason(each) in (reasons or ()))
    return QueueFilters(top_category=category, reasons=wanted, text=text)


def shown_reason(reason: Reason) -> ShownReason:
    """Return why a product waits as people are told."""
    return "review" if reason == "audit" or reason == "second" else reason


def _claimed(request: Request, work: Callable[[Connection], QueueItem | None]) -> QueueEntry | None:
    with context(request).database.write() as c:
        found = work(c)
        return None if found is None else _items(c, [found])[0]


def _items(c: Connection, found: list[QueueItem]) -> list[QueueEntry]:
    products = find_products(c, ids=[each.product_id for each in found])
    said = find_predictions(c, ids=[each.prediction_id for each in found])
    return [_item(each, products[each.product_id], said[each.prediction_id]) for each in found]


def _item(item: QueueItem, product: StoredProduct, said: StoredPrediction) -> QueueEntry:
    return QueueEntry(
        product_id=product.id,
        title=product.title,
        description=product.description,
        attributes=dict(product.attributes),
        photo=product.photo,
        reason=shown_reason(item.reason),
        value=item.value,
        proposal=list(said.path or said.leaf),
        probability=said.probability,
        alternatives=alternatives_answer(said.alternatives),
        evidence=evidence_answer(said.evidence),
        created_at=item.created_at,
        claimed=item.claimed_by is not None,
        claimed_until=item.claimed_until,
    )

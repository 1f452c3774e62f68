"""``/v1/products``: products that are classified and kept."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from aisle.errors import StoreError
from aisle.files import sha256_bytes
from aisle.product import CategoryPath, Prediction
from aisle.review.agreement import told
from aisle.review.intake import receive
from aisle.serve.api.bodies import Alternative, Answer, PostBody, alternatives_answer
from aisle.serve.api.classify import answer, answering, predict
from aisle.serve.api.links import TO_PRODUCT
from aisle.serve.api.repeats import REPLAYED, once
from aisle.serve.api.uploads import Given, after, read_body, read_item, request_body
from aisle.serve.caller import caller
from aisle.serve.context import Context, context
from aisle.serve.problems import Problem, described, not_found
from aisle.store.decisions import decisions_of
from aisle.store.photos import note_photo
from aisle.store.predictions import predictions_of
from aisle.store.products import find_by_reference, find_product
from aisle.store.queue import find_item
from aisle.store.records import StoredDecision, StoredPrediction, StoredProduct
from aisle.store.text import dump_json

router = APIRouter(prefix="/v1", tags=["products"])

_DRAW = secrets.SystemRandom()

RepeatKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=255, description="The same key, the same effect, once"),
]


class Kept(BaseModel):
    """A product that was kept."""

    id: str
    reference: str | None
    state: Literal["decided", "queued"] = Field(description="Filed by the engine, or waiting for a person")
    category: list[str] | None
    answer: Answer


class PredictionEntry(BaseModel):
    """What an engine said."""

    engine: str
    decision: str
    path: list[str]
    probability: float
    alternatives: list[Alternative]
    reason: str
    created_at: int


class DecisionEntry(BaseModel):
    """What a person said."""

    id: int
    source: str
    kind: str
    path: list[str] | None
    by: str
    decided_at: int
    undone_at: int | None


class ProductAnswer(BaseModel):
    """A product and what was said of it; times are microseconds since 1970 in UTC."""

    id: str
    reference: str | None
    title: str
    description: str
    attributes: dict[str, str]
    photo: str | None
    volume: float
    category: list[str] | None
    decided_by: str | None
    created_at: int
    predictions: list[PredictionEntry]
    decisions: list[DecisionEntry]


@router.post(
    "/products", status_code=201, response_model=Kept, openapi_extra=request_body(PostBody),
    responses={201: {"links": TO_PRODUCT}, 409: described("The reference is taken")},
)  # fmt: skip
async def post_product(request: Request, repeat_key: RepeatKey = None) -> Response:
    """Classify a product and keep it: JSON, or a form with the photo as a file."""
    body = await read_body(request, PostBody)
    chosen = tuple(body.chosen) if body.chosen else None
    given = await read_item(request, body)
    prediction = await predict(request, given, precision=None, evidence=True)
    given = await after(given, prediction)
    status, text, again = await run_in_threadpool(_keep, request, body, given, prediction, chosen, repeat_key)
    return Response(text, status_code=status, media_type="application/json", headers=REPLAYED if again else None)


@router.get("/products/{id}")
async def get_product(request: Request, id: str) -> ProductAnswer:  # noqa: A002 - as the path has it
    """Return a product with its history: one's own, or, for who reviews, anybody's."""
    return await run_in_threadpool(_find, request, id)


def check_category(here: Context, path: CategoryPath | None, *, field: str) -> None:
    """Refuse a category that the live taxonomy does not have.

    Raises
    ------
    Problem
        422 ``unknown_category``.
    """
    if path is not None and path not in here.live.loaded.known:
        raise Problem(422, "unknown_category", "There is no such category",
                      "Take a path from /v1/taxonomy, from the root down.", field=field)  # fmt: skip


def _keep(
    request: Request,
    body: PostBody,
    given: Given,
    prediction: Prediction,
    chosen: CategoryPath | None,
    repeat_key: str | None,
) -> tuple[int, str, bool]:
    """Keep a product, its photo and its prediction in one transaction with the answer."""
    here, owner = context(request), caller(request).key_id
    photo = given.product.photo
    sha = here.photos.keep(photo) if isinstance(photo, bytes) else None
    given_photo = None if body.photo_base64 is None else sha256_bytes(body.photo_base64)
    sent = [body.model_dump(mode="json", exclude={"photo_base64"}), given_photo]
    loaded = answering(here.live, prediction)
    now = here.clock()

    def effect(c: Connection) -> tuple[int, str]:
        check_category(here, chosen, field="chosen")
        if sha is not None and isinstance(photo, bytes):
            note_photo(c, sha=sha, size=len(photo), now=now)
        product = _stored(body, owner, sha)
        with _reference_of(c, product):
            received = receive(
                c,
                product,
                prediction,
                chosen=chosen,
                precision=loaded.engine.precision,
                policy=here.options.policy,
                draw=_DRAW.random(),
                now=now,
            )
        kept = Kept(
            id=product.id,
            reference=body.reference,
            state=received.state,
            category=list(prediction.path) if received.state == "decided" else None,
            answer=answer(loaded, given, prediction, precision=None, evidence=True),
        )
        return 201, kept.model_dump_json()

    digest = sha256_bytes(dump_json(sent).encode("utf-8"))
    return once(here, owner=owner, key=repeat_key, route="/v1/products", digest=digest, now=now, effect=effect)


@contextmanager
def _reference_of(c: Connection, product: StoredProduct) -> Iterator[None]:
    """Say so where a product is not kept because its owner has another of that reference, maybe since a moment ago."""
    try:
        yield
    except StoreError as err:
        reference = product.reference
        if reference is None or find_by_reference(c, reference=reference, owner=product.owner) is None:
            raise
        raise Problem(409, "reference_taken", "The reference is taken",
                      "One of your products is called so already.", field="reference") from err  # fmt: skip


def _stored(body: PostBody, owner: str, sha: str | None) -> StoredProduct:
    return StoredProduct(
        id=secrets.token_hex(16),
        owner=owner,
        reference=body.reference,
        title=body.title,
        description=body.description,
        attributes=body.attributes,
        photo=sha,
        volume=body.volume,
    )


def _find(request: Request, identity: str) -> ProductAnswer:
    here, who = context(request), caller(request)
    with here.database.read() as c:
        product = find_product(c, id=identity)
        if product.owner != who.key_id and "review" not in who.scopes:
            raise not_found("There is none by that name, or none any more.")
        predictions = predictions_of(c, product_id=product.id)
        item = find_item(c, product_id=product.id)
        decisions = decisions_of(c, product_id=product.id)
        if product.owner != who.key_id and item is not None and item.state == "waiting":
            # Whoever is to judge it must not know whether the engine has filed it: it may be an audit.
            product, predictions = replace(product, category=None, decided_by=None), []
            decisions = told(decisions, item)
    return ProductAnswer(
        id=product.id,
        reference=product.reference,
        title=product.title,
        description=product.description,
        attributes=dict(product.attributes),
        photo=product.photo,
        volume=product.volume,
        category=None if product.category is None else list(product.category),
        decided_by=product.decided_by,
        created_at=product.created_at,
        predictions=[_prediction_entry(each) for each in predictions],
        decisions=[decision_entry(each) for each in decisions],
    )


def _prediction_entry(said: StoredPrediction) -> PredictionEntry:
    return PredictionEntry(
        engine=said.engine_id,
        decision=said.decision,
        path=list(said.path),
        probability=said.probability,
        alternatives=alternatives_answer(said.alternatives),
        reason=said.reason,
        created_at=said.created_at,
    )


def decision_entry(decision: StoredDecision) -> DecisionEntry:
    """Return a decision as it is answered."""
    return DecisionEntry(
        id=decision.id,
        source=decision.source,
        kind=decision.kind,
        path=None if decision.path is None else list(decision.path),
        by=decision.decided_name,
        decided_at=decision.decided_at,
        undone_at=decision.undone_at,
    )

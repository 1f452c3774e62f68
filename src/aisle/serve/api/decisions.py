"""``/v1/decisions``: what people say of products on the queue."""

import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from aisle.files import sha256_bytes
from aisle.review.deciding import Decided, decide, undo
from aisle.serve.api.bodies import DecisionBody
from aisle.serve.api.links import TO_UNDOING
from aisle.serve.api.products import RepeatKey, check_category
from aisle.serve.api.repeats import REPLAYED, once
from aisle.serve.caller import caller
from aisle.serve.context import context
from aisle.serve.problems import described
from aisle.store.text import dump_json

router = APIRouter(prefix="/v1", tags=["review"])

_DRAW = secrets.SystemRandom()


Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


class DecisionAnswer(BaseModel):
    """What became of a product."""

    id: int
    product_id: str
    kind: Literal["accept", "change", "none", "skip"]
    path: list[str] | None
    state: Literal["decided", "queued"]


@router.post(
    "/decisions", status_code=201, response_model=DecisionAnswer,
    responses={201: {"links": TO_UNDOING}, 409: described("It is not claimed by you, or is decided")},
)  # fmt: skip
async def post_decision(request: Request, body: DecisionBody, repeat_key: RepeatKey = None) -> Response:
    """Decide on a product that you have claimed."""
    status, text, again = await run_in_threadpool(_decide, request, body, repeat_key)
    return Response(text, status_code=status, media_type="application/json", headers=REPLAYED if again else None)


@router.delete("/decisions/{id}", responses={409: described("It is not yours, or is undone already")})
async def delete_decision(request: Request, id: Number) -> DecisionAnswer:  # noqa: A002 - as the path has it
    """Take back a decision of your own: the product is in your hands again."""

    def work() -> Decided:
        here = context(request)
        with here.database.write() as c:
            return undo(c, decision_id=id, by=caller(request).key_id, now=here.clock(), policy=here.options.policy)

    return _answer(await run_in_threadpool(work))


def _decide(request: Request, body: DecisionBody, repeat_key: str | None) -> tuple[int, str, bool]:
    here, owner = context(request), caller(request).key_id
    path = tuple(body.path) if body.path else None
    now = here.clock()

    def effect(c: Connection) -> tuple[int, str]:
        check_category(here, path, field="path")
        done = decide(
            c,
            product_id=body.product_id,
            kind=body.kind,
            path=path,
            by=owner,
            now=now,
            policy=here.options.policy,
            draw=_DRAW.random(),
        )
        return 201, _answer(done).model_dump_json()

    digest = sha256_bytes(dump_json(body.model_dump(mode="json")).encode("utf-8"))
    return once(here, owner=owner, key=repeat_key, route="/v1/decisions", digest=digest, now=now, effect=effect)


def _answer(done: Decided) -> DecisionAnswer:
    return DecisionAnswer(
        id=done.decision_id,
        product_id=done.product_id,
        kind=done.kind,
        path=None if done.path is None else list(done.path),
        state=done.state,
    )

"""``/v1/engine``: what answers."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from aisle.engine.engine import Engine
from aisle.heads.thresholds import Threshold
from aisle.serve.context import context
from aisle.store.engines import live
from aisle.store.records import Live

router = APIRouter(prefix="/v1", tags=["operation"])


class Certificate(BaseModel):
    """What products with these fields are promised."""

    fields: list[str]
    certified: bool
    threshold: float | None = Field(description="Probability from which an answer is given")
    coverage: float | None = Field(description="Share of held-out products that were answered")
    reason: str


class EngineAnswer(BaseModel):
    """The live engine; times are microseconds since 1970 in UTC."""

    version: str
    taxonomy: str
    categories: int
    reads: list[str]
    precision: float
    certificates: list[Certificate]
    generation: int | None
    previous: str | None
    changed_at: int | None
    changed_by: str | None
    failed_swap: bool = Field(description="Whether the last engine that was to go live could not; the log says why")


@router.get("/engine")
async def get_engine(request: Request) -> EngineAnswer:
    """Describe the engine that answers."""
    here = context(request)
    loaded = here.live.loaded
    engine = loaded.engine

    def ask() -> Live | None:
        with here.database.read() as c:
            return live(c)

    pointer = await run_in_threadpool(ask)
    return EngineAnswer(
        version=loaded.version,
        taxonomy=loaded.taxonomy_version,
        categories=len(loaded.taxonomy),
        reads=list(engine.modalities),
        precision=engine.precision,
        certificates=await run_in_threadpool(_certificates, engine),
        generation=None if pointer is None else pointer.generation,
        previous=None if pointer is None else pointer.previous_id,
        changed_at=None if pointer is None else pointer.changed_at,
        changed_by=None if pointer is None else pointer.changed_by,
        failed_swap=bool(here.live.error),
    )


def _certificates(engine: Engine) -> list[Certificate]:
    found = []
    for subset in engine.knowledge.classifier.pools:
        rule = engine.certificate(subset, precision=engine.precision)
        known = isinstance(rule, Threshold)
        found.append(
            Certificate(
                fields=list(subset),
                certified=known,
                threshold=rule.threshold if isinstance(rule, Threshold) else None,
                coverage=rule.coverage if isinstance(rule, Threshold) else None,
                reason="" if isinstance(rule, Threshold) else rule.reason,
            )
        )
    return found

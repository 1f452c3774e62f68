"""The app: layers that every request passes, and the rooms behind them."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from importlib.metadata import version
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from aisle.errors import AisleError
from aisle.serve.api import (
    classify,
    decisions,
    engine,
    metrics,
    open_inference,
    products,
    review,
    taxonomy,
)
from aisle.serve.caller import Callers
from aisle.serve.context import Context, now
from aisle.serve.inference.batcher import Batcher
from aisle.serve.inference.live import LiveEngine
from aisle.serve.logs import RequestLog
from aisle.serve.metrics import Metrics
from aisle.serve.options import ServeOptions
from aisle.serve.pages import assets, figures, moderator, moderator_queue, photos, seller, sign_in
from aisle.serve.pages.rendering import problem_page
from aisle.serve.policy import POLICY
from aisle.serve.problems import RESPONSES, SCHEMA, Problems, answer
from aisle.serve.security.body_limit import BodyLimit, UnreadBody
from aisle.serve.security.deadline import Deadline
from aisle.serve.security.guard import Guard, authorise
from aisle.serve.security.headers import SecurityHeaders
from aisle.serve.security.rate_limit import TokenBuckets
from aisle.serve.upkeep import Upkeep
from aisle.settings import Settings
from aisle.store.database import Database
from aisle.store.photos import PhotoFolder

_API = (classify, products, decisions, review, taxonomy, engine, open_inference, metrics)
_PAGES = (seller, moderator, moderator_queue, figures, sign_in, photos, assets)

_STOP_SECONDS = 10.0


def make_app(live: LiveEngine, database: Database, options: ServeOptions, *, clock: Callable[[], int] = now) -> FastAPI:
    """Make the service.

    What it is given is its own from then on: when it stops, the queue is answered and all is closed.

    Parameters
    ----------
    live : LiveEngine
        With an engine loaded.
    database : Database
        Open.
    options : ServeOptions
    clock : callable, optional
        Microseconds since 1970.
    """
    app = make_rooms(options)
    app.state.context = _make_context(live, database, options, clock)
    app.state.problem_page = problem_page
    return app


def make_rooms(options: ServeOptions) -> FastAPI:
    """Make the service without what it works with: enough to describe it."""
    app = FastAPI(
        title="Aisle",
        version=version("aisle"),
        summary="Puts every product in the right aisle.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(authorise)],
        middleware=_layers(options),
        lifespan=_lifespan,
        responses=RESPONSES,
        generate_unique_id_function=lambda route: route.name,
        form_limits={"max_files": options.max_parts, "max_fields": options.max_parts},
        exception_handlers=dict.fromkeys((HTTPException, RequestValidationError, AisleError), answer),
    )
    for room in _API:
        app.include_router(room.router)
    for page in _PAGES:
        app.include_router(page.router, include_in_schema=False)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]
    return app


def _make_context(live: LiveEngine, database: Database, options: ServeOptions, clock: Callable[[], int]) -> Context:
    metrics = Metrics()
    batcher = Batcher(
        live,
        workers=options.workers or Settings().threads,
        queue_size=options.queue_size,
        batch_size=options.batch_size,
        observe=metrics.batch,
    )
    metrics.follow(live, batcher)
    return Context(
        live=live,
        batcher=batcher,
        database=database,
        photos=PhotoFolder(options.photos),
        options=options,
        metrics=metrics,
        callers=Callers(database, clock=clock),
        key_rates=TokenBuckets(rate=options.key_rate, burst=options.key_burst),
        ip_rates=TokenBuckets(rate=options.ip_rate, burst=options.ip_burst),
        clock=clock,
    )


def _layers(options: ServeOptions) -> list[Middleware]:
    """Return what every request passes, the outermost first."""
    return [
        Middleware(SecurityHeaders),
        Middleware(RequestLog),
        Middleware(UnreadBody),
        Middleware(Problems),
        Middleware(Deadline, seconds=options.request_seconds),
        Middleware(Guard),
        Middleware(BodyLimit, most=options.max_body),
    ]


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    context: Context = app.state.context
    context.live.watch(context.database, seconds=context.options.watch_seconds)
    upkeep = Upkeep(context.database, context.photos, clock=context.clock)
    upkeep.start()
    try:
        yield
    finally:  # the server has let the requests end
        await run_in_threadpool(upkeep.close)
        await context.callers.close()
        await run_in_threadpool(_close, context)


def _close(context: Context) -> None:
    context.live.close()
    context.batcher.close(timeout=_STOP_SECONDS)
    context.database.close()


def _describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with the problem schema and who may use each operation."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        parts = document.setdefault("components", {})
        parts.setdefault("schemas", {})["Problem"] = SCHEMA
        parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "An API key"}}
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                rule = POLICY.get((method.upper(), path))
                if rule is not None and rule.bearer:
                    operation["security"] = [{"key": []}]
                    operation["description"] += f"\n\nScope: {' or '.join(sorted(rule.scopes))}."
                for status in _impossible(operation):
                    del operation["responses"][str(status)]
        app.openapi_schema = document
    return app.openapi_schema


def _impossible(operation: Mapping[str, Any]) -> tuple[int, ...]:
    """Return which of `RESPONSES` an operation never gives."""
    public = () if "security" in operation else (401, 403)
    bodiless = () if "requestBody" in operation else (408, 415)
    return (*public, *bodiless)

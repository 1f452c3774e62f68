"""What routes work with, and what is known of a request on its way through the service."""

import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.requests import HTTPConnection

if TYPE_CHECKING:
    from aisle.serve.caller import Caller, Callers
    from aisle.serve.inference.batcher import Batcher
    from aisle.serve.inference.live import LiveEngine
    from aisle.serve.metrics import Metrics
    from aisle.serve.options import ServeOptions
    from aisle.serve.policy import Rule
    from aisle.serve.security.rate_limit import TokenBuckets
    from aisle.store.database import Database
    from aisle.store.photos import PhotoFolder

_RECORD = "aisle.record"


def now() -> int:
    """Return whole microseconds since 1970 in UTC."""
    return time.time_ns() // 1000


@dataclass(frozen=True, kw_only=True, eq=False)
class Context:
    """What one app has; all of it may be shared between threads.

    Attributes
    ----------
    clock : callable
        Microseconds since 1970; tests set it.
    """

    live: "LiveEngine"
    batcher: "Batcher"
    database: "Database"
    photos: "PhotoFolder"
    options: "ServeOptions"
    metrics: "Metrics"
    callers: "Callers"
    key_rates: "TokenBuckets"
    ip_rates: "TokenBuckets"
    clock: Callable[[], int] = now


@dataclass(kw_only=True, slots=True)
class RequestRecord:
    """What is known of a request, for its log line, its metrics and its answer.

    Attributes
    ----------
    id : str
        Ours; in every answer as ``X-Request-Id``.
    started : float
        On the clock of `time.monotonic`.
    template : str
        The route, e.g. ``/v1/products/{id}``; never the path, which is the sender's to choose.
    code : str
        Of the problem that was answered; empty where there was none.
    notes : dict
        What a route adds to the log line; see `note`.
    """

    id: str
    started: float
    method: str = ""
    template: str = ""
    rule: "Rule | None" = None
    caller: "Caller | None" = None
    code: str = ""
    notes: dict[str, str | int | float] = field(default_factory=dict)


def context(request: HTTPConnection) -> Context:
    """Return what routes work with."""
    found: Context = request.app.state.context
    return found


def record_of(scope: MutableMapping[str, Any]) -> RequestRecord:
    """Return what is known of a request; nothing but the time where no layer began one."""
    record: RequestRecord | None = scope.get(_RECORD)
    if record is None:
        record = scope[_RECORD] = RequestRecord(id="", started=time.monotonic())
    return record


def begin_record(scope: MutableMapping[str, Any], identity: str) -> RequestRecord:
    """Begin the record of a request."""
    record = scope[_RECORD] = RequestRecord(id=identity, started=time.monotonic(), method=scope["method"])
    return record


def request_id(request: HTTPConnection) -> str:
    """Return the id of a request, under which its log line is found."""
    return record_of(request.scope).id


def deadline(request: HTTPConnection) -> float:
    """Return until when a request must be answered, on the clock of `time.monotonic`; for the batcher."""
    return record_of(request.scope).started + context(request).options.request_seconds


def note(
    request: HTTPConnection,
    *,
    engine: str | None = None,
    photo: str | None = None,
    photo_bytes: int | None = None,
    products: int | None = None,
) -> None:
    """Add to the log line of a request. What sellers wrote has no place here.

    Parameters
    ----------
    engine : str, optional
        The fingerprint of the engine that answered.
    photo, photo_bytes : str, int, optional
        SHA-256 and size of a photo.
    products : int, optional
        How many were asked about.
    """
    given = {"engine": engine, "photo": photo, "photo_bytes": photo_bytes, "products": products}
    record_of(request.scope).notes.update({name: value for name, value in given.items() if value is not None})

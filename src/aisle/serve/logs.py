"""One line of JSON for each request: what is needed to find a fault, and nothing of what people wrote or are."""

import json
import logging
import sys
import time
from typing import IO, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.serve.context import Context, record_of

log = logging.getLogger("aisle.serve.request")

_LOGGER = "aisle"
_ABORTED = 499  # the client went away, or the connection was dropped in the middle of an answer


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a line break within is escaped, so that nobody can forge another."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {"time": f"{moment}.{int(record.msecs):03d}Z", "level": record.levelname.lower()}
        fields = getattr(record, "fields", None)
        if fields is None:
            line |= {"logger": record.name, "message": record.getMessage()}
        else:
            line |= fields
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, separators=(",", ":"))


def write_logs(stream: IO[str] | None = None, *, level: int = logging.INFO) -> logging.Handler:
    """Write the service's log as lines of JSON; to stderr by default. Return the handler, to be removed in tests."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger(_LOGGER)
    logger.addHandler(handler)
    logger.setLevel(level)
    return handler


class RequestLog:
    """Logs and counts every request once it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = _ABORTED

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except BaseException:
            status = _ABORTED
            raise
        finally:
            _finish(scope, status)


def _finish(scope: Scope, status: int) -> None:
    context: Context = scope["app"].state.context
    record = record_of(scope)
    seconds = time.monotonic() - record.started
    context.metrics.request(
        method=record.method, route=record.template, status=status, seconds=seconds, code=record.code
    )
    if not log.isEnabledFor(logging.INFO):
        return
    fields: dict[str, Any] = {
        "request": record.id,
        "method": record.method[:16],
        "route": record.template or None,
        "status": status,
        "ms": round(seconds * 1000, 2),
        "engine": context.live.version,
    }
    if record.code:
        fields["code"] = record.code
    if record.caller is not None:
        fields["key"] = record.caller.key_id
    log.info("request", extra={"fields": fields | record.notes})

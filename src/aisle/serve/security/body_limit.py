"""Bodies of bounded size, whatever their sender declares; and what becomes of those that nobody reads."""

import asyncio
import contextlib
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.serve.problems import Problem

_LINGER_SECONDS = 2.0
_LINGER_BYTES = 16 << 20


class BodyLimit:
    """Refuses bodies that are too large: at once where that is declared, else when they have become so.

    Parameters
    ----------
    app : ASGI app
    most : int
        Bytes.
    """

    def __init__(self, app: ASGIApp, *, most: int) -> None:
        self.app = app
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises
        ------
        Problem
            413 ``too_large``; 400 where the declared length is no number.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = _declared(scope)
        if declared is not None and declared > self.most:
            raise self._problem()
        size = 0

        async def count() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.most:
                raise self._problem()
            return message

        async def watch(message: Message) -> None:
            if size <= self.most:  # whatever a route makes of our exception, this is the answer
                await send(message)

        await self.app(scope, count, watch)
        if size > self.most:
            raise self._problem()

    def _problem(self) -> Problem:
        detail = f"A request may have {self.most / (1 << 20):g} MiB."
        return Problem(413, "too_large", "The request is too large", detail)


def _declared(scope: Scope) -> int | None:
    given = [value for name, value in scope["headers"] if name == b"content-length"]
    if not given:
        return None
    if len(set(given)) > 1 or not given[0].isdigit() or len(given[0]) > 18:
        raise Problem(400, "bad_request", "The request cannot be read", "Content-Length is no number.")
    return int(given[0])


class UnreadBody:
    """Closes the connection of a request that was answered before its body had come.

    Otherwise the server would go on to read what nobody wants, without end where the sender has none. A little is read
    first, so that a client that sends everything before it looks up sees the answer and no broken connection.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http" or not _has_body(scope):
            await self.app(scope, receive, send)
            return
        whole = False
        closing = False

        async def watch() -> Message:
            nonlocal whole
            message = await receive()
            whole = whole or not message.get("more_body", False)
            return message

        async def close(message: Message) -> None:
            nonlocal closing
            if message["type"] == "http.response.start" and not whole:
                closing = True
                headers = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"connection"]
                message = {**message, "headers": [*headers, (b"connection", b"close")]}
            elif closing and message["type"] == "http.response.body" and not message.get("more_body", False):
                await send({**message, "more_body": True})
                if not _expects(scope):
                    await _linger(watch, lambda: whole)
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        await self.app(scope, watch, close)


async def _linger(receive: Receive, whole: Callable[[], bool]) -> None:
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while not whole() and size < _LINGER_BYTES:
                size += len((await receive()).get("body", b""))


def _has_body(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0")):
            return True
    return False


def _expects(scope: Scope) -> bool:
    """Tell whether the client waits for a word before it sends its body: then it has sent nothing."""
    return any(name == b"expect" for name, _ in scope["headers"])

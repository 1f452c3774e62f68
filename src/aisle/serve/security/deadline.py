"""A time limit for each request, its body included."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.serve.problems import Problem


class Deadline:
    """Ends requests that take too long: those whose body drips in, and those whose answer does not come.

    What a thread has begun it ends: a write that was under way may be kept although the client is told otherwise, which
    is what ``Idempotency-Key`` is for.

    Parameters
    ----------
    app : ASGI app
    seconds : float
        Until the answer begins and is written.
    """

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises
        ------
        Problem
            408 ``slow_body`` or 503 ``timeout``.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        receiving = False

        async def watch() -> Message:
            nonlocal receiving
            receiving = True
            message = await receive()
            receiving = False
            return message

        limit = asyncio.timeout(self.seconds)
        try:
            async with limit:
                await self.app(scope, watch, send)
        except TimeoutError as err:
            if not limit.expired():
                raise
            if receiving:
                detail = f"A request must have come within {self.seconds:g} s."
                raise Problem(408, "slow_body", "The request took too long to arrive", detail) from err
            detail = "The answer was not ready in time. Try again in a moment."
            raise Problem(503, "timeout", "The service is busy", detail, retry_after=1) from err

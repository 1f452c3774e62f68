"""Headers of every answer, and the id of every request."""

import secrets
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.serve.context import begin_record

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_ALWAYS: Final = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), geolocation=(), microphone=()"),
)
_UNKEPT: Final = (b"cache-control", b"no-store")


class SecurityHeaders:
    """Begins the record of each request and adds the headers; answers are kept by nobody unless they say so."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; connections of other kinds are closed: nothing here speaks WebSocket."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        identity = secrets.token_hex(16)
        begin_record(scope, identity)

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                more = [pair for pair in (*_ALWAYS, _UNKEPT) if pair[0] not in names]
                message = {**message, "headers": [*given, *more, (b"x-request-id", identity.encode())]}
            await send(message)

        await self.app(scope, receive, add)

"""Connections: heads of requests that end, in size and in time, where the server itself sets no limit.

uvicorn's ``h11_max_incomplete_event_size`` is for its other parser alone, and none of its settings ends a connection on
which a request never becomes whole.
"""

import asyncio
import socket
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from aisle.serve.options import ServeOptions

if TYPE_CHECKING:
    from fastapi import FastAPI
    from uvicorn import Config

MOST_HEAD = 64 << 10
"""Bytes of a request's first line and headers; one read of the socket may bring some more."""

HEAD_SECONDS = 10.0
"""From the first byte of a head, or from the connection, to its last."""

_FRAMING = 8  # bytes around each byte of a body that is sent in chunks, at most; trailers count as such, too


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with an end to heads and trailers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._around_body = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request.

        asyncio lets small packets go at once only where a socket names its protocol, which one that was opened by hand
        does not: the body of an answer would wait 40 ms for the client to acknowledge the head.
        """
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and drop the connection where too much has come to no end."""
        self._around_body += len(data)
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
        if self._head_bytes > MOST_HEAD:
            self._drop(b"431 Request Header Fields Too Large")
        elif not self._in_head and self._around_body > MOST_HEAD:
            self._drop(b"")

    def on_message_begin(self) -> None:
        """Begin to wait for the end of a head."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Pass the request on."""
        self._end_head()
        self._head_bytes = self._around_body = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on."""
        self._around_body = max(0, self._around_body - _FRAMING * len(body))
        super().on_body(body)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._drop, b"408 Request Timeout")
        self._in_head = True

    def _end_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
        self._head_timer = None
        self._in_head = False

    def _drop(self, status: bytes) -> None:
        if self.transport.is_closing():
            return
        if status and (self.cycle is None or self.cycle.response_complete):
            self.transport.write(b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        self.transport.close()


def server_config(app: "FastAPI", options: ServeOptions) -> "Config":
    """Return how uvicorn is to run an app: every limit of a connection is set here."""
    from uvicorn import Config

    return Config(
        app,
        host=options.host,
        port=options.port,
        http=BoundedProtocol,
        ws="none",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        log_config=None,
        log_level="warning",
        timeout_keep_alive=options.keep_alive_seconds,
        timeout_graceful_shutdown=options.stop_seconds,
        limit_concurrency=options.concurrency,
    )

"""Photos fetched from an address that a stranger names, so that nothing inside is ever reached.

A name is looked up once; every address it has is judged, and the connection goes to one that was judged, whatever the
name means a moment later. Each redirect is judged anew. No proxy of the environment is used, nothing is decompressed,
and size and time have one limit for the whole. Whatever goes wrong on the way, the caller hears the same sentence: what
the inside answers, and whether there is anything, stays inside.
"""

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, urljoin, urlsplit

import h11

from aisle.serve.problems import Problem
from aisle.serve.security.addresses import is_public

log = logging.getLogger(__name__)

REDIRECTS = 2
PORTS = {"http": 80, "https": 443}

_MAX_URL = 2048
_MAX_HEADERS = 64 << 10  # of all answers together, with what frames their chunks
_ADDRESSES = 3  # tried in turn
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_.])?|[0-9a-f:.]{2,45}")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_REDIRECTED = {301, 302, 303, 307, 308}
_MAGIC_BYTES = 12
_CHUNK = 64 << 10

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, kw_only=True)
class Target:
    """An address, taken apart."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the header Host says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address put together again, without its fragment."""
        return f"{self.scheme}://{self.authority}{self.path}"


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    look_up = loop.run_in_executor(_resolvers(), lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return list(dict.fromkeys(str(row[4][0]) for row in await look_up))


async def _connect(address: str, target: Target) -> Streams:
    if target.scheme == "http":
        return await asyncio.open_connection(address, target.port)
    return await asyncio.open_connection(address, target.port, ssl=_tls(), server_hostname=target.host)


@dataclass(frozen=True, kw_only=True)
class Network:
    """How names are looked up, which addresses may be spoken to, and how; tests put their own in its place."""

    resolve: Callable[[str, int], Awaitable[list[str]]] = _resolve
    judge: Callable[[str], bool] = is_public
    connect: Callable[[str, Target], Awaitable[Streams]] = _connect


class _RefusedError(Exception):
    """Why there is no photo; for the log, not for the caller."""


async def fetch_photo(url: str, *, max_bytes: int, seconds: float = 5.0, network: Network | None = None) -> bytes:
    """Fetch a photo. Only where the operator has allowed photo addresses is this called at all.

    Parameters
    ----------
    url : str
        ``http`` or ``https``, on port 80 or 443, without a user.
    max_bytes : int
        The largest file.
    seconds : float
        For everything: looking up, connecting, redirects, the whole file.
    network : Network, optional
        The real one by default.

    Returns
    -------
    bytes
        A file that begins as JPEG, PNG, WebP or GIF files do.

    Raises
    ------
    Problem
        422 ``photo_url``.
    """
    try:
        target = read_url(url)
        async with asyncio.timeout(seconds):
            return await _follow(target, max_bytes, network or Network())
    except (_RefusedError, OSError, ValueError, EOFError, h11.ProtocolError) as err:  # TimeoutError is an OSError
        log.info("a photo was not fetched: %s: %s", type(err).__name__, err)
    raise Problem(
        422,
        "photo_url",
        "The photo could not be fetched",
        "The photo could not be fetched: its address must be a public http or https address that answers within "
        f"{seconds:g} seconds with a JPEG, PNG, WebP or GIF file of at most {max_bytes:,} bytes.",
        field="photo_url",
    )


def read_url(url: str) -> Target:
    """Take an address apart.

    Raises
    ------
    ValueError
        It is none that is fetched.
    """
    if len(url) > _MAX_URL or _UNSAFE.search(url):
        raise ValueError("the address is too long, or has characters that no address has")
    parts = urlsplit(url)
    if parts.scheme not in PORTS or "@" in parts.netloc:
        raise ValueError("only http and https without a user are fetched")
    port = PORTS[parts.scheme] if parts.port is None else parts.port
    host = (parts.hostname or "").rstrip(".")
    if not host.isascii():
        host = host.encode("idna").decode()
    if port not in PORTS.values() or not _HOST.fullmatch(host):
        raise ValueError("only names and numbers on the ports 80 and 443 are fetched")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme=parts.scheme, host=host, port=port, path=quote(path, safe="/%:@!$&'()*+,;=~-._?[]"))


async def _follow(target: Target, max_bytes: int, network: Network) -> bytes:
    """Fetch a file, from where its address leads."""
    for _ in range(1 + REDIRECTS):
        found = await _fetch(target, max_bytes, network)
        if isinstance(found, bytes):
            return found
        target = read_url(urljoin(target.url, found))
    raise _RefusedError("too many redirects")


async def _fetch(target: Target, max_bytes: int, network: Network) -> bytes | str:
    """Return the file at an address, or the address that it leads to."""
    addresses = await network.resolve(target.host, target.port)
    if not addresses or not all(map(network.judge, addresses)):
        raise _RefusedError(f"{target.host} is not public")
    reader, writer = await _open(addresses[:_ADDRESSES], target, network)
    try:
        exchange = _Exchange(reader, max_bytes)
        writer.write(exchange.request(target))
        await writer.drain()
        return await exchange.answer()
    finally:
        writer.transport.abort()  # nothing more is said: a polite end could be made to last


async def _open(addresses: list[str], target: Target, network: Network) -> Streams:
    failure: OSError | None = None
    for address in addresses:
        try:
            return await network.connect(address, target)
        except TimeoutError:
            raise
        except OSError as err:
            failure = err
    raise failure or _RefusedError("no address")


class _Exchange:
    """One request and its answer; every byte that comes is counted."""

    def __init__(self, reader: asyncio.StreamReader, max_bytes: int) -> None:
        self._reader = reader
        self._max_bytes = max_bytes
        self._left = max_bytes + _MAX_HEADERS
        self._http = h11.Connection(h11.CLIENT)

    def request(self, target: Target) -> bytes:
        headers = [
            ("Host", target.authority),
            ("User-Agent", "aisle"),
            ("Accept", "image/jpeg, image/png, image/webp, image/gif"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
        ]
        head = h11.Request(method="GET", target=target.path, headers=headers)
        return (self._http.send(head) or b"") + (self._http.send(h11.EndOfMessage()) or b"")

    async def answer(self) -> bytes | str:
        head = await self._next()
        while isinstance(head, h11.InformationalResponse):
            head = await self._next()
        if not isinstance(head, h11.Response):
            raise _RefusedError("no answer")
        headers = dict(head.headers)
        if head.status_code in _REDIRECTED and b"location" in headers:
            return headers[b"location"].decode("latin-1")
        if head.status_code != 200 or headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
            raise _RefusedError(f"status {head.status_code}, encoding {headers.get(b'content-encoding')!r}")
        if int(headers.get(b"content-length", b"0")) > self._max_bytes:
            raise _RefusedError("too large")
        return await self._body()

    async def _body(self) -> bytes:
        body = bytearray()
        while isinstance(event := await self._next(), h11.Data):
            body += event.data
            if len(body) > self._max_bytes:
                raise _RefusedError("too large")
            if len(body) >= _MAGIC_BYTES and not _is_photo(body):
                break
        if not _is_photo(body):
            raise _RefusedError("no photo")
        return bytes(body)

    async def _next(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            data = await self._reader.read(_CHUNK)
            self._left -= len(data)
            if self._left < 0:
                raise _RefusedError("too large")
            self._http.receive_data(data)
        return event


def _is_photo(data: bytes | bytearray) -> bool:
    if data[:4] == b"RIFF":
        return data[8:12] == b"WEBP"
    return bytes(data[:8]).startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a"))


@cache
def _resolvers() -> ThreadPoolExecutor:
    """Return threads of their own: a name server that does not answer holds up nobody else."""
    return ThreadPoolExecutor(4, thread_name_prefix="resolve")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()

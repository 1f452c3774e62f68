"""A server of photos on this machine that every public name leads to, and what it saw."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

from aisle.serve.problems import Problem
from aisle.serve.security.photo_url import Network, fetch_photo

PNG = b"\x89PNG\r\n\x1a\n" + bytes(500)
PUBLIC = "93.184.215.14"


def answer(body=PNG, *, status="200 OK", length=True, **headers):
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def serving(*answers):
    """Serve bytes, or what a function writes, to one connection after the other; every public address leads there."""
    seen = SimpleNamespace(requests=[], connected=[], looked_up=[])
    left = list(answers)

    async def handle(reader, writer):
        try:
            seen.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            given = left.pop(0)
            if callable(given):
                await given(writer)
            else:
                writer.write(given)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def resolve(host, port):
        seen.looked_up.append(host)
        return [host] if host[0].isdigit() or ":" in host else [PUBLIC]

    async def connect(address, target):
        seen.connected.append((address, target.port))
        return await asyncio.open_connection("127.0.0.1", port)

    try:
        yield Network(resolve=resolve, connect=connect), seen
    finally:
        server.close()


def fetch(*answers, url="http://shop.example/a.png", change=None, **options):
    """Return the file, or the problem, and what the server saw."""

    async def run():
        async with serving(*answers) as (network, seen):
            if change:
                network = change(network, seen)
            try:
                found = await fetch_photo(url, **{"max_bytes": 10_000, "seconds": 5, "network": network} | options)
            except Problem as problem:
                found = problem
            return found, seen

    return asyncio.run(run())


def refused(found):
    assert isinstance(found, Problem), found
    assert (found.status_code, found.code, found.field) == (422, "photo_url", "photo_url")
    return True

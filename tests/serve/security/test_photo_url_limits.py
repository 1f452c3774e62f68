"""Photos from addresses that strangers name: nothing lasts, and nothing is larger than was said."""

import asyncio
import gzip

import pytest

from aisle.serve.problems import Problem
from aisle.serve.security.photo_url import Network, fetch_photo

from .photo_server import PNG, answer, fetch, refused, serving


def test_a_file_that_drips_is_cut_off_in_time():
    async def drip(writer):
        writer.write(answer(length=False) + PNG)
        for _ in range(1000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def timed():
        loop = asyncio.get_running_loop()
        started = loop.time()
        async with serving(drip) as (network, _):
            with pytest.raises(Problem):
                await fetch_photo("http://a.example/", max_bytes=10_000, seconds=0.3, network=network)
        return loop.time() - started

    assert 0.25 < asyncio.run(timed()) < 5


def test_time_is_one_for_looking_up_and_all_redirects():
    async def slow(writer):
        await asyncio.sleep(0.2)
        writer.write(answer(b"", status="302 Found", Location="/"))

    found, seen = fetch(slow, slow, slow, seconds=0.3)
    assert refused(found)
    assert len(seen.connected) == 2

    async def resolve(host, port):
        await asyncio.sleep(60)

    assert refused(fetch(seconds=0.1, change=lambda network, _: Network(resolve=resolve))[0])


async def _endless(writer):
    writer.write(answer(PNG, length=False))
    while True:
        writer.write(bytes(100_000))
        await writer.drain()


async def _endless_headers(writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: " + b"y" * 1000 + b"\r\n")
        await writer.drain()


async def _endless_hints(writer):
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()


@pytest.mark.parametrize(
    "given",
    [
        answer(PNG + bytes(10_000)),
        answer(PNG + bytes(10_000), length=False),
        answer(PNG[:20], length=False, Content_Length=20_000),
        _endless,
        _endless_headers,
        _endless_hints,
        answer(gzip.compress(PNG + bytes(10_000_000)), Content_Encoding="gzip"),
        answer(PNG, Content_Encoding="br"),
        answer(PNG, length=False, Transfer_Encoding="gzip, chunked"),
        answer(b"<html>secret</html>"),
        answer(b"<svg xmlns='http://www.w3.org/2000/svg'/>", Content_Type="image/svg+xml"),
        answer(b"RIFF1234AVI LIST"),
        answer(b"BM" + bytes(100)),
        answer(b""),
        answer(b"\x89PNG"),
        answer(PNG, status="404 Not Found"),
        answer(PNG, status="206 Partial Content"),
        answer(PNG, status="302 Found"),
        answer(PNG[:100], length=False, Content_Length=200),
        b"SSH-2.0-OpenSSH\r\n",
        b"",
    ],
    ids=range(21),
)
def test_what_is_too_much_or_no_photo_is_refused(given):
    assert refused(fetch(given)[0])

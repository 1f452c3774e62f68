"""Bodies that are too large, declared or not, and bodies without an end."""

import asyncio

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from aisle.serve.problems import Problem
from aisle.serve.security import body_limit
from aisle.serve.security.body_limit import BodyLimit, UnreadBody


class Exchange:
    """One request to an ASGI app: chunks that come, messages that go."""

    def __init__(self, *chunks, ends=True, **headers):
        self.headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        self.chunks = [*chunks]
        self.ends = ends
        self.read = 0
        self.sent = []

    async def receive(self):
        if not self.chunks:
            await asyncio.sleep(3600)
        chunk = self.chunks.pop(0) if len(self.chunks) > 1 or self.ends else self.chunks[0]
        self.read += len(chunk)
        await asyncio.sleep(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(self.chunks)}

    async def send(self, message):
        self.sent.append(message)

    def run(self, app):
        scope = {"type": "http", "method": "POST", "path": "/", "headers": self.headers}
        asyncio.run(app(scope, self.receive, self.send))
        return self.sent


async def echo_size(scope, receive, send):
    body = await Request(scope, receive).body()
    await JSONResponse(len(body))(scope, receive, send)


async def swallow(scope, receive, send):
    try:
        await Request(scope, receive).body()
    except Exception:
        await JSONResponse("all is well")(scope, receive, send)


def test_a_body_up_to_the_limit_passes():
    for chunks in ([b"x" * 10], [b"x"] * 10):
        assert Exchange(*chunks).run(BodyLimit(echo_size, most=10))[-1]["body"] == b"10"


@pytest.mark.parametrize("app", [echo_size, swallow])
@pytest.mark.parametrize("chunks", [[b"x" * 11], [b"x"] * 11, [b"x"] * 9 + [b"xx"]])
def test_one_byte_more_is_refused_whatever_the_route_does(app, chunks):
    exchange = Exchange(*chunks, transfer_encoding="chunked")
    with pytest.raises(Problem) as refused:
        exchange.run(BodyLimit(app, most=10))
    assert (refused.value.status, refused.value.code, exchange.sent) == (413, "too_large", [])


def test_a_body_without_end_is_read_no_further_than_the_limit():
    exchange = Exchange(b"x" * 1000, ends=False, transfer_encoding="chunked")
    with pytest.raises(Problem):
        exchange.run(BodyLimit(echo_size, most=10_500))
    assert exchange.read == 11_000


def test_what_is_declared_too_large_is_not_read():
    exchange = Exchange(b"x" * 11, content_length="11")
    with pytest.raises(Problem):
        exchange.run(BodyLimit(echo_size, most=10))
    assert exchange.read == 0


@pytest.mark.parametrize("length", ["-1", "1e3", "", "0x10", "9" * 30, "²"])
def test_a_length_that_is_none(length):
    exchange = Exchange(b"x")
    exchange.headers = [(b"content-length", length.encode())]
    with pytest.raises(Problem) as refused:
        exchange.run(BodyLimit(echo_size, most=10))
    assert refused.value.status == 400


def test_a_smaller_length_than_the_body_helps_nobody():
    with pytest.raises(Problem):
        Exchange(b"x" * 11, content_length="3").run(BodyLimit(echo_size, most=10))


async def refuse(scope, receive, send):
    await JSONResponse("no", status_code=401)(scope, receive, send)


def closes(sent):
    return (b"connection", b"close") in sent[0]["headers"]


def test_a_body_that_nobody_reads_closes_the_connection():
    exchange = Exchange(b"x", b"x", content_length="2")
    sent = exchange.run(UnreadBody(refuse))
    assert closes(sent)
    assert b"".join(message.get("body", b"") for message in sent) == b'"no"'
    assert exchange.read == 2  # the client has sent all, and looks up


def test_the_answer_goes_out_before_the_rest_is_read():
    sent = Exchange(b"x", b"x", content_length="2").run(UnreadBody(refuse))
    assert [message.get("more_body") for message in sent[1:]] == [True, False]


def test_a_body_without_end_is_left(monkeypatch):
    monkeypatch.setattr(body_limit, "_LINGER_BYTES", 5000)
    exchange = Exchange(b"x" * 1000, ends=False, transfer_encoding="chunked")
    exchange.run(UnreadBody(refuse))
    assert exchange.read == 5000


def test_a_body_that_stops_is_left(monkeypatch):
    monkeypatch.setattr(body_limit, "_LINGER_SECONDS", 0.01)
    exchange = Exchange(b"x", b"x", transfer_encoding="chunked")
    exchange.chunks.append(b"")
    exchange.receive = lambda: asyncio.sleep(3600)
    assert closes(exchange.run(UnreadBody(refuse)))


def test_a_body_that_was_read_keeps_the_connection():
    assert not closes(Exchange(b"x", b"x", content_length="2").run(UnreadBody(echo_size)))
    assert not closes(Exchange(content_length="0").run(UnreadBody(refuse)))
    assert not closes(Exchange().run(UnreadBody(refuse)))


def test_who_waits_for_a_word_gets_the_answer_instead():
    exchange = Exchange(b"x", content_length="1", expect="100-continue")
    assert closes(exchange.run(UnreadBody(refuse)))
    assert exchange.read == 0


def test_in_the_service(app_of, keys):
    with TestClient(app_of(max_body=1000)) as client:
        headers = {**keys.all.bearer, "Content-Type": "application/json"}
        for content in (b"x" * 1001, iter([b"x"] * 1001)):
            response = client.post("/v1/classify", headers=headers, content=content)
            assert (response.status_code, response.json()["code"]) == (413, "too_large")
        assert client.post("/v1/classify", content=b"x" * 1001).status_code == 401

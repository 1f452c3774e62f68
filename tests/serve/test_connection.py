"""Connections of a real server: what never becomes a request, and what never ends."""

import contextlib
import socket
import threading
import time

import pytest
import uvicorn

from aisle.serve.security import connection
from aisle.serve.security.connection import server_config

HOST = b"Host: x\r\n"


@pytest.fixture
def serve(app_of, monkeypatch):
    """Return a context manager that serves an app with some options, and gives a function to connect."""

    @contextlib.contextmanager
    def run(*, head_seconds=10.0, app=None, **options):
        monkeypatch.setattr(connection, "HEAD_SECONDS", head_seconds)
        app = app or app_of(**options)
        server = uvicorn.Server(server_config(app, app.state.context.options))
        listening = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        open_sockets = []

        def connect():
            made = socket.create_connection(listening.getsockname(), timeout=20)
            open_sockets.append(made)
            return made

        while not server.started:
            time.sleep(0.01)
        connect.server = server
        try:
            yield connect
        finally:
            for each in open_sockets:
                each.close()
            server.should_exit = True
            thread.join(20)
            listening.close()
            assert not thread.is_alive()

    return run


def read_to_the_end(made):
    """Return all that the server sends until it closes."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while more := made.recv(65536):
            data += more
    return data


def send_until_dropped(made, piece, most=200 << 20):
    """Send a piece again and again, and return how many bytes went before the server had enough."""
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < most:
            made.sendall(piece)
            sent += len(piece)
    return sent


def get(path=b"/v2/health/live", more=b""):
    return b"GET " + path + b" HTTP/1.1\r\n" + HOST + more + b"\r\n"


def post(headers, body=b""):
    return b"POST /v1/classify HTTP/1.1\r\n" + HOST + headers + b"\r\n\r\n" + body


def test_requests_follow_one_another(serve):
    with serve() as connect:
        made = connect()
        for _ in range(3):
            made.sendall(get())
            answer = b""
            while not answer.endswith(b'{"live":true}'):
                answer += made.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200")
        made.sendall(get() + get(more=b"Connection: close\r\n"))
        assert read_to_the_end(made).count(b'{"live":true}') == 2


def test_the_body_of_an_answer_does_not_wait_for_its_head(serve):
    with serve() as connect:
        made = connect()
        made.sendall(get())
        assert made.recv(10)
        (held,) = connect.server.server_state.connections
        assert held.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    "piece", [b"X-More: abc\r\n" * 1000, b"a" * 10_000], ids=["headers without end", "a header without end"]
)
def test_a_head_without_end_is_dropped(serve, piece):
    with serve() as connect:
        made = connect()
        made.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"X-First: ")
        assert send_until_dropped(made, piece) < 10 << 20


def test_a_large_head_is_told_so(serve):
    with serve() as connect:
        made = connect()
        made.sendall(b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 70_000)
        assert read_to_the_end(made).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize(
    "first", [b"", b"GET /v2/he", get(), get() + b"GET /v2"], ids=["nothing", "part", "one", "two"]
)
def test_a_connection_on_which_nothing_comes_is_closed(serve, first):
    with serve(head_seconds=0.3, keep_alive_seconds=1) as connect:
        made = connect()
        started = time.monotonic()
        if first:
            made.sendall(first)
        read_to_the_end(made)
        assert time.monotonic() - started < 5


def test_a_head_that_drips_is_dropped(serve):
    with serve(head_seconds=0.3) as connect:
        made = connect()
        started = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for letter in get(more=b"X: " + b"a" * 1000 + b"\r\n"):
                made.sendall(bytes([letter]))
                time.sleep(0.01)
        assert time.monotonic() - started < 5


def test_chunks_without_end_are_refused_and_left(serve, keys):
    key = b"Authorization: " + keys.all.bearer["Authorization"].encode()
    with serve(max_body=100_000, request_seconds=3) as connect:
        for credentials in (b"X: y", key):
            made = connect()
            made.sendall(post(credentials + b"\r\nTransfer-Encoding: chunked"))
            assert send_until_dropped(made, b"4000\r\n" + b"x" * 0x4000 + b"\r\n") < 100 << 20


@pytest.fixture
def reading_app(app_of):
    """Return a function that makes an app whose route reads its body."""
    from starlette.requests import Request

    def make(**options):
        app = app_of(**options)

        @app.post("/v1/classify")
        async def classify(request: Request):
            return len(await request.body())

        app.router.routes.insert(0, app.router.routes.pop())
        return app

    return make


@pytest.mark.parametrize("ends", [True, False])
def test_what_became_too_large_is_told_so(serve, reading_app, keys, ends):
    key = b"Authorization: " + keys.all.bearer["Authorization"].encode()
    body = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    with serve(app=reading_app(max_body=100_000)) as connect:
        made = connect()
        made.sendall(post(key + b"\r\nTransfer-Encoding: chunked", body * 50 + b"0\r\n\r\n" * ends))
        answer = read_to_the_end(made)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"code":"too_large"' in answer


def test_a_body_that_drips_is_told_so(serve, reading_app, keys):
    key = b"Authorization: " + keys.all.bearer["Authorization"].encode()
    with serve(app=reading_app(request_seconds=0.3)) as connect:
        made = connect()
        made.sendall(post(key + b"\r\nContent-Length: 100", b"x"))
        answer = read_to_the_end(made)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"code":"slow_body"' in answer


def test_trailers_without_end_are_dropped(serve, reading_app, keys):
    key = b"Authorization: " + keys.all.bearer["Authorization"].encode()
    with serve(app=reading_app()) as connect:
        made = connect()
        made.sendall(post(key + b"\r\nTransfer-Encoding: chunked", b"1\r\nx\r\n0\r\n"))
        assert send_until_dropped(made, b"X-Trailer: " + b"a" * 10_000 + b"\r\n") < 20 << 20


def test_a_client_that_sends_all_first_sees_why(serve):
    with serve(max_body=1000) as connect:
        made = connect()
        made.sendall(post(b"Content-Length: 1000000", b"x" * 1_000_000))
        answer = read_to_the_end(made)
    assert answer.startswith(b"HTTP/1.1 401")
    assert b"connection: close" in answer.lower()


def test_small_chunks_pass(serve, keys):
    key = b"Authorization: " + keys.all.bearer["Authorization"].encode()
    with serve() as connect:
        made = connect()
        made.sendall(
            post(key + b"\r\nConnection: close\r\nTransfer-Encoding: chunked", b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n")
        )
        assert read_to_the_end(made).startswith(b"HTTP/1.1 4")  # answered, not dropped


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: -1",
        b"Content-Length: 5x",
        b"Transfer-Encoding: chunked, identity",
        b"Bad Header: 1",
        b"X: a\x00b",
    ],
)
def test_heads_that_contradict_themselves(serve, head):
    with serve(request_seconds=1) as connect:
        made = connect()
        made.sendall(post(head, b"hello"))
        made.shutdown(socket.SHUT_WR)
        answer = read_to_the_end(made)
    assert b" 5" not in answer[:12]


def test_a_request_that_is_under_way_is_answered_when_it_is_stopped(serve, app_of, with_context):
    app = app_of()

    class Slow:
        def __getattr__(self, name):
            return getattr(database, name)

        def read(self):
            began.set()
            time.sleep(0.5)
            return database.read()

    began = threading.Event()
    database = app.state.context.database
    with serve(app=app) as connect:
        with_context(app, database=Slow())
        made = connect()
        made.sendall(get(b"/v2/health/ready"))
        assert began.wait(5)
        connect.server.should_exit = True
        assert made.recv(65536).startswith(b"HTTP/1.1 200")

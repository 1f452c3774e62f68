"""Time limits: of bodies that drip in, and of answers that do not come."""

import asyncio
import time

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from aisle.serve.problems import Problem
from aisle.serve.security.deadline import Deadline

SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": []}


def run(app, receive=None, seconds=0.05):
    sent = []

    async def nothing():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(Deadline(app, seconds=seconds)(dict(SCOPE), receive or nothing, send))
    return sent


async def read_all(scope, receive, send):
    await JSONResponse(len(await Request(scope, receive).body()))(scope, receive, send)


def test_a_body_that_drips_is_left():
    async def drip():
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(Problem) as refused:
        run(read_all, drip)
    assert (refused.value.status, refused.value.code) == (408, "slow_body")


def test_an_answer_that_does_not_come():
    async def sleep(scope, receive, send):
        await Request(scope, receive).body()
        await asyncio.sleep(3600)

    with pytest.raises(Problem) as refused:
        run(sleep)
    assert (refused.value.status, refused.value.code, refused.value.retry_after) == (503, "timeout", 1)


def test_what_is_in_time_passes():
    assert run(read_all, seconds=5)[-1]["body"] == b"0"


def test_a_timeout_of_the_route_itself_is_not_ours():
    async def fail(scope, receive, send):
        raise TimeoutError("the photo's host")

    with pytest.raises(TimeoutError, match="host"):
        run(fail, seconds=5)


def test_in_the_service(app_of, with_context, keys):
    app = app_of(request_seconds=0.1)

    class Slow:
        def __getattr__(self, name):
            return getattr(database, name)

        def read(self):
            time.sleep(0.3)
            return database.read()

    database = app.state.context.database
    with TestClient(app) as client:
        with_context(app, database=Slow())
        response = client.get("/v2/health/ready")
        assert (response.status_code, response.json()["code"]) == (503, "timeout")
        assert client.get("/v2/health/live").status_code == 200

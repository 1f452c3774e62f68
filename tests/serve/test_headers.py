"""Headers of every answer."""

import pytest
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from aisle.serve.security.headers import SecurityHeaders

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@pytest.mark.parametrize(
    "path", ["/v2/health/live", "/nothing", "/metrics", "/openapi.json", "/sign-in", "/v1/classify"]
)
def test_every_answer_has_them(client, path):
    headers = client.get(path).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert len(headers["x-request-id"]) == 32
    assert "server" not in headers


def test_an_error_has_them_as_well(app, keys, with_context):
    with_context(app, metrics=None)
    with TestClient(app, raise_server_exceptions=False) as client:
        app.state.context.ip_rates.take = None
        with_context(app, metrics=Silent())
        response = client.get("/v2/health/live")
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert response.headers["content-security-policy"] == POLICY


class Silent:
    def request(self, **_):
        pass


def test_ids_differ_and_are_ours(client):
    ids = [client.get("/v2/health/live", headers={"X-Request-Id": "forged"}).headers["x-request-id"] for _ in range(9)]
    assert len({*ids, "forged"}) == 10


def test_an_answer_may_say_how_long_it_is_kept():
    async def app(scope, receive, send):
        await Response("x", headers={"Cache-Control": "max-age=3600"})(scope, receive, send)

    response = TestClient(SecurityHeaders(app)).get("/")
    assert response.headers.get_list("cache-control") == ["max-age=3600"]


def test_nothing_here_speaks_websocket(client):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/v1/classify"):
        pass

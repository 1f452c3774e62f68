"""One line of JSON a request."""

import io
import json
import logging

import pytest

from aisle.serve.context import note
from aisle.serve.logs import JsonLines, write_logs


@pytest.fixture
def lines():
    """What was logged, as written."""
    stream = io.StringIO()
    logger = logging.getLogger("aisle")
    level = logger.level
    handler = write_logs(stream)
    yield lambda: stream.getvalue().splitlines()
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_a_line_for_a_request(client, keys, lines, tiny_engine):
    response = client.get("/v2/models/aisle", headers=keys.classify.bearer)
    (line,) = map(json.loads, lines())
    assert line.pop("ms") >= 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "request": response.headers["x-request-id"],
        "method": "GET",
        "route": "/v2/models/{name}",
        "status": 200,
        "engine": tiny_engine.fingerprint,
        "key": keys.classify.id,
    }


def test_the_photo_is_noted_by_hash_and_size(app, keys, lines):
    from starlette.requests import Request
    from starlette.testclient import TestClient

    async def classify(request: Request):
        note(request, photo="ab" * 32, photo_bytes=1234, products=1)
        return {}

    app.post("/v1/classify")(classify)
    app.router.routes.insert(0, app.router.routes.pop())
    with TestClient(app) as client:
        client.post("/v1/classify", headers=keys.classify.bearer)
    (line,) = map(json.loads, lines())
    assert (line["photo"], line["photo_bytes"], line["products"]) == ("ab" * 32, 1234, 1)


def test_nothing_of_a_person_or_a_key(client, keys, lines):
    private = "jane.doe@example.org"
    headers = {**keys.all.bearer, "Cookie": f"aisle={keys.all.token}", "User-Agent": private, "Referer": private}
    for path in (f"/v1/taxonomy?search={private}", f"/nothing/{private}", "/v1/classify", f"/sign-in/{private}"):
        client.get(path, headers=headers)
        client.post(path, headers=headers, json={"title": private})
    text = "\n".join(lines())
    assert len(lines()) >= 8
    for word in (private, keys.all.secret, keys.all.token, "testclient"):
        assert word not in text


def test_a_refusal_is_logged_by_its_code(client, lines):
    client.get("/metrics")
    client.get("/nothing")
    found = [json.loads(line) for line in lines()]
    assert [(line["status"], line["code"], line["route"]) for line in found] == [
        (401, "unauthorised", "/metrics"),
        (404, "not_found", None),
    ]


def test_nobody_forges_a_line():
    record = logging.LogRecord("aisle.x", logging.WARNING, "", 0, 'bad\n{"status": 200}', None, None)
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == 'bad\n{"status": 200}'


def test_an_exception_stays_on_the_line():
    try:
        raise ValueError("two\nlines")
    except ValueError as err:
        record = logging.LogRecord("aisle.x", logging.ERROR, "", 0, "failed", None, (type(err), err, err.__traceback__))
    line = JsonLines().format(record)
    assert "\n" not in line
    assert "ValueError" in json.loads(line)["error"]

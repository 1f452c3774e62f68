"""The whole service: who may do what, and that nothing a sender does ends in a 5xx."""

import asyncio
import json

import pytest
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from aisle.serve.policy import POLICY, SCOPES

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def routes_of(app):
    """Return method and template of every route, whichever room it is in."""
    for context in iter_route_contexts(app.router.routes):
        for method in context.methods or ():
            if method != "HEAD":
                yield method, getattr(context, "path_format", None) or context.path


def ask(client, method, template, headers):
    path = template.replace("{sha}", "0" * 64).replace("{id}", "1").replace("{name}", "aisle").replace("{ticket}", "t")
    return client.request(method, path, headers={**SAME_ORIGIN, **headers})


def test_every_route_is_in_the_policy(app):
    assert set(routes_of(app)) - set(POLICY) == set()


def judged(client, method, template, headers):
    """Return what the door says: 401, 403, or None where it lets somebody through to the route."""
    client.cookies.clear()
    response = ask(client, method, template, headers)
    assert response.status_code < 500
    return response.status_code if "www-authenticate" in response.headers else None


@pytest.mark.parametrize(("method", "template"), list(POLICY), ids=lambda part: part)
def test_role_by_route(client, keys, method, template):
    rule = POLICY[method, template]
    assert judged(client, method, template, {}) == (None if rule.public else 401)
    for name, key in keys.by_name.items():
        owned = set(SCOPES) if name == "all" else {name}
        expected = None if owned & rule.scopes else 403
        for way, headers in (("bearer", key.bearer), ("session", key.cookie)):
            found = judged(client, method, template, headers)
            if rule.public:
                assert found is None, (name, way)
            elif not getattr(rule, way):
                assert found == 401, (name, way)
            else:
                assert found == expected, (name, way)


@pytest.mark.parametrize("path", ["/v1/secret", "/secret", "/v1/classify/"])
def test_a_route_in_no_policy_is_refused_to_everybody(app, keys, path):
    @app.get(path)
    async def secret():
        return "secret"

    with TestClient(app) as client:
        for headers in ({}, keys.all.bearer, keys.all.cookie):
            response = client.get(path, headers=headers)
            assert response.status_code == 404
            assert "secret" not in response.text.replace(path, "")


def test_a_route_that_answers_for_another_is_refused(app, keys):
    @app.get("/v1/{rest}")
    async def secret():
        return "secret"

    app.router.routes.insert(0, app.router.routes.pop())
    with TestClient(app) as client:
        response = client.get("/v1/taxonomy", headers=keys.all.bearer)
    assert response.status_code == 403
    assert response.json()["code"] == "forbidden"


def test_missing_wrong_and_insufficient_keys_differ(client, keys):
    ask_for = client.get
    assert ask_for("/metrics").headers["www-authenticate"] == 'Bearer realm="aisle"'
    wrong = ask_for("/metrics", headers={"Authorization": "Bearer aisle_wrong"})
    assert (wrong.status_code, "invalid_token" in wrong.headers["www-authenticate"]) == (401, True)
    basic = ask_for("/metrics", headers={"Authorization": "Basic dTpw"})
    assert (basic.status_code, "invalid_request" in basic.headers["www-authenticate"]) == (401, True)
    other = ask_for("/metrics", headers=keys.sell.bearer)
    assert other.status_code == 403
    assert 'scope="metrics"' in other.headers["www-authenticate"]


def test_a_secret_is_matched_to_its_last_letter(client, keys):
    for changed in (keys.metrics.secret[:-1], keys.metrics.secret + "x", keys.metrics.secret.swapcase(), "é" * 300):
        headers = {"Authorization": f"Bearer {changed}".encode()}
        assert client.get("/metrics", headers=headers).status_code == 401


def test_a_revoked_key_ends_within_seconds(client, app, keys, database, monkeypatch):
    from aisle.serve import caller
    from aisle.store.keys import revoke

    seconds = [1000.0]
    monkeypatch.setattr(caller.time, "monotonic", lambda: seconds[0])
    assert client.get("/metrics", headers=keys.metrics.bearer).status_code == 200
    with database.write() as c:
        revoke(c, id=keys.metrics.id, now=1)
    seconds[0] += 2.01
    assert client.get("/metrics", headers=keys.metrics.bearer).status_code == 401


def test_a_key_that_expires_ends_at_once(client, database, clock):
    from aisle.store.keys import create_key

    with database.write() as c:
        _, secret = create_key(c, name="short", scopes=("metrics",), now=clock.now, expires_at=clock.now + 1_000_000)
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/metrics", headers=headers).status_code == 200
    clock.pass_seconds(1)
    assert client.get("/metrics", headers=headers).status_code == 401


def test_the_last_use_of_a_key_is_kept(app, keys, database, clock):
    from aisle.store.keys import keys as all_keys

    with TestClient(app) as client:
        client.get("/metrics", headers=keys.metrics.bearer)
        client.portal.call(app.state.context.callers.close)
        with database.read() as c:
            used = {key.name: key.used_at for key in all_keys(c)}
    assert used["metrics"] == clock.now
    assert used["sell"] is None


def test_somebody_who_is_not_signed_in_is_sent_to_the_door(client):
    response = client.get("/sell?lang=fr", headers={"Accept": "text/html"})
    assert response.status_code == 303
    assert response.headers["location"] == "/sign-in?next=%2Fsell%3Flang%3Dfr"
    assert client.post("/sell", headers={"Accept": "text/html", **SAME_ORIGIN}).status_code == 401


def test_a_page_of_another_site_changes_nothing(client, keys):
    cross = {"Sec-Fetch-Site": "cross-site", **keys.sell.cookie}
    refused = client.post("/sell", headers=cross)
    assert (refused.status_code, refused.json()["code"]) == (403, "cross_origin")
    for path in ("/sign-in", "/sign-out"):  # nor signs somebody in as somebody else
        assert client.post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_head_and_options(client):
    got, head = client.get("/v2/health/live"), client.head("/v2/health/live")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(got.content))
    options = client.options("/v1/classify")
    assert (options.status_code, options.headers["allow"]) == (204, "OPTIONS, POST")
    assert client.options("/nothing").status_code == 404


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "PUT", "X" * 40])
def test_other_methods(client, method):
    response = client.request(method, "/v1/classify")
    assert (response.status_code, response.headers["allow"]) == (405, "OPTIONS, POST")


JSON = {"Content-Type": "application/json"}
BODIES = {
    "empty": b"",
    "not json": b"{",
    "nan": b'{"title": NaN}',
    "infinity": b'{"title": "mug", "precision": Infinity}',
    "deep list": b"[" * 100_000,
    "deep object": b'{"title":' * 100_000,
    "invalid utf-8": b'{"title": "\xff\xfe"}',
    "surrogate": b'{"title": "\\ud800"}',
    "zero": b'{"title": "a\\u0000b"}',
    "long number": b'{"precision": ' + b"9" * 5000 + b"}",
    "utf-16": '{"title": "mug"}'.encode("utf-16"),
    "a list": b"[]",
    "null": b"null",
    "unknown field": b'{"title": "mug", "nothing": 1}',
}


@pytest.mark.parametrize("path", [path for method, path in POLICY if method == "POST" and path.startswith("/v1")])
def test_bodies_that_are_none(client, keys, path):
    for name, body in BODIES.items():
        response = client.post(path.replace("{id}", "1"), headers={**keys.all.bearer, **JSON}, content=body)
        assert response.status_code < 500, name
        if response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json", name


@pytest.mark.parametrize("path", ["/%00", "/%ff", "/v1/products/%00", "/v1/products/" + "a" * 5000, "//", "/v1/../x"])
def test_paths_that_are_none(client, keys, path):
    assert 400 <= client.get(path, headers=keys.all.bearer).status_code < 500


def test_the_openapi_document_says_who_may(client):
    document = client.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            rule = POLICY[method.upper(), path]
            assert operation.get("security") == (None if rule.public else [{"key": []}]), path
            assert "application/problem+json" in operation["responses"]["422"]["content"]
    json.dumps(document)


def test_it_closes_what_it_was_given(app, keys):
    from aisle.product import Product
    from aisle.serve.problems import Problem

    with TestClient(app) as client:
        assert client.get("/v2/health/ready").status_code == 200
    with pytest.raises(Problem, match="stopped"):
        asyncio.run(app.state.context.batcher.predict(Product(title="mug")))

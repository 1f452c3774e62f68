"""Who calls: keys, sessions, and how long they are remembered."""

import asyncio

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from aisle.serve import caller as callers_module
from aisle.serve.caller import MOST_KEPT, Callers, bearer_of, caller, find_caller, sign_in, sign_out, token_of
from aisle.serve.options import ServeOptions
from aisle.serve.problems import Problem


def test_the_secret_of_a_header():
    assert bearer_of(Headers({})) is None
    assert bearer_of(Headers({"authorization": "Bearer abc"})) == "abc"
    assert bearer_of(Headers({"authorization": "bearer  abc "})) == "abc"
    twice = Headers(raw=[(b"authorization", b"Bearer abc"), (b"authorization", b"Bearer def")])
    for odd in (Headers({"authorization": ""}), Headers({"authorization": "Bearer "}), twice):
        with pytest.raises(Problem) as refused:
            bearer_of(odd)
        assert refused.value.status == 401


@pytest.mark.parametrize("secure", [True, False])
def test_the_cookie_of_a_session(secure):
    options = ServeOptions(secure_cookies=secure, session_seconds=60)
    response = Response()
    sign_in(response, "token", options=options)
    cookie, *attributes = response.headers["set-cookie"].split("; ")
    assert cookie == ("__Host-aisle=token" if secure else "aisle=token")
    assert {"HttpOnly", "Max-Age=60", "Path=/", "SameSite=lax"} <= set(attributes)
    assert ("Secure" in attributes) == secure
    assert token_of(Headers({"cookie": f"a=b; {cookie}"}), options) == "token"
    assert token_of(Headers({"cookie": "a=b"}), options) is None


def whoami(app):
    @app.get("/sell")
    async def page(request: Request):
        found = caller(request)
        return {"name": found.name, "scopes": sorted(found.scopes), "by_session": found.by_session, "id": found.key_id}

    app.router.routes.insert(0, app.router.routes.pop())


def test_a_route_learns_who_calls(app, keys):
    whoami(app)
    with TestClient(app) as client:
        found = client.get("/sell", headers=keys.sell.cookie).json()
    assert found == {"name": "sell", "scopes": ["sell"], "by_session": True, "id": keys.sell.id}


def test_a_session_ends_at_once_when_somebody_signs_out(app, keys, database):
    from aisle.store.sessions import close_session

    whoami(app)

    @app.post("/sign-out")
    def leave(request: Request, response: Response):
        assert find_caller(request) is None  # public
        with database.write() as c:
            close_session(c, token=token_of(request.headers, app.state.context.options))
        sign_out(request, response)

    app.router.routes.insert(0, app.router.routes.pop())
    with TestClient(app) as client:
        headers = {**keys.sell.cookie, "Sec-Fetch-Site": "same-origin"}
        assert client.get("/sell", headers=headers).status_code == 200
        left = client.post("/sign-out", headers=headers)
        assert 'aisle=""' in left.headers["set-cookie"]
        assert client.get("/sell", headers=headers).status_code == 401


def test_a_token_is_no_key_and_a_key_no_token(client, keys):
    assert client.get("/metrics", headers={"Authorization": f"Bearer {keys.all.token}"}).status_code == 401
    assert client.get("/review", headers={"Cookie": f"aisle={keys.all.secret}"}).status_code == 401


def test_a_session_ends(client, app, keys, clock):
    assert client.get("/v1/taxonomy", headers=keys.sell.cookie).status_code != 401
    clock.pass_seconds(8 * 3600)
    app.state.context.callers.forget(keys.sell.token)
    assert client.get("/v1/taxonomy", headers=keys.sell.cookie).status_code == 401


def test_memory_is_bounded_and_guesses_are_not_kept(database, keys, clock, monkeypatch):
    monkeypatch.setattr(callers_module, "MOST_KEPT", 2)
    assert MOST_KEPT > 2

    async def ask():
        callers = Callers(database, clock=clock.read)
        for number in range(20):
            assert await callers.find(f"aisle_{number}", by_session=False) is None
        assert len(callers._kept) == 0
        for key in keys.by_name.values():
            assert await callers.find(key.secret, by_session=False)
        await callers.close()
        assert len(callers._kept) == 2
        assert callers.recall(keys.none.secret, by_session=False).name == "none"
        assert callers.recall(keys.none.secret, by_session=True) is None

    asyncio.run(ask())


def test_a_key_whose_use_cannot_be_kept_works(database, keys, clock, monkeypatch, caplog):
    def fail(c, **_):
        raise OSError("the disk is full")

    monkeypatch.setattr(callers_module.keys, "touch", fail)

    async def ask():
        callers = Callers(database, clock=clock.read)
        found = await callers.find(keys.sell.secret, by_session=False)
        await callers.close()
        return found

    assert asyncio.run(ask()).name == "sell"
    assert "was not kept" in caplog.text
    assert keys.sell.secret not in caplog.text


def test_of_many_requests_of_one_key_one_asks(database, keys, clock, monkeypatch):
    asked = []
    find = callers_module.keys.find_key
    monkeypatch.setattr(callers_module.keys, "find_key", lambda *a, **k: asked.append(1) or find(*a, **k))

    async def ask():
        callers = Callers(database, clock=clock.read)
        found = await asyncio.gather(*(callers.find(keys.sell.secret, by_session=False) for _ in range(32)))
        await callers.close()
        return {each.key_id for each in found}

    assert asyncio.run(ask()) == {keys.sell.id}
    assert len(asked) == 1


def test_who_signs_out_while_the_database_is_asked_is_not_remembered(database, keys, clock):
    async def ask():
        callers = Callers(database, clock=clock.read)
        asking = asyncio.create_task(callers.find(keys.sell.token, by_session=True))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        callers.forget(keys.sell.token)
        await asking
        return callers.recall(keys.sell.token, by_session=True)

    assert asyncio.run(ask()) is None

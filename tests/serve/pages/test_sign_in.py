"""Signing in by key and by link, where that leads, and out again."""

import re

import pytest

from aisle.store.sessions import create_ticket

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def sign_in(client, **fields):
    return client.post("/sign-in", data=fields, headers=SAME_ORIGIN)


@pytest.fixture
def ticket(database, keys, clock):
    with database.write() as c:
        return create_ticket(c, key_id=keys.sell.id, now=clock.now)


@pytest.mark.parametrize(("name", "home"), [("sell", "/sell"), ("review", "/review"), ("all", "/sell")])
def test_a_key_opens_its_page(client, keys, name, home):
    answer = sign_in(client, key=f"  {keys.by_name[name].secret}\n")
    assert (answer.status_code, answer.headers["location"]) == (303, home)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert keys.by_name[name].secret not in cookie


def test_who_signed_in_is_in(client, keys):
    assert client.get("/sell", headers={"Accept": "text/html"}).headers["location"].startswith("/sign-in")
    sign_in(client, key=keys.sell.secret)
    page = client.get("/sell", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "Sign out" in page.text


@pytest.mark.parametrize(
    ("key", "told"), [("aisle_wrong", "not known"), ("", "Paste a key"), ("é" * 1000, "not known"), ("\0", "not known")]
)
def test_other_keys_open_nothing(client, key, told):
    answer = sign_in(client, key=key)
    assert (answer.status_code, told in answer.text) == (422, True)
    assert "set-cookie" not in answer.headers
    assert 'aria-invalid="true"' in answer.text


def test_keys_of_programs_open_no_page(client, keys):
    answer = sign_in(client, key=keys.metrics.secret)
    assert (answer.status_code, "for programs" in answer.text) == (422, True)
    assert "set-cookie" not in answer.headers


def test_a_key_is_not_repeated(client, keys):
    for secret in (keys.metrics.secret, "aisle_mistyped"):
        assert secret not in sign_in(client, key=secret).text


def test_it_leads_back_to_where_one_was(client, keys):
    page = client.get("/sign-in?next=%2Fsell%3Flang%3Dfr")
    place = re.search(r'name="next" value="([^"]*)"', page.text)[1]
    assert sign_in(client, key=keys.sell.secret, next=place).headers["location"] == "/sell?lang=fr"


@pytest.mark.parametrize(
    "place",
    [
        "//evil.example/sell",
        "https://evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "sell",
        "/review",
        "/sign-out",
        "/v1/products",
        "/nothing",
        "",
        "/sell\r\nSet-Cookie: a=b",
        "/sell@evil",
        "/ sell",
    ],
)
def test_it_leads_nowhere_else(client, keys, place):
    answer = sign_in(client, key=keys.sell.secret, next=place)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sell")


def test_a_link_works_once_and_only_by_its_button(client, ticket):
    for _ in range(3):  # a messenger looks at it, then a virus scanner
        page = client.get(f"/sign-in/{ticket}")
        assert page.status_code == 200
        assert "set-cookie" not in page.headers
    assert client.head(f"/sign-in/{ticket}").status_code == 200
    given = re.search(r'name="ticket" value="([^"]*)"', page.text)[1]
    assert sign_in(client, ticket=given).headers["location"] == "/sell"
    client.cookies.clear()
    again = sign_in(client, ticket=given)
    assert (again.status_code, "has been used" in again.text) == (422, True)


def test_a_link_ends(client, ticket, clock):
    clock.pass_seconds(601)
    assert sign_in(client, ticket=ticket).status_code == 422


def test_a_link_of_another_site_signs_nobody_in(client, ticket):
    assert client.post("/sign-in", data={"ticket": ticket}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert sign_in(client, ticket=ticket).status_code == 303


def test_signing_out_ends_the_session_for_whoever_has_its_cookie(client, keys):
    sign_in(client, key=keys.sell.secret)
    cookie = {"Cookie": f"aisle={client.cookies['aisle']}", **SAME_ORIGIN}
    assert client.get("/sell", headers=cookie).status_code == 200
    answer = client.post("/sign-out", headers=cookie)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert 'aisle=""' in answer.headers["set-cookie"]
    client.cookies.clear()
    assert client.get("/sell", headers=cookie).status_code == 401
    assert client.post("/sign-out", headers=SAME_ORIGIN).status_code == 303  # nobody was in


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"key=" + b"a" * 100_000, "application/x-www-form-urlencoded"),
        (b"--x", "multipart/form-data; boundary=x"),
        (b"\xff\xfe", "application/json"),
        (b"", "multipart/form-data"),
        (b"key=%FF%00", "application/x-www-form-urlencoded"),
    ],
)
def test_odd_bodies_are_no_failure(client, content, kind):
    answer = client.post("/sign-in", content=content, headers={**SAME_ORIGIN, "Content-Type": kind})
    assert 400 <= answer.status_code < 500


def test_what_an_address_holds_is_escaped(client):
    page = client.get("/sign-in/%22%3E%3Cscript%3E?next=%22%3E%3Cscript%3Ealert(1)").text
    assert "<script" not in page

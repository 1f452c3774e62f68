"""What another site makes a browser send is refused."""

import pytest
from starlette.datastructures import Headers

from aisle.serve.problems import Problem
from aisle.serve.security.same_origin import check_same_origin

HOST = "shop.example:8000"
ALLOWED = [
    {"sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "none"},
    {"sec-fetch-site": "same-origin", "origin": "null"},
    {"origin": "http://shop.example:8000"},
    {"origin": "https://SHOP.example:8000"},
]
REFUSED = [
    {},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},  # another host of the domain
    {"sec-fetch-site": ""},
    {"sec-fetch-site": "Same-Origin"},  # no browser writes it so
    {"sec-fetch-site": "cross-site", "origin": "http://shop.example:8000"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "http://shop.example"},
    {"origin": "http://shop.example:8000.evil.example"},
    {"origin": "http://evil.example/shop.example:8000"},
    {"origin": "http://shop.example:8000@evil.example"},
    {"origin": "http://[::1"},
]


@pytest.mark.parametrize("headers", ALLOWED, ids=str)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
def test_our_own_pages(method, headers):
    check_same_origin(method, Headers({"host": HOST, **headers}))


@pytest.mark.parametrize("headers", REFUSED, ids=str)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "ODD"])
def test_all_others(method, headers):
    with pytest.raises(Problem) as refused:
        check_same_origin(method, Headers({"host": HOST, **headers}))
    assert (refused.value.status, refused.value.code) == (403, "cross_origin")


def test_without_a_host_nothing_is_our_own():
    with pytest.raises(Problem):
        check_same_origin("POST", Headers({"origin": "http://"}))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_may_come_from_anywhere(method):
    check_same_origin(method, Headers({"host": HOST, "sec-fetch-site": "cross-site"}))


def test_a_key_in_the_header_comes_from_no_browser(client, keys):
    from_elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    response = client.post("/v1/classify", headers={**keys.classify.bearer, **from_elsewhere})
    assert response.status_code != 403

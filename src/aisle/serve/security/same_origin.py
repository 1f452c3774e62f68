"""Requests that change something come from our own pages, or not at all (as in Go 1.25 and Datasette 1.0)."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers

from aisle.serve.problems import Problem

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""


def check_same_origin(method: str, headers: Headers) -> None:
    """Refuse what another site made a browser send; only for requests whose credentials a browser adds by itself.

    Every browser of these years says with ``Sec-Fetch-Site`` where a request comes from, over HTTPS and on localhost;
    over plain HTTP ``Origin`` says it.

    Raises
    ------
    Problem
        403 ``cross_origin``.
    """
    if method in SAFE:
        return
    site = headers.get("sec-fetch-site")
    if site is not None:
        allowed = site in ("same-origin", "none")
    else:
        allowed = _is_own(headers.get("origin"), headers.get("host", ""))
    if not allowed:
        detail = "It came from another site. Open the page itself and send it from there."
        raise Problem(403, "cross_origin", "The request came from elsewhere", detail)


def _is_own(origin: str | None, host: str) -> bool:
    if not origin or not host:
        return False
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False

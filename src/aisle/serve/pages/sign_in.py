"""Signing in with a key, or with a link that works once; and out."""

from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from aisle.serve import caller
from aisle.serve.context import Context, context
from aisle.serve.pages.rendering import render
from aisle.serve.pages.words import mark
from aisle.serve.policy import find_rules
from aisle.store import keys, sessions
from aisle.store.records import ApiKey

router = APIRouter(include_in_schema=False)

HOMES: Final = {"sell": "/sell", "review": "/review"}
"""Scope to the page that it opens."""

_UNKNOWN = mark("This key is not known here, or has ended. Check that it was copied whole; it begins with aisle_.")
_PROGRAMS = mark("This key is for programs: it opens no page. Ask for one that may sell or review.")
_USED = mark("This link has been used, or has ended. Ask for a new one, or sign in with a key.")
_EMPTY = mark("Paste a key first.")


@router.get("/sign-in")
async def show_sign_in(request: Request) -> Response:
    """Show where to paste a key."""
    return _page(request, place=request.query_params.get("next", ""))


@router.get("/sign-in/{ticket}")
async def show_ticket(request: Request, ticket: str) -> Response:
    """Show a button; it is the button that uses the link up, not the preview that a messenger makes of it."""
    return _page(request, ticket=ticket[:200])


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Sign in with a key, or with the ticket of a link, and go on to what the key may use."""
    here = context(request)
    async with request.form(max_files=0, max_fields=8, max_part_size=1 << 16) as form:
        ticket, place, secret = _text(form, "ticket"), _text(form, "next"), _text(form, "key").strip()
    if not ticket and not secret:
        return _page(request, place=place, error=_EMPTY, status=422)
    found = await run_in_threadpool(_open, here, ticket, secret)
    if found is None:
        return _page(request, place=place, error=_USED if ticket else _UNKNOWN, status=422)
    key, token = found
    home = next((page for scope, page in HOMES.items() if scope in key.scopes), None)
    if home is None:
        return _page(request, place=place, error=_PROGRAMS, status=422)
    answer = RedirectResponse(place if _may_open(place, key) else home, status_code=303)
    caller.sign_in(answer, token, options=here.options)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session, here and in the database."""
    here = context(request)
    token = caller.token_of(request.headers, here.options)
    if token is not None:
        await run_in_threadpool(_close, here, token)
    answer = RedirectResponse("/sign-in", status_code=303)
    caller.sign_out(request, answer)
    return answer


def _page(request: Request, *, ticket: str = "", place: str = "", error: str = "", status: int = 200) -> Response:
    values = {"ticket": ticket, "place": place[:2000], "error": error}
    return render(request, "sign_in.html", values, status=status)


def _text(form: FormData, name: str) -> str:
    given = form.get(name)
    return given if isinstance(given, str) else ""


def _open(here: Context, ticket: str, secret: str) -> tuple[ApiKey, str] | None:
    """Open a session; a key that opens no page gets none."""
    now = here.clock()
    with here.database.write() as c:
        if ticket:
            identity = sessions.redeem_ticket(c, ticket=ticket, now=now)
            key = next((each for each in keys.keys(c) if each.id == identity), None)
        else:
            key = keys.find_key(c, secret=secret, now=now)
        if key is None:
            return None
        if not HOMES.keys() & set(key.scopes):
            return key, ""
        return key, sessions.open_session(c, key_id=key.id, now=now, seconds=here.options.session_seconds)


def _close(here: Context, token: str) -> None:
    with here.database.write() as c:
        sessions.close_session(c, token=token)


def _may_open(place: str, key: ApiKey) -> bool:
    r"""Tell whether an address is a page of this service that a key opens.

    Browsers read a backslash as a slash, and skip tabs and line ends: those are in no address of ours.
    """
    if (
        not place.startswith("/")
        or place.startswith("//")
        or any(ord(letter) < 33 or letter == "\\" for letter in place)
    ):
        return False
    found = find_rules(urlsplit(place).path)
    rule = found.rules.get("GET") if found is not None else None
    return rule is not None and rule.session and bool(rule.scopes & set(key.scopes))

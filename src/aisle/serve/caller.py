"""Who calls: the key in a request's header, or the key of somebody signed in."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request, cookie_parser
from starlette.responses import Response

from aisle.serve.context import context, record_of
from aisle.serve.options import ServeOptions
from aisle.serve.problems import Problem
from aisle.store import keys, sessions
from aisle.store.database import Database
from aisle.store.records import ApiKey

log = logging.getLogger(__name__)

KEPT_SECONDS = 2.0
"""How long what the database said of a key is believed: a key that is revoked works that long at most."""

MOST_KEPT = 1024

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="aisle"'}


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls.

    Attributes
    ----------
    key_id : str
    name : str
        What the operator called the key.
    scopes : frozenset of str
    by_session : bool
        Whether a person is signed in on a page; else a program brought the key.
    """

    key_id: str
    name: str
    scopes: frozenset[str]
    by_session: bool


def find_caller(request: HTTPConnection) -> Caller | None:
    """Return who calls; None on a public route."""
    return record_of(request.scope).caller


def caller(request: Request) -> Caller:
    """Return who calls.

    Raises
    ------
    Problem
        401 ``unauthorised``: nobody said.
    """
    found = find_caller(request)
    if found is None:
        raise unauthorised()
    return found


def unauthorised(detail: str = "", *, error: str | None = None) -> Problem:
    """Return the problem of a request without credentials; with `error`, of one whose credentials do not hold."""
    challenge = CHALLENGE["WWW-Authenticate"] + (f', error="{error}"' if error else "")
    detail = detail or "Send the header `Authorization: Bearer aisle_...` with a key of this service."
    return Problem(401, "unauthorised", "A key is needed", detail, headers={"WWW-Authenticate": challenge})


def bearer_of(headers: Headers) -> str | None:
    """Return the secret of the header ``Authorization``; None where there is no such header.

    Raises
    ------
    Problem
        401: the header holds something else.
    """
    given = headers.getlist("authorization")
    if not given:
        return None
    scheme, _, secret = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer" or not secret.strip():
        raise unauthorised(error="invalid_request")
    return secret.strip()


def cookie_name(options: ServeOptions) -> str:
    """Return the name of the session's cookie; over HTTPS one that no other host of the domain can set."""
    return "__Host-aisle" if options.secure_cookies else "aisle"


def token_of(headers: Headers, options: ServeOptions) -> str | None:
    """Return the token of the session's cookie, if there is one."""
    given = headers.get("cookie")
    return cookie_parser(given).get(cookie_name(options)) or None if given else None


def sign_in(response: Response, token: str, *, options: ServeOptions) -> None:
    """Set the cookie of a session."""
    response.set_cookie(
        cookie_name(options),
        token,
        max_age=int(options.session_seconds),
        path="/",
        secure=options.secure_cookies,
        httponly=True,
        samesite="lax",
    )


def sign_out(request: Request, response: Response) -> None:
    """Take the cookie of a session away and forget whom it stood for; the row is `sessions.close_session`'s."""
    here = context(request)
    token = token_of(request.headers, here.options)
    if token is not None:
        here.callers.forget(token)
    response.delete_cookie(
        cookie_name(here.options), path="/", secure=here.options.secure_cookies, httponly=True, samesite="lax"
    )


class Callers:
    """Finds keys in the database, and remembers them for a moment; used on the event loop alone.

    Only keys that hold are remembered: what is guessed goes to the database each time, at the rate of its address.

    Parameters
    ----------
    database : Database
    clock : callable
        Microseconds since 1970.
    seconds : float
        How long a key is remembered.
    """

    def __init__(self, database: Database, *, clock: Callable[[], int], seconds: float = KEPT_SECONDS) -> None:
        self._database = database
        self._clock = clock
        self._seconds = seconds
        self._kept: OrderedDict[tuple[bool, str], tuple[ApiKey, float]] = OrderedDict()
        self._asking: dict[tuple[bool, str], asyncio.Task[ApiKey | None]] = {}
        self._touching: set[asyncio.Task[None]] = set()
        self._forgotten = 0

    def recall(self, secret: str, *, by_session: bool) -> Caller | None:
        """Return whom a secret, or a session's token, stood for a moment ago; None where the database must be asked."""
        place = (by_session, keys.digest(secret))
        found = self._kept.get(place)
        if found is None:
            return None
        key, until = found
        if time.monotonic() >= until or (key.expires_at is not None and key.expires_at <= self._clock()):
            del self._kept[place]
            return None
        return _caller(key, by_session=by_session)

    async def find(self, secret: str, *, by_session: bool) -> Caller | None:
        """Return whom a secret, or a session's token, stands for; None where for nobody, or nobody any more."""
        place = (by_session, keys.digest(secret))
        asking = self._asking.get(place)
        if asking is None:  # of many requests of one key, one asks
            asking = self._asking[place] = asyncio.create_task(self._ask(place, secret))
            asking.add_done_callback(lambda _: self._asking.pop(place, None))
        key = await asyncio.shield(asking)
        return None if key is None else _caller(key, by_session=by_session)

    def forget(self, secret: str) -> None:
        """Forget whom a secret or a token stood for: at once, in this process."""
        self._forgotten += 1  # what is being asked at this moment may be older
        for by_session in (True, False):
            self._kept.pop((by_session, keys.digest(secret)), None)

    async def close(self) -> None:
        """Wait for what is being written."""
        if self._touching:
            await asyncio.wait(set(self._touching))

    async def _ask(self, place: tuple[bool, str], secret: str) -> ApiKey | None:
        asked, forgotten = time.monotonic(), self._forgotten
        key = await run_in_threadpool(self._look_up, secret, place[0])
        if key is None or self._forgotten != forgotten:
            return key
        self._kept[place] = (key, asked + self._seconds)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        if keys.needs_touch(key, now=self._clock()):
            task = asyncio.create_task(self._touch(key))
            self._touching.add(task)
            task.add_done_callback(self._touching.discard)
        return key

    def _look_up(self, secret: str, by_session: bool) -> ApiKey | None:
        with self._database.read() as c:
            if by_session:
                return sessions.find_session(c, token=secret, now=self._clock())
            return keys.find_key(c, secret=secret, now=self._clock())

    async def _touch(self, key: ApiKey) -> None:
        def write() -> None:
            with self._database.write() as c:
                keys.touch(c, id=key.id, now=self._clock())

        try:
            await run_in_threadpool(write)
        except Exception:  # when a key was last used is worth no failed request
            log.warning("the last use of key %s was not kept", key.id, exc_info=True)


def _caller(key: ApiKey, *, by_session: bool) -> Caller:
    return Caller(key_id=key.id, name=key.name, scopes=frozenset(key.scopes), by_session=by_session)

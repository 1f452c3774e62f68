"""Who is signed in on a page: sessions, and tickets that open one, once. Only the SHA-256 of a token is kept."""

from sqlalchemy import Connection, delete, insert, select

from aisle.store.keys import digest, find_by_token, new_secret
from aisle.store.records import ApiKey
from aisle.store.schema import sessions

_SECOND = 1_000_000
_SESSION = "session"
_TICKET = "ticket"


def open_session(c: Connection, *, key_id: str, now: int, seconds: float) -> str:
    """Sign a key in; return the token of the session, which cannot be had again."""
    return _open(c, _SESSION, key_id, now, seconds)


def find_session(c: Connection, *, token: str, now: int) -> ApiKey | None:
    """Return the key that is signed in, while both the session and the key may be used."""
    return find_by_token(c, kind=_SESSION, token=token, now=now)


def close_session(c: Connection, *, token: str) -> None:
    """Sign out; a token that opens nothing is no error."""
    c.execute(delete(sessions).where(sessions.c.sha256 == digest(token), sessions.c.kind == _SESSION))


def create_ticket(c: Connection, *, key_id: str, now: int, seconds: float = 600) -> str:
    """Make a ticket for the address of a sign-in page; it works once."""
    return _open(c, _TICKET, key_id, now, seconds)


def redeem_ticket(c: Connection, *, ticket: str, now: int) -> str | None:
    """Use a ticket up; return its key, or None where it does not work, or not any more.

    Of two who redeem it at once, one gets None: whoever deletes the row has it.
    """
    key = find_by_token(c, kind=_TICKET, token=ticket, now=now)
    gone = c.execute(delete(sessions).where(sessions.c.sha256 == digest(ticket), sessions.c.kind == _TICKET))
    return key.id if key is not None and gone.rowcount == 1 else None


def _open(c: Connection, kind: str, key_id: str, now: int, seconds: float) -> str:
    token = new_secret()
    ended = select(sessions.c.sha256).where(sessions.c.expires_at <= now).with_for_update(skip_locked=True)
    c.execute(delete(sessions).where(sessions.c.sha256.in_(ended)))
    values = {"sha256": digest(token), "kind": kind, "key_id": key_id, "created_at": now}
    c.execute(insert(sessions).values(**values, expires_at=now + round(seconds * _SECOND)))
    return token

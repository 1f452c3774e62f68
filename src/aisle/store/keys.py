"""API keys: 256 random bits, of which only the SHA-256 is kept.

Rotating a key changes its secret and keeps the key: what it posted and decided stays its own. Until the overlap ends
the old secret stands for the same key.
"""

import hmac
import secrets
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from aisle.errors import NotFoundError, StoreError
from aisle.files import sha256_bytes
from aisle.store.records import ApiKey
from aisle.store.schema import api_keys, sessions
from aisle.store.text import clean

PREFIX = "aisle_"
"""Secrets begin with it, so that scanners of logs and repositories can find one that leaked."""

TOUCH_US = 60_000_000
"""How exactly the last use of a key is kept: a write a minute, not one a request."""

_BYTES = 32
_LONGEST = 200  # nothing longer is worth hashing
_RETIRED = "retired"


def create_key(
    c: Connection, *, name: str, scopes: Iterable[str], now: int, expires_at: int | None = None
) -> tuple[ApiKey, str]:
    """Make a key.

    Returns
    -------
    ApiKey
    str
        Its secret, which cannot be had again.
    """
    secret = new_secret(PREFIX)
    key = ApiKey(
        id=secrets.token_hex(16), name=clean(name), scopes=tuple(scopes), created_at=now, expires_at=expires_at
    )
    values = {"id": key.id, "name": key.name, "sha256": digest(secret), "scopes": list(key.scopes)}
    c.execute(insert(api_keys).values(**values, created_at=now, expires_at=expires_at))
    return key, secret


def find_key(c: Connection, *, secret: str, now: int) -> ApiKey | None:
    """Return the key that a secret belongs to, while it may be used.

    The index is asked for the hash of the secret, so that its timing tells nothing of the secret; what comes back is
    compared in constant time.
    """
    if len(secret) > _LONGEST:
        return None
    sha = digest(secret)
    row = c.execute(select(api_keys).where(api_keys.c.sha256 == sha)).one_or_none()
    if row is not None:
        return _usable(row, now) if hmac.compare_digest(row.sha256, sha) else None
    return find_by_token(c, kind=_RETIRED, token=secret, now=now)


def find_by_token(c: Connection, *, kind: str, token: str, now: int) -> ApiKey | None:
    """Return the key that a session's token, or a retired secret, stands for, while both may be used."""
    if len(token) > _LONGEST:
        return None
    sha = digest(token)
    held = select(api_keys, sessions.c.sha256.label("held")).join(sessions, sessions.c.key_id == api_keys.c.id)
    held = held.where(sessions.c.sha256 == sha, sessions.c.kind == kind, sessions.c.expires_at > now)
    row = c.execute(held).one_or_none()
    if row is None or not hmac.compare_digest(row.held, sha):
        return None
    return _usable(row, now)


def keys(c: Connection) -> list[ApiKey]:
    """Return all keys, the oldest first, those that ended as well."""
    return [_key(row) for row in c.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id))]


def revoke(c: Connection, *, id: str, now: int) -> None:  # noqa: A002 - as the column
    """End a key at once, with its retired secrets, sessions and tickets. A second time changes nothing.

    Raises
    ------
    NotFoundError
        There is no such key.
    """
    key = _get(c, id)
    c.execute(delete(sessions).where(sessions.c.key_id == id))
    if key.revoked_at is None:
        c.execute(update(api_keys).where(api_keys.c.id == id).values(revoked_at=now))


def needs_touch(key: ApiKey, *, now: int) -> bool:
    """Tell, without asking the database, whether `touch` would write."""
    return key.used_at is None or key.used_at <= now - TOUCH_US


def touch(c: Connection, *, id: str, now: int) -> None:  # noqa: A002 - as the column
    """Keep when a key was last used, at most once a minute."""
    stale = or_(api_keys.c.used_at.is_(None), api_keys.c.used_at <= now - TOUCH_US)
    c.execute(update(api_keys).where(api_keys.c.id == id, stale).values(used_at=now))


def rotate(c: Connection, *, id: str, overlap_us: int, now: int) -> tuple[ApiKey, str]:  # noqa: A002 - as the column
    """Give a key a new secret; the old one goes on until `now + overlap_us`, and the key ends when it would have.

    So do secrets that were retired before, and sessions and tickets that were opened with any of them.

    Raises
    ------
    NotFoundError
        There is no such key.
    StoreError
        It has ended.
    """
    c.execute(select(api_keys.c.id).where(api_keys.c.id == id).with_for_update())
    key = _get(c, id)
    if _ended(key, now):
        raise StoreError(f"key {id} ({key.name}) has ended: create another with `aisle keys create`")
    secret = new_secret(PREFIX)
    opened = (sessions.c.key_id == id, sessions.c.expires_at > now + overlap_us)
    c.execute(update(sessions).where(*opened).values(expires_at=now + overlap_us))
    if overlap_us > 0:
        old = c.execute(select(api_keys.c.sha256).where(api_keys.c.id == id)).scalar_one()
        values = {"sha256": old, "kind": _RETIRED, "key_id": id, "created_at": now, "expires_at": now + overlap_us}
        c.execute(insert(sessions).values(values))
    c.execute(update(api_keys).where(api_keys.c.id == id).values(sha256=digest(secret)))
    return key, secret


def new_secret(prefix: str = "") -> str:
    """Draw 256 random bits, as 43 characters that a URL can hold."""
    return prefix + secrets.token_urlsafe(_BYTES)


def digest(secret: str) -> str:
    """Return what is kept of a secret; any text has one."""
    return sha256_bytes(secret.encode("utf-8", "surrogatepass"))


def _get(c: Connection, identity: str) -> ApiKey:
    row = c.execute(select(api_keys).where(api_keys.c.id == clean(identity))).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no key {identity!r}: `aisle keys list` shows them")
    return _key(row)


def _usable(row: Row[Any], now: int) -> ApiKey | None:
    key = _key(row)
    return None if _ended(key, now) else key


def _ended(key: ApiKey, now: int) -> bool:
    return key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now)


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        scopes=tuple(row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        used_at=row.used_at,
    )

"""Requests that come again are answered as the first time, and done once.

`claim_key` and `keep_answer` stand in the same transaction as the effect: all three are kept, or none. While one
request is at work, the same one waits (PostgreSQL on the row, SQLite on the write itself).
"""

from sqlalchemy import Connection, delete, select, update

from aisle.errors import IdempotencyConflictError, StoreError
from aisle.store.inserting import insert_new
from aisle.store.records import KeptAnswer
from aisle.store.schema import idempotency
from aisle.store.text import clean

LONGEST = 255
"""Characters that a key may have."""


def claim_key(c: Connection, *, owner: str, key: str, route: str, request_hash: str, now: int) -> KeptAnswer | None:
    """Claim an idempotency key for a request.

    Parameters
    ----------
    owner : str
        The API key that it came with; others may use the same idempotency key.
    key, route : str
        As the client wrote it; where it was sent.
    request_hash : str
        SHA-256 of what was sent, as 64 hex digits.

    Returns
    -------
    KeptAnswer or None
        None when it is new: do it, then `keep_answer`. Otherwise what was answered.

    Raises
    ------
    IdempotencyConflictError
        The key came before with another request, or was claimed and never answered.
    StoreError
        The key is empty or too long.
    """
    key = clean(key)
    if not 1 <= len(key) <= LONGEST:
        raise StoreError(f"an idempotency key has 1 to {LONGEST} characters, not {len(key)}")
    values = {"owner": owner, "key": key, "route": route, "request_sha256": request_hash, "created_at": now}
    if insert_new(c, idempotency, values):
        return None
    row = c.execute(select(idempotency).where(idempotency.c.owner == owner, idempotency.c.key == key)).one()
    if (row.route, row.request_sha256) != (route, request_hash):
        raise IdempotencyConflictError(f"idempotency key {key!r} came before with another request: use a new one")
    if row.status is None:
        raise IdempotencyConflictError(f"the request with idempotency key {key!r} was never answered: use a new one")
    return KeptAnswer(status=row.status, body=row.body)


def keep_answer(c: Connection, *, owner: str, key: str, status: int, body: str) -> None:
    """Keep what is answered to the request that claimed a key.

    Raises
    ------
    StoreError
        Nobody claimed it.
    """
    mine = (idempotency.c.owner == owner, idempotency.c.key == clean(key))
    kept = c.execute(update(idempotency).where(*mine).values(status=status, body=clean(body)))
    if kept.rowcount != 1:
        raise StoreError(f"idempotency key {key!r} was not claimed: call claim_key in the same transaction")


def forget_before(c: Connection, time: int) -> int:
    """Forget the answers that were claimed before a time; return how many."""
    return c.execute(delete(idempotency).where(idempotency.c.created_at < time)).rowcount

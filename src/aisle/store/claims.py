"""Who looks at which product of the queue.

A claim is a lease: it ends by itself, so that nobody who closes a browser keeps a product from the others. Two claims
at one moment never get the same product: on SQLite writes come one after another, on PostgreSQL a row that another
transaction holds is passed over (``FOR UPDATE SKIP LOCKED``).
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, update

from aisle.errors import ClaimedError
from aisle.store.queue import EVERYTHING, FREE, ORDER, WAITING, change, holder, is_held, lock, matching
from aisle.store.records import QueueFilters, QueueItem
from aisle.store.schema import queue as table
from aisle.store.text import clean


def claim(c: Connection, *, by: str, now: int, lease_us: int, filters: QueueFilters = EVERYTHING) -> QueueItem | None:
    """Claim the next product: one's own that is not decided yet, else the most valuable that nobody looks at.

    Parameters
    ----------
    by : str
        A key.
    lease_us : int
        How long the claim holds, in microseconds; one's own claim is lengthened.
    filters : QueueFilters

    Returns
    -------
    QueueItem or None
        None where nothing is free.
    """
    own = matching(c, filters, table.c.product_id).where(table.c.claimed_by == by, table.c.claimed_until > now)
    # Only what waits is claimed; to say so would lead SQLite to another index.
    found = _first(c, own.order_by(*ORDER)) or _first_free(c, filters, by=by, now=now)
    return None if found is None else change(c, found, {"claimed_by": by, "claimed_until": now + lease_us})


def claim_one(c: Connection, *, product_id: str, by: str, now: int, lease_us: int) -> QueueItem:
    """Claim a product that somebody picked from the list.

    Raises
    ------
    NotFoundError
        It never was on the queue.
    ClaimedError
        Somebody else looks at it, who is named, or it is decided, or one has answered and somebody else is to.
    """
    item = lock(c, product_id=product_id)
    _refuse_closed(item)
    if item.not_by == by:
        raise ClaimedError(f"you answered on product {product_id} last: somebody else is to say what it is")
    if is_held(item, now) and item.claimed_by != by:
        raise ClaimedError(f"{holder(c, item)} looks at product {product_id} just now: take another, or wait")
    return change(c, item.product_id, {"claimed_by": by, "claimed_until": now + lease_us})


def hold(c: Connection, *, product_id: str, by: str, now: int) -> QueueItem:
    """Return the product that somebody has claimed, locked until the transaction ends.

    Raises
    ------
    NotFoundError
        It never was on the queue.
    ClaimedError
        The claim has ended or is somebody else's, or the product is decided; the message says what to do.
    """
    item = lock(c, product_id=product_id)
    _refuse_closed(item)
    if not is_held(item, now):
        ended = "your claim on it has ended" if item.claimed_by == by else "nobody has claimed it"
        raise ClaimedError(f"product {product_id} is not yours to decide, {ended}: claim it again, then decide")
    if item.claimed_by != by:
        raise ClaimedError(f"{holder(c, item)} looks at product {product_id} just now: take the next one")
    return item


def heartbeat(c: Connection, *, product_id: str, by: str, now: int, lease_us: int) -> QueueItem:
    """Lengthen a claim; errors are those of `hold`."""
    item = hold(c, product_id=product_id, by=by, now=now)
    return change(c, item.product_id, {"claimed_until": now + lease_us})


def release(c: Connection, *, product_id: str, by: str) -> None:
    """Give a claim back; nothing happens where it is not one's own."""
    c.execute(update(table).where(table.c.product_id == clean(product_id), table.c.claimed_by == by).values(FREE))


def release_others(c: Connection, *, by: str, keep: str) -> None:
    """Give back all that a person has claimed but one product: a page shows one at a time."""
    c.execute(update(table).where(table.c.claimed_by == by, table.c.product_id != clean(keep)).values(FREE))


def skip(c: Connection, *, product_id: str, by: str, now: int) -> QueueItem:
    """Pass a claimed product on: it falls behind all that were skipped less often. Errors are those of `hold`."""
    item = hold(c, product_id=product_id, by=by, now=now)
    return change(c, item.product_id, {"skipped": item.skipped + 1, **FREE})


def _first_free(c: Connection, filters: QueueFilters, *, by: str, now: int) -> str | None:
    """Return the first product that nobody looks at and that a person may answer on.

    One level of skips after the other: the index then gives the order, and nothing is sorted however long the queue is.
    """
    ready = _not_held(now), or_(table.c.not_by.is_(None), table.c.not_by != by)
    levels = select(func.min(table.c.skipped)).where(WAITING)
    level = c.execute(levels).scalar()
    while level is not None:
        free = matching(c, filters, table.c.product_id).where(WAITING, table.c.skipped == level, *ready)
        found = _first(c, free.order_by(*ORDER[1:]))
        if found is not None:
            return found
        level = c.execute(levels.where(table.c.skipped > level)).scalar()
    return None


def _first(c: Connection, rows: Select[Any]) -> str | None:
    """Return the first id that no other transaction is about to take."""
    found = c.execute(rows.limit(1).with_for_update(of=table, skip_locked=True)).scalar_one_or_none()
    return None if found is None else str(found)


def _not_held(now: int) -> ColumnElement[bool]:
    return or_(table.c.claimed_until.is_(None), table.c.claimed_until <= now)


def _refuse_closed(item: QueueItem) -> None:
    if item.state == "closed":
        raise ClaimedError(
            f"product {item.product_id} is decided: look at its history; who decided can undo it, then decide again"
        )

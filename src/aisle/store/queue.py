"""The products that people should look at, and who looks at which.

A claim is a lease: it ends by itself, so that nobody who closes a browser keeps a product from the others. Two claims
at one moment never get the same product: on SQLite writes come one after another, on PostgreSQL a row that another
transaction holds is passed over (``FOR UPDATE SKIP LOCKED``).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select, update

from aisle.errors import ClaimedError, NotFoundError, StoreError
from aisle.store.decisions import name_of
from aisle.store.inserting import insert_new
from aisle.store.records import NewItem, QueueFilters, QueueItem, Reason
from aisle.store.schema import products
from aisle.store.schema import queue as table
from aisle.store.text import clean
from aisle.store.title_search import holds_text

EVERYTHING = QueueFilters()
"""Filters that leave nothing out."""

_FREE: dict[str, Any] = {"claimed_by": None, "claimed_until": None}
_ANYBODYS: dict[str, Any] = {"not_by": None}
_WAITING = table.c.state == "waiting"
_ORDER = table.c.skipped, table.c.value.desc(), table.c.created_at, table.c.product_id


def put(c: Connection, item: NewItem) -> None:
    """Put a product on the queue.

    Raises
    ------
    StoreError
        It is or was there: `reopen` it.
    """
    values = {
        "product_id": item.product_id,
        "prediction_id": item.prediction_id,
        "reason": item.reason,
        "state": "waiting",
        "value": item.value,
        "top_category": clean(item.top_category),
        "skipped": 0,
        "created_at": item.created_at,
        **_FREE,
        **_ANYBODYS,
    }
    if not insert_new(c, table, values):
        raise StoreError(f"product {item.product_id} is on the queue already, or was: reopen it")


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
    own = _matching(c, filters, table.c.product_id).where(table.c.claimed_by == by, table.c.claimed_until > now)
    # Only what waits is claimed; to say so would lead SQLite to another index.
    found = _first(c, own.order_by(*_ORDER)) or _first_free(c, filters, by=by, now=now)
    return None if found is None else _set(c, found, {"claimed_by": by, "claimed_until": now + lease_us})


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
    if _is_held(item, now) and item.claimed_by != by:
        raise ClaimedError(f"{_name(c, item)} looks at product {product_id} just now: take another, or wait")
    return _set(c, item.product_id, {"claimed_by": by, "claimed_until": now + lease_us})


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
    if not _is_held(item, now):
        ended = "your claim on it has ended" if item.claimed_by == by else "nobody has claimed it"
        raise ClaimedError(f"product {product_id} is not yours to decide, {ended}: claim it again, then decide")
    if item.claimed_by != by:
        raise ClaimedError(f"{_name(c, item)} looks at product {product_id} just now: take the next one")
    return item


def heartbeat(c: Connection, *, product_id: str, by: str, now: int, lease_us: int) -> QueueItem:
    """Lengthen a claim; errors are those of `hold`."""
    item = hold(c, product_id=product_id, by=by, now=now)
    return _set(c, item.product_id, {"claimed_until": now + lease_us})


def release(c: Connection, *, product_id: str, by: str) -> None:
    """Give a claim back; nothing happens where it is not one's own."""
    c.execute(update(table).where(table.c.product_id == clean(product_id), table.c.claimed_by == by).values(_FREE))


def release_others(c: Connection, *, by: str, keep: str) -> None:
    """Give back all that a person has claimed but one product: a page shows one at a time."""
    c.execute(update(table).where(table.c.claimed_by == by, table.c.product_id != clean(keep)).values(_FREE))


def skip(c: Connection, *, product_id: str, by: str, now: int) -> QueueItem:
    """Pass a claimed product on: it falls behind all that were skipped less often. Errors are those of `hold`."""
    item = hold(c, product_id=product_id, by=by, now=now)
    return _set(c, item.product_id, {"skipped": item.skipped + 1, **_FREE})


def close(c: Connection, *, product_id: str, now: int) -> None:
    """Take a product off the queue, because it is decided.

    Raises
    ------
    NotFoundError
        It is not waiting there.
    """
    if (
        c.execute(
            update(table)
            .where(table.c.product_id == clean(product_id), _WAITING)
            .values(state="closed", closed_at=now, **_FREE)
        ).rowcount
        != 1
    ):
        raise NotFoundError(f"product {product_id} is not waiting on the queue")


def reopen(c: Connection, *, product_id: str, reason: Reason, now: int, not_by: str | None = None) -> bool:
    """Put a decided product back on the queue, where it waits as if it had just come.

    Parameters
    ----------
    not_by : str, optional
        The key of a person who is not to answer again before somebody else has.

    Returns
    -------
    bool
        False where it waits there already; it is left as it is.

    Raises
    ------
    NotFoundError
        It never was on the queue.
    """
    item = lock(c, product_id=product_id)
    if item.state == "waiting":
        return False
    back = {"state": "waiting", "closed_at": None, "reason": reason, "skipped": 0, "created_at": now}
    _set(c, item.product_id, back | _FREE | {"not_by": not_by})
    return True


def take_back(
    c: Connection, item: QueueItem, *, by: str, now: int, lease_us: int, reason: Reason, skips: int = 0
) -> QueueItem:
    """Put a product whose decision is undone back into the hands of the person who undoes it.

    Parameters
    ----------
    item : QueueItem
        As `lock` returned it.
    reason : str
        Why it lay on the queue when it was decided.
    skips : int
        How many skips are undone.

    Raises
    ------
    ClaimedError
        Somebody else looks at it.
    """
    if item.state == "waiting" and _is_held(item, now) and item.claimed_by != by:
        raise ClaimedError(f"{_name(c, item)} looks at product {item.product_id} just now: wait, then undo")
    back = {"state": "waiting", "closed_at": None, "claimed_by": by, "claimed_until": now + lease_us, **_ANYBODYS}
    return _set(c, item.product_id, {**back, "reason": reason, "skipped": max(0, item.skipped - skips)})


def lock(c: Connection, *, product_id: str) -> QueueItem:
    """Return a product's place on the queue, closed or not; nobody else changes it until the transaction ends.

    Raises
    ------
    NotFoundError
        It never was on the queue.
    """
    row = c.execute(select(table).where(table.c.product_id == clean(product_id)).with_for_update()).one_or_none()
    if row is None:
        raise NotFoundError(f"product {product_id!r} is not on the queue, and never was")
    return _item(row)


def find_item(c: Connection, *, product_id: str) -> QueueItem | None:
    """Return a product's place on the queue, closed or not; None where it never was there."""
    row = c.execute(select(table).where(table.c.product_id == clean(product_id))).one_or_none()
    return None if row is None else _item(row)


def waiting(
    c: Connection, *, now: int, filters: QueueFilters = EVERYTHING, limit: int = 50, offset: int = 0
) -> list[QueueItem]:
    """Return a page of the queue in its order; claims that have ended are shown as none."""
    rows = _matching(c, filters, *table.c).where(_WAITING).order_by(*_ORDER).limit(limit).offset(offset)
    return [_item(row, now=now) for row in c.execute(rows)]


def count(c: Connection, filters: QueueFilters = EVERYTHING) -> int:
    """Return how many products wait, claimed ones too."""
    return int(c.execute(_matching(c, filters, func.count()).where(_WAITING)).scalar_one())


def value_at(c: Connection, *, share: float) -> float | None:
    """Return the value that stands a share of the way down the queue; None where it is empty.

    Parameters
    ----------
    share : float
        From 0, the most valuable, to just below 1.
    """
    total = count(c)
    if not total:
        return None
    place = min(total - 1, int(share * total))
    rows = select(table.c.value).where(_WAITING).order_by(table.c.value.desc())
    found = c.execute(rows.limit(1).offset(place)).scalar()
    return None if found is None else float(found)


def _matching(c: Connection, filters: QueueFilters, *columns: Any) -> Select[Any]:
    rows = select(*columns).select_from(table)
    if filters.top_category is not None:
        rows = rows.where(table.c.top_category == clean(filters.top_category))
    if filters.reasons:
        rows = rows.where(table.c.reason.in_(filters.reasons))
    if filters.text:
        titled = and_(products.c.id == table.c.product_id, holds_text(c, products.c.title, filters.text))
        rows = rows.where(select(products.c.id).where(titled).exists())
    return rows


def _first_free(c: Connection, filters: QueueFilters, *, by: str, now: int) -> str | None:
    """Return the first product that nobody looks at and that a person may answer on.

    One level of skips after the other: the index then gives the order, and nothing is sorted however long the queue is.
    """
    ready = _not_held(now), or_(table.c.not_by.is_(None), table.c.not_by != by)
    levels = select(func.min(table.c.skipped)).where(_WAITING)
    level = c.execute(levels).scalar()
    while level is not None:
        free = _matching(c, filters, table.c.product_id).where(_WAITING, table.c.skipped == level, *ready)
        found = _first(c, free.order_by(*_ORDER[1:]))
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


def _is_held(item: QueueItem, now: int) -> bool:
    return item.claimed_until is not None and item.claimed_until > now


def _refuse_closed(item: QueueItem) -> None:
    if item.state == "closed":
        raise ClaimedError(
            f"product {item.product_id} is decided: look at its history; who decided can undo it, then decide again"
        )


def _name(c: Connection, item: QueueItem) -> str:
    return name_of(c, key_id=item.claimed_by or "")


def _set(c: Connection, product_id: str, values: Mapping[str, Any]) -> QueueItem:
    changed = update(table).where(table.c.product_id == product_id).values(dict(values)).returning(table)
    return _item(c.execute(changed).one())


def _item(row: Row[Any], *, now: int | None = None) -> QueueItem:
    ended = now is not None and row.claimed_until is not None and row.claimed_until <= now
    return QueueItem(**{**row._mapping, **(_FREE if ended else {})})

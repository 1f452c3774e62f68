"""The products that people should look at, and in which order; who looks at which is a matter of `claims`."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select, update

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

FREE: dict[str, Any] = {"claimed_by": None, "claimed_until": None}
"""Columns of a product that nobody looks at."""

_ANYBODYS: dict[str, Any] = {"not_by": None}
WAITING = table.c.state == "waiting"

ORDER = table.c.skipped, table.c.value.desc(), table.c.created_at, table.c.product_id
"""Skipped ones last, then by value; the oldest of equals first."""


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
        **FREE,
        **_ANYBODYS,
    }
    if not insert_new(c, table, values):
        raise StoreError(f"product {item.product_id} is on the queue already, or was: reopen it")


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
            .where(table.c.product_id == clean(product_id), WAITING)
            .values(state="closed", closed_at=now, **FREE)
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
    change(c, item.product_id, back | FREE | {"not_by": not_by})
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
    if item.state == "waiting" and is_held(item, now) and item.claimed_by != by:
        raise ClaimedError(f"{holder(c, item)} looks at product {item.product_id} just now: wait, then undo")
    back = {"state": "waiting", "closed_at": None, "claimed_by": by, "claimed_until": now + lease_us, **_ANYBODYS}
    return change(c, item.product_id, {**back, "reason": reason, "skipped": max(0, item.skipped - skips)})


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
    rows = matching(c, filters, *table.c).where(WAITING).order_by(*ORDER).limit(limit).offset(offset)
    return [_item(row, now=now) for row in c.execute(rows)]


def count(c: Connection, filters: QueueFilters = EVERYTHING) -> int:
    """Return how many products wait, claimed ones too."""
    return int(c.execute(matching(c, filters, func.count()).where(WAITING)).scalar_one())


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
    rows = select(table.c.value).where(WAITING).order_by(table.c.value.desc())
    found = c.execute(rows.limit(1).offset(place)).scalar()
    return None if found is None else float(found)


def matching(c: Connection, filters: QueueFilters, *columns: Any) -> Select[Any]:
    """Select columns of the products that filters leave, closed ones too."""
    rows = select(*columns).select_from(table)
    if filters.top_category is not None:
        rows = rows.where(table.c.top_category == clean(filters.top_category))
    if filters.reasons:
        rows = rows.where(table.c.reason.in_(filters.reasons))
    if filters.text:
        titled = and_(products.c.id == table.c.product_id, holds_text(c, products.c.title, filters.text))
        rows = rows.where(select(products.c.id).where(titled).exists())
    return rows


def is_held(item: QueueItem, now: int) -> bool:
    """Return whether somebody looks at a product just now."""
    return item.claimed_until is not None and item.claimed_until > now


def holder(c: Connection, item: QueueItem) -> str:
    """Return the name of the key that has claimed a product last."""
    return name_of(c, key_id=item.claimed_by or "")


def change(c: Connection, product_id: str, values: Mapping[str, Any]) -> QueueItem:
    """Set columns of a product that is on the queue, and return it as it is then."""
    changed = update(table).where(table.c.product_id == product_id).values(dict(values)).returning(table)
    return _item(c.execute(changed).one())


def _item(row: Row[Any], *, now: int | None = None) -> QueueItem:
    ended = now is not None and row.claimed_until is not None and row.claimed_until <= now
    return QueueItem(**{**row._mapping, **(FREE if ended else {})})

"""What people answered, and what they took back. Nothing is ever deleted: an undone decision says when and by whom."""

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from aisle.errors import NotFoundError, UndoError
from aisle.store.records import NewDecision, StoredDecision
from aisle.store.schema import api_keys
from aisle.store.schema import decisions as table
from aisle.store.text import clean


def keep_decision(c: Connection, decision: NewDecision) -> int:
    """Keep what a person answered, and return its number."""
    values = {
        "product_id": decision.product_id,
        "prediction_id": decision.prediction_id,
        "source": decision.source,
        "kind": decision.kind,
        "path": None if decision.path is None else list(decision.path),
        "queue_reason": decision.queue_reason,
        "decided_by": decision.decided_by,
        "decided_name": clean(decision.decided_name),
        "decided_at": decision.decided_at,
    }
    return int(c.execute(insert(table).values(values).returning(table.c.id)).scalar_one())


def find_decision(c: Connection, *, id: int) -> StoredDecision:  # noqa: A002 - as the column
    """Return one decision, undone or not.

    Raises
    ------
    NotFoundError
        There is none with that number.
    """
    row = c.execute(select(table).where(table.c.id == id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no decision {id}")
    return _decision(row)


def decisions_of(c: Connection, *, product_id: str) -> list[StoredDecision]:
    """Return all decisions on a product, undone ones too, the oldest first."""
    rows = select(table).where(table.c.product_id == clean(product_id)).order_by(table.c.decided_at, table.c.id)
    return [_decision(row) for row in c.execute(rows)]


def all_decisions(c: Connection, since: int | None = None) -> list[StoredDecision]:
    """Return all decisions, undone ones too, the oldest first; those from a moment on where one is given."""
    rows = select(table).order_by(table.c.decided_at, table.c.id)
    return [_decision(row) for row in c.execute(rows if since is None else rows.where(table.c.decided_at >= since))]


def last_decision(c: Connection, *, by: str, since: int) -> StoredDecision | None:
    """Return what a moderator answered last and did not take back; None where that was before a moment."""
    own = table.c.decided_by == by, table.c.source == "moderator", table.c.undone_at.is_(None)
    rows = select(table).where(*own, table.c.decided_at >= since)
    row = c.execute(rows.order_by(table.c.decided_at.desc(), table.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _decision(row)


def others_decide(c: Connection, *, by: str, since: int) -> bool:
    """Tell whether any moderator but one has answered since a moment."""
    theirs = table.c.decided_by != by, table.c.source == "moderator", table.c.decided_at >= since
    return c.execute(select(table.c.id).where(*theirs).limit(1)).first() is not None


def undo_decision(c: Connection, *, id: int, by: str, now: int) -> StoredDecision:  # noqa: A002 - as the column
    """Take back a decision of one's own, and return it as it is then.

    Raises
    ------
    NotFoundError
        There is none with that number.
    UndoError
        It is somebody else's, or is undone already.
    """
    mine = table.c.id == id, table.c.decided_by == by, table.c.undone_at.is_(None)
    undone = update(table).where(*mine).values(undone_at=now, undone_by=by).returning(table)
    row = c.execute(undone).one_or_none()
    if row is not None:
        return _decision(row)
    found = find_decision(c, id=id)
    refuse_undo(found, by=by)
    raise UndoError(f"decision {id} changed just now: look at it again")


def refuse_undo(found: StoredDecision, *, by: str) -> None:
    """Refuse to undo what is not one's own, or not there to undo.

    Raises
    ------
    UndoError
        It is somebody else's, or is undone already.
    """
    if found.decided_by != by:
        raise UndoError(f"decision {found.id} is {found.decided_name}'s: only they can undo it")
    if found.undone_at is not None:
        raise UndoError(f"decision {found.id} is undone already: decide anew")


def name_of(c: Connection, *, key_id: str) -> str:
    """Return what a key is called now; its id where no such key is kept."""
    found = c.execute(select(api_keys.c.name).where(api_keys.c.id == clean(key_id))).scalar()
    return key_id if found is None else str(found)


def _decision(row: Row[Any]) -> StoredDecision:
    return StoredDecision(
        id=row.id,
        product_id=row.product_id,
        prediction_id=row.prediction_id,
        source=row.source,
        kind=row.kind,
        path=None if row.path is None else tuple(row.path),
        queue_reason=row.queue_reason,
        decided_by=row.decided_by,
        decided_name=row.decided_name,
        decided_at=row.decided_at,
        undone_at=row.undone_at,
        undone_by=row.undone_by,
    )

"""Engines that can be made live, and which one is."""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from aisle.errors import NotFoundError, StoreError
from aisle.store import schema
from aisle.store.inserting import insert_new
from aisle.store.records import Live, StoredEngine
from aisle.store.text import clean

_ONLY = 1  # the one row of `live`


def register(c: Connection, engine: StoredEngine) -> None:
    """Keep an engine; one that is known keeps its name and takes the folder and the golden answers given now."""
    values = {
        "id": engine.id,
        "folder": clean(engine.folder),
        "golden": engine.golden,
        "registered_at": engine.registered_at,
        "registered_by": clean(engine.registered_by),
    }
    if not insert_new(c, schema.engines, values):
        c.execute(update(schema.engines).where(schema.engines.c.id == engine.id).values(values))


def engines(c: Connection) -> list[StoredEngine]:
    """Return all engines, the one that was registered first first."""
    order = schema.engines.c.registered_at, schema.engines.c.id
    return [_engine(row) for row in c.execute(select(schema.engines).order_by(*order))]


def find_engine(c: Connection, *, id: str) -> StoredEngine | None:  # noqa: A002 - as the column
    """Return one engine; None where it is not registered."""
    row = c.execute(select(schema.engines).where(schema.engines.c.id == clean(id))).one_or_none()
    return None if row is None else _engine(row)


def live(c: Connection) -> Live | None:
    """Return which engine answers; None where none was ever promoted."""
    return _live(c, lock=False)


def promote(c: Connection, *, id: str, by: str, now: int) -> Live:  # noqa: A002 - as the column
    """Make an engine live and remember the one before it. The one that is live stays as it is.

    Raises
    ------
    NotFoundError
        It is not registered.
    """
    if find_engine(c, id=id) is None:
        raise NotFoundError(f"there is no engine {id!r}: `aisle engines list` shows them")
    first = Live(engine_id=id, previous_id=None, generation=1, changed_at=now, changed_by=clean(by))
    before = _live(c, lock=True)
    if before is None and not insert_new(c, schema.live, {"id": _ONLY, **vars(first)}):
        before = _live(c, lock=True)  # somebody else promoted the first one meanwhile
    if before is None:
        return first
    return before if before.engine_id == id else _change(c, before, id, by, now)


def rollback(c: Connection, *, by: str, now: int) -> Live:
    """Make the engine live that was before; a second time takes the first back.

    Raises
    ------
    StoreError
        There is none before.
    """
    before = _live(c, lock=True)
    if before is None or before.previous_id is None:
        raise StoreError("no engine was live before this one: promote one with `aisle engines promote`")
    return _change(c, before, before.previous_id, by, now)


def _change(c: Connection, before: Live, engine_id: str, by: str, now: int) -> Live:
    after = Live(
        engine_id=engine_id,
        previous_id=before.engine_id,
        generation=before.generation + 1,
        changed_at=now,
        changed_by=clean(by),
    )
    c.execute(update(schema.live).where(schema.live.c.id == _ONLY).values(vars(after)))
    return after


def _live(c: Connection, *, lock: bool) -> Live | None:
    wanted = select(schema.live).where(schema.live.c.id == _ONLY)
    row = c.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    if row is None:
        return None
    return Live(
        engine_id=row.engine_id,
        previous_id=row.previous_id,
        generation=row.generation,
        changed_at=row.changed_at,
        changed_by=row.changed_by,
    )


def _engine(row: Row[Any]) -> StoredEngine:
    return StoredEngine(
        id=row.id,
        folder=row.folder,
        golden=row.golden,
        registered_at=row.registered_at,
        registered_by=row.registered_by,
    )

"""Work that survives a kill: each job is done at least once.

A worker leases a job, says now and then that it is alive, and finishes it; a lease that ran out is another worker's to
take. After `MOST_ATTEMPTS` a job is dead, and stays for people to look at.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from aisle.errors import ClaimedError
from aisle.store.inserting import insert_new
from aisle.store.records import Job
from aisle.store.schema import jobs as table
from aisle.store.text import clean

MOST_ATTEMPTS = 5
"""How often a job is begun before it is given up."""

_ENDED: dict[str, Any] = {"leased_by": None, "leased_until": None, "unique_name": None}
_LONGEST = 255


def enqueue(c: Connection, *, kind: str, payload: Mapping[str, Any], now: int, unique: str | None = None) -> int:
    """Put a job on the list.

    Parameters
    ----------
    kind : str
        Who can do it.
    payload : mapping
        What it needs; plain JSON.
    unique : str, optional
        A name that only one job may have that has not ended, at most 255 characters.

    Returns
    -------
    int
        Its number; that of the job which has the name already, where there is one.

    Raises
    ------
    ValueError
        The name is too long.
    """
    values = {"kind": kind, "payload": dict(payload), "state": "waiting", "attempts": 0, "not_before": now}
    values |= {"created_at": now, "changed_at": now}
    if unique is None:
        return int(c.execute(insert(table).values(values).returning(table.c.id)).scalar_one())
    name = clean(unique)
    if len(name) > _LONGEST:
        raise ValueError(f"the name of a job has at most {_LONGEST} characters, not {len(name)}")
    found = select(table.c.id).where(table.c.unique_name == name)
    while (taken := c.execute(found).scalar()) is None:
        insert_new(c, table, {**values, "unique_name": name})
    return int(taken)


def lease(c: Connection, *, kinds: Sequence[str], by: str, now: int, lease_us: int) -> Job | None:
    """Take the job that waits longest, or one whose worker was lost; None where there is nothing to do."""
    lost = and_(table.c.state == "running", table.c.leased_until <= now)
    buried = {"state": "dead", "changed_at": now, "error": f"its worker was lost {MOST_ATTEMPTS} times"}
    c.execute(update(table).where(lost, table.c.attempts >= MOST_ATTEMPTS).values(buried | _ENDED))
    free = or_(and_(table.c.state == "waiting", table.c.not_before <= now), lost)
    first = select(table).where(free, table.c.kind.in_(kinds)).order_by(table.c.not_before, table.c.id).limit(1)
    row = c.execute(first.with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    taken = {"state": "running", "attempts": row.attempts + 1, "leased_by": by, "leased_until": now + lease_us}
    changed = update(table).where(table.c.id == row.id).values(**taken, changed_at=now).returning(table)
    return _job(c.execute(changed).one())


def heartbeat(c: Connection, *, id: int, by: str, now: int, lease_us: int) -> None:  # noqa: A002 - as the column
    """Lengthen a lease.

    Raises
    ------
    ClaimedError
        It has gone to somebody else, or the job has ended: stop working on it.
    """
    _change(c, id, by, {"leased_until": now + lease_us, "changed_at": now})


def finish(c: Connection, *, id: int, by: str, now: int) -> None:  # noqa: A002 - as the column
    """Note that a job is done, in the same transaction as its effect where that lies in the database.

    Raises
    ------
    ClaimedError
        It has gone to somebody else: the effect is to be rolled back.
    """
    _change(c, id, by, {"state": "done", "error": None, "changed_at": now, **_ENDED})


def fail(c: Connection, *, id: int, by: str, error: str, now: int, retry_at: int) -> None:  # noqa: A002 - as the column
    """Note that a job failed; it waits until `retry_at`, or is dead after `MOST_ATTEMPTS`.

    Raises
    ------
    ClaimedError
        It has gone to somebody else.
    """
    attempts = c.execute(select(table.c.attempts).where(table.c.id == id)).scalar()
    values: dict[str, Any] = {"state": "waiting", "not_before": retry_at, "leased_by": None, "leased_until": None}
    if attempts is not None and attempts >= MOST_ATTEMPTS:
        values = {"state": "dead", **_ENDED}
    _change(c, id, by, {**values, "error": clean(error), "changed_at": now})


def jobs(c: Connection) -> list[Job]:
    """Return all jobs, the oldest first."""
    return [_job(row) for row in c.execute(select(table).order_by(table.c.id))]


def _change(c: Connection, identity: int, by: str, values: Mapping[str, Any]) -> None:
    mine = (table.c.id == identity, table.c.state == "running", table.c.leased_by == by)
    if c.execute(update(table).where(*mine).values(dict(values))).rowcount != 1:
        raise ClaimedError(f"job {identity} is not {by}'s any more: another worker has it, or it has ended")


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        payload=row.payload,
        state=row.state,
        attempts=row.attempts,
        leased_by=row.leased_by,
        leased_until=row.leased_until,
        error=row.error,
        created_at=row.created_at,
    )

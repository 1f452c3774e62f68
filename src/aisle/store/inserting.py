"""Rows that are inserted unless they are there: the one statement that the two databases say differently."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(c: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row; return False, and change nothing, where a key of it is taken.

    On PostgreSQL it waits for another transaction that is about to insert the same key.
    """
    insert = sqlite.insert if c.dialect.name == "sqlite" else postgresql.insert
    kept = insert(table).values(values).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return c.execute(kept).first() is not None

"""Products that sellers posted, and where they are filed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from aisle.errors import NotFoundError, StoreError
from aisle.product import CategoryPath
from aisle.store.inserting import insert_new
from aisle.store.records import StoredProduct
from aisle.store.schema import products as table
from aisle.store.text import clean

AT_ONCE = 500
"""How many ids one statement names: databases limit the values of a statement, SQLite once at 999."""


def keep_product(c: Connection, product: StoredProduct) -> None:
    """Keep a product; its photo must be kept already.

    Raises
    ------
    StoreError
        The id is taken, or the owner has posted another product under that reference.
    """
    values = {
        "id": product.id,
        "owner": product.owner,
        "reference": None if product.reference is None else clean(product.reference),
        "title": clean(product.title),
        "description": clean(product.description),
        "attributes": dict(product.attributes),
        "photo": product.photo,
        "volume": product.volume,
        "category": None if product.category is None else list(product.category),
        "decided_by": product.decided_by,
        "created_at": product.created_at,
        "changed_at": product.changed_at,
    }
    if not insert_new(c, table, values):
        named = f"{product.id}" if product.reference is None else f"{product.reference!r}"
        raise StoreError(f"product {named} of this owner is kept already: look it up, or give it another reference")


def find_product(c: Connection, *, id: str) -> StoredProduct:  # noqa: A002 - as the column
    """Return one product.

    Raises
    ------
    NotFoundError
        There is none with that id.
    """
    row = c.execute(select(table).where(table.c.id == clean(id))).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no product {id!r}: its id is what was answered when it was posted")
    return _product(row)


def find_products(c: Connection, *, ids: Sequence[str]) -> dict[str, StoredProduct]:
    """Return products by their ids; those that are not there are left out."""
    found: dict[str, StoredProduct] = {}
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        found |= {row.id: _product(row) for row in c.execute(select(table).where(table.c.id.in_(some)))}
    return found


def find_by_reference(c: Connection, *, reference: str, owner: str) -> StoredProduct | None:
    """Return the product that an owner calls so; None where there is none."""
    named = table.c.reference == clean(reference), table.c.owner == clean(owner)
    row = c.execute(select(table).where(*named)).one_or_none()
    return None if row is None else _product(row)


def set_category(c: Connection, *, id: str, path: CategoryPath | None, decided_by: str | None, now: int) -> None:  # noqa: A002
    """File a product, or take it out of its category.

    Parameters
    ----------
    path : tuple of str or None
        None where no category fits, or while nobody has decided.
    decided_by : {"engine", "person"} or None

    Raises
    ------
    NotFoundError
        There is no such product.
    """
    values = {"category": None if path is None else list(path), "decided_by": decided_by, "changed_at": now}
    if c.execute(update(table).where(table.c.id == clean(id)).values(values)).rowcount != 1:
        raise NotFoundError(f"there is no product {id!r} to file")


def _product(row: Row[Any]) -> StoredProduct:
    return StoredProduct(
        id=row.id,
        owner=row.owner,
        reference=row.reference,
        title=row.title,
        description=row.description,
        attributes=row.attributes,
        photo=row.photo,
        volume=row.volume,
        category=None if row.category is None else tuple(row.category),
        decided_by=row.decided_by,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )

"""An item that a seller posts, kept once however often it is sent."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request

from aisle.files import sha256_bytes
from aisle.product import CategoryPath, Prediction
from aisle.review.intake import receive
from aisle.serve.caller import caller
from aisle.serve.context import Context, context
from aisle.serve.pages.item_form import ItemForm
from aisle.store import idempotency
from aisle.store.photos import note_photo
from aisle.store.records import StoredProduct
from aisle.store.text import dump_json

_ROUTE = "/sell"


@dataclass(frozen=True, kw_only=True)
class Posted:
    """What became of an item.

    Attributes
    ----------
    product_id : str
    path : tuple of str
        Where it is filed; empty where a person will look.
    chosen : tuple of str
        What the seller chose; empty where it was left open.
    """

    product_id: str
    path: CategoryPath
    chosen: CategoryPath


def post(
    request: Request,
    form: ItemForm,
    prediction: Prediction,
    *,
    chosen: CategoryPath | None,
    precision: float,
    draw: float,
) -> Posted:
    """Keep an item, unless the form with its token was kept before: then say what became of that.

    Raises
    ------
    IdempotencyConflictError
        The form was posted before, and something else stood in it.
    StoreError
        Nothing can be kept.
    """
    here, owner = context(request), caller(request).key_id
    product = StoredProduct(
        id=secrets.token_hex(16),
        owner=owner,
        title=form.title.strip(),
        description=form.description.strip(),
        attributes=form.attributes,
        photo=form.photo or None,
    )
    key = f"form-{form.token or secrets.token_urlsafe(24)}"
    now = here.clock()
    with here.database.write() as c:
        kept = idempotency.claim_key(
            c, owner=owner, key=key, route=_ROUTE, request_hash=_hash(product, chosen), now=now
        )
        if kept is not None:
            return _read(json.loads(kept.body))
        if product.photo is not None:
            _note_photo(c, here, product.photo, now)
        received = receive(
            c,
            product,
            prediction,
            chosen=chosen,
            precision=precision,
            policy=here.options.policy,
            draw=draw,
            now=now,
        )
        path = prediction.path if received.state == "decided" else ()
        posted = Posted(product_id=product.id, path=path, chosen=chosen or ())
        body = {"product_id": posted.product_id, "path": list(posted.path), "chosen": list(posted.chosen)}
        idempotency.keep_answer(c, owner=owner, key=key, status=200, body=dump_json(body))
    return posted


def _note_photo(c: Connection, here: Context, sha: str, now: int) -> None:
    note_photo(c, sha=sha, size=here.photos.path(sha).stat().st_size, now=now)


def _hash(product: StoredProduct, chosen: CategoryPath | None) -> str:
    """Return the hash of what was sent: the same item, the same hash."""
    sent = [product.title, product.description, sorted(product.attributes.items()), product.photo, chosen or []]
    return sha256_bytes(dump_json(sent).encode("utf-8"))


def _read(body: dict[str, Any]) -> Posted:
    return Posted(product_id=body["product_id"], path=tuple(body["path"]), chosen=tuple(body["chosen"]))

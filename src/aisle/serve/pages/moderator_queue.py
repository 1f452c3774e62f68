"""What waits for a person, as a list to pick from; and what happened to any item."""

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from aisle.product import CategoryPath
from aisle.serve.caller import caller
from aisle.serve.context import context
from aisle.serve.pages.moderator_filters import REASONS, Wanted, read_wanted, reason_words
from aisle.serve.pages.moderator_item import find_kept, first_leaf, history_of, how_long, tops_of, when
from aisle.serve.pages.rendering import render
from aisle.serve.pages.suggestions import reasons_of
from aisle.serve.pages.words import Words, choose_language, words
from aisle.store import queue
from aisle.store.decisions import name_of
from aisle.store.predictions import find_predictions
from aisle.store.products import find_products
from aisle.store.records import StoredProduct

router = APIRouter(include_in_schema=False)

ROWS: Final = 25
"""Of a page of the list."""

_DEEPEST = 10_000


@dataclass(frozen=True, kw_only=True)
class Row:
    """An item of the list.

    Attributes
    ----------
    proposal : tuple of str
        What the engine finds most probable.
    value : str
    age : str
        How long it has waited.
    why : str
    claimed_by : str
        A name; empty where it is free.
    mine : bool
        Whether that is the reader.
    """

    product: StoredProduct
    proposal: CategoryPath
    value: str
    age: str
    why: str
    claimed_by: str
    mine: bool


@router.get("/review/queue")
def show_queue(request: Request) -> Response:
    """Show what waits, in the order in which it is handed out."""
    here = context(request)
    wanted = read_wanted(request.query_params)
    given = request.query_params.get("page", "")
    asked = int(given) if given.isascii() and given.isdecimal() and len(given) < 6 else 1
    with here.database.read() as c:
        total = queue.count(c, wanted.filters)
        pages = max(1, -(-total // ROWS))
        page = min(max(1, asked), pages, _DEEPEST)
        rows = _rows(c, request, wanted, (page - 1) * ROWS)
    values = {
        "wanted": wanted,
        "language_query": wanted.address("", page=page, lang="")[1:],
        "reasons": REASONS,
        "tops": tops_of(here.live.taxonomy, wanted.top),
        "rows": rows,
        "total": total,
        "page": page,
        "pages": pages,
    }
    return render(request, "review_queue.html", values)


@router.get("/review/item/{id}")
def show_item(request: Request, id: str) -> Response:  # noqa: A002 - as in the address
    """Show what is kept of an item, on the queue or not.

    Raises
    ------
    NotFoundError
        There is none; told as 404.
    """
    here = context(request)
    say = words(choose_language(request))
    with here.database.read() as c:
        kept = find_kept(c, id=id, now=here.clock())
    values = {
        "kept": kept,
        "evidence": reasons_of(kept.said.evidence, say) if kept.said is not None else None,
        "history": history_of(kept),
        "when": when,
    }
    return render(request, "review_item.html", values)


def _rows(c: Connection, request: Request, wanted: Wanted, offset: int) -> list[Row]:
    here, me = context(request), caller(request).key_id
    now, say = here.clock(), words(choose_language(request))
    items = queue.waiting(c, now=now, filters=wanted.filters, limit=ROWS, offset=offset)
    products = find_products(c, ids=[item.product_id for item in items])
    said = find_predictions(c, ids=[item.prediction_id for item in items])
    holders = {item.claimed_by for item in items if item.claimed_by is not None}
    names = {key: name_of(c, key_id=key) for key in holders}
    return [
        Row(
            product=products[item.product_id],
            proposal=first_leaf(said[item.prediction_id]),
            value=_written(item.value, say),
            age=how_long(now - item.created_at, say),
            why=say(reason_words(item.reason)),
            claimed_by=names.get(item.claimed_by or "", ""),
            mine=item.claimed_by == me,
        )
        for item in items
    ]


def _written(value: float, say: Words) -> str:
    """Write a value; only its order means anything."""
    if value < 0.01:
        return say("under {share}", share=say.number(0.01, digits=2))
    return say.number(value, digits=0 if value >= 10 else 1 if value >= 1 else 2)

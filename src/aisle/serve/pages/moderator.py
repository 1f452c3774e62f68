"""The page where a moderator answers what the engine would not decide: one item after another, by a key each.

It works without a script. An answer names the item and the prediction that were on the page, so that one that is sent
twice, or late, never decides another item.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from aisle.errors import ClaimedError, NotFoundError
from aisle.product import CategoryPath
from aisle.review.deciding import decide, undo
from aisle.serve.caller import caller
from aisle.serve.context import Context, context
from aisle.serve.pages.item_form import read_path
from aisle.serve.pages.moderator_filters import REASONS, Wanted, read_wanted, reason_words
from aisle.serve.pages.moderator_item import (
    Kept,
    find_kept,
    history_of,
    how_long,
    kind_of,
    options_of,
    tops_of,
    when,
)
from aisle.serve.pages.rendering import render
from aisle.serve.pages.suggestions import reasons_of
from aisle.serve.pages.words import Words, choose_language, mark, words
from aisle.serve.problems import not_found
from aisle.store import claims, queue
from aisle.store.decisions import decisions_of, find_decision, last_decision
from aisle.store.products import find_product
from aisle.store.records import Kind, QueueItem, StoredDecision

router = APIRouter(include_in_schema=False)

PAGE: Final = "/review"
NONE: Final = "none"
"""What is chosen where no category fits."""

_DRAW = secrets.SystemRandom()
_FOUND = 20
_SHIFT = 12 * 3_600_000_000
"""How far back the last answer can be undone from the page, in microseconds."""

_NOTES: Final = {
    "lost": mark("“{title}”: somebody else has it, or has answered meanwhile. Here is the next one."),
    "gone": mark("That category is not there any more. Choose another."),
    "held": mark("Somebody else looks at “{title}” just now, so your answer stands. Try again later."),
    "stands": mark("Your answer on “{title}” is taken back. What somebody answered later stands."),
    "back": mark("Your answer is taken back. Here is the item again."),
}
"""What is told at the top of the page, by a word in its address."""


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What a form says.

    Attributes
    ----------
    choice : str
        A category path as JSON, or `NONE`.
    seen : tuple of int
        The prediction that was on the page, and how often the item had been skipped.
    decision : int
        To be undone.
    """

    choice: str
    seen: tuple[int, int]
    decision: int
    wanted: Wanted


@router.get("/review")
def show_next(request: Request) -> Response:
    """Claim the next item, or the one that is asked for, and show it."""
    here, me = context(request), caller(request).key_id
    say = words(choose_language(request))
    query = request.query_params
    wanted, now = read_wanted(query), here.clock()
    with here.database.write() as c:
        item, lost = _claim(c, here, me, wanted=wanted, picked=query.get("item", ""), now=now)
        kept = find_kept(c, id=item.product_id, now=now) if item is not None else None
        last = last_decision(c, by=me, since=now - _SHIFT)
        values: dict[str, Any] = {
            "note": _note(c, query, lost, say=say),
            "last": last,
            "last_title": find_product(c, id=last.product_id).title if last is not None else "",
            "waiting": queue.count(c, wanted.filters),
            "waiting_all": queue.count(c),
        }
    taxonomy = here.live.loaded
    search = query.get("find", "")[:200]
    values |= {
        "wanted": wanted,
        "language_query": wanted.address("", **({"item": item.product_id} if item is not None else {}), lang="")[1:],
        "reasons": REASONS,
        "tops": tops_of(taxonomy.taxonomy, wanted.top),
        "fresh": query.get("done", ""),
        "search": search,
        "found": taxonomy.search.find(search, _FOUND) if search.strip() else [],
        "kept": kept,
        "when": when,
        **(_shown(kept, item, now, say) if kept is not None and item is not None else {}),
    }
    return render(request, "review.html", values)


@router.get("/review/taxonomy")
def search_taxonomy(request: Request) -> Response:
    """Answer with the categories that fit what was typed, as options of a list box."""
    text = request.query_params.get("search", "")[:200]
    return render(request, "seller_found.html", {"found": context(request).live.loaded.search.find(text, _FOUND)})


@router.post("/review/undo")
async def take_back(request: Request) -> Response:
    """Undo an answer of one's own, and show its item again."""
    return await run_in_threadpool(_undo, request, await _read(request))


@router.post("/review/{id}/decide")
async def take_answer(request: Request, id: str) -> Response:  # noqa: A002 - as in the address
    """File an item as its holder says, and go on to the next."""
    return await run_in_threadpool(_decide, request, id, await _read(request))


@router.post("/review/{id}/skip")
async def skip_item(request: Request, id: str) -> Response:  # noqa: A002 - as in the address
    """Leave an item to others, and go on to the next."""
    return await run_in_threadpool(_decide, request, id, await _read(request), skip=True)


@router.post("/review/{id}/release")
async def release_item(request: Request, id: str) -> Response:  # noqa: A002 - as in the address
    """Give an item back as if it had not been looked at, and go to the list."""
    form = await _read(request)
    here, me = context(request), caller(request).key_id

    def give_back() -> None:
        with here.database.write() as c:
            claims.release(c, product_id=id, by=me)

    await run_in_threadpool(give_back)
    return _go(form.wanted.address("/review/queue"))


@router.post("/review/{id}/heartbeat")
def lengthen_claim(request: Request, id: str) -> Response:  # noqa: A002 - as in the address
    """Lengthen a claim that is in use.

    Raises
    ------
    ClaimedError
        It has ended; told as 409.
    """
    here, me = context(request), caller(request).key_id
    with here.database.write() as c:
        claims.heartbeat(c, product_id=id, by=me, now=here.clock(), lease_us=here.options.policy.lease_us)
    return Response(status_code=204)


async def _read(request: Request) -> _Answer:
    async with request.form(max_files=0, max_fields=16, max_part_size=1 << 16) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}

    def number(name: str) -> int:
        given = fields.get(name, "")
        return int(given) if given.isascii() and given.isdecimal() and len(given) < 18 else -1

    return _Answer(
        choice=fields.get("choice", ""),
        seen=(number("prediction"), number("skipped")),
        decision=number("decision"),
        wanted=read_wanted(fields),
    )


def _go(address: str) -> Response:
    return RedirectResponse(address, status_code=303)


def _claim(
    c: Connection, here: Context, me: str, *, wanted: Wanted, picked: str, now: int
) -> tuple[QueueItem | None, str]:
    """Claim what is asked for, else the next; return it, and what was asked for in vain."""
    lease, lost = here.options.policy.lease_us, ""
    item = None
    if picked:
        try:
            item = claims.claim_one(c, product_id=picked, by=me, now=now, lease_us=lease)
        except (ClaimedError, NotFoundError):
            lost = picked
    if item is None:
        item = claims.claim(c, by=me, now=now, lease_us=lease, filters=wanted.filters)
    if item is not None:
        claims.release_others(c, by=me, keep=item.product_id)
    return item, lost


def _decide(request: Request, id: str, form: _Answer, *, skip: bool = False) -> Response:  # noqa: A002
    here, me, now = context(request), caller(request).key_id, context(request).clock()
    policy = here.options.policy
    with here.database.write() as c:
        item = queue.lock(c, product_id=id)
        if item.state == "closed" or item.not_by == me or (item.prediction_id, item.skipped) != form.seen:
            mine = _answered(c, id, me, form)
            told: dict[str, str | int] = {"note": "lost", "of": id} if mine is None else {"done": mine.id}
            return _go(form.wanted.address(PAGE, **told))
        try:  # one's own claim, or one that has ended without anybody else's having begun
            claims.claim_one(c, product_id=id, by=me, now=now, lease_us=policy.lease_us)
        except ClaimedError:
            return _go(form.wanted.address(PAGE, note="lost", of=id))
        answer: tuple[Kind, CategoryPath | None] | None = ("skip", None)
        if not skip:
            answer = _read_choice(form.choice, find_kept(c, id=id, now=now), here)
        if answer is None:
            return _go(form.wanted.address(PAGE, item=id, note="gone"))
        kind, path = answer
        done = decide(c, product_id=id, kind=kind, path=path, by=me, now=now, policy=policy, draw=_DRAW.random())
    return _go(form.wanted.address(PAGE, done=done.decision_id))


def _answered(c: Connection, id: str, me: str, form: _Answer) -> StoredDecision | None:  # noqa: A002
    """Return one's own answer to what was on the page: the form came twice."""
    given = decisions_of(c, product_id=id)
    last = next((each for each in reversed(given) if each.source == "moderator" and each.undone_at is None), None)
    return last if last is not None and (last.decided_by, last.prediction_id) == (me, form.seen[0]) else None


def _read_choice(choice: str, kept: Kept, here: Context) -> tuple[Kind, CategoryPath | None] | None:
    """Return what was answered; None where it is no category, or none any more."""
    if choice == NONE:
        return "none", None
    offered = [option.path for option in options_of(kept)]
    path = read_path(choice, offered) or read_path(choice, here.live.loaded.taxonomy)
    if not path or kept.said is None:
        return None
    return kind_of(path, kept.said), path


def _undo(request: Request, form: _Answer) -> Response:
    here, me, now = context(request), caller(request).key_id, context(request).clock()
    with here.database.write() as c:
        found = find_decision(c, id=form.decision)
        if found.decided_by != me or found.source != "moderator":
            raise not_found()
        product = found.product_id
        if found.undone_at is not None:
            return _go(form.wanted.address(PAGE, item=product))
        try:
            done = undo(c, decision_id=found.id, by=me, now=now, policy=here.options.policy)
        except ClaimedError:
            return _go(form.wanted.address(PAGE, note="held", of=product))
    if done.state == "decided":
        return _go(form.wanted.address(PAGE, note="stands", of=product))
    return _go(form.wanted.address(PAGE, item=product, note="back"))


def _note(c: Connection, query: Mapping[str, str], lost: str, *, say: Words) -> str:
    """Say what the last step came to, where that was not what was wanted."""
    name, of = ("lost", lost) if lost else (query.get("note", ""), query.get("of", ""))
    if name not in _NOTES:
        return ""
    try:
        title = find_product(c, id=of).title if "{title}" in _NOTES[name] else ""
    except NotFoundError:
        return ""
    return say(_NOTES[name], title=title)


def _shown(kept: Kept, item: QueueItem, now: int, say: Words) -> dict[str, Any]:
    """Return what the page says of an item."""
    return {
        "item": item,
        "options": options_of(kept),
        "why": say(reason_words(item.reason)),
        "evidence": reasons_of(kept.said.evidence, say) if kept.said is not None else None,
        "history": history_of(kept),
        "lease": max(0, ((item.claimed_until or now) - now) // 1_000_000),
        "lease_words": how_long((item.claimed_until or now) - now, say),
        "age": how_long(now - item.created_at, say),
    }

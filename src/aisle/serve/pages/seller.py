"""The page where a seller posts an item. It works without a script; the script only asks the same routes sooner."""

import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from aisle.errors import DiskFullError, IdempotencyConflictError, PhotoError, StoreError
from aisle.product import CategoryPath, Prediction, Product
from aisle.serve.context import Context, context, deadline, note
from aisle.serve.inference.live import Loaded
from aisle.serve.pages.item_form import (
    DESCRIPTION_LETTERS,
    MOST_ROWS,
    NONE,
    OPEN,
    TITLE_LETTERS,
    ItemForm,
    Upload,
    check_item,
    check_lengths,
    read_item,
    read_path,
    with_picked,
)
from aisle.serve.pages.photos import most_bytes, take_photo
from aisle.serve.pages.posting import Posted, post
from aisle.serve.pages.rendering import problem_words, render
from aisle.serve.pages.suggestions import Suggestions, suggest
from aisle.serve.pages.words import Words, choose_language, words
from aisle.serve.problems import Problem, problem_from

router = APIRouter(include_in_schema=False)

_FOUND = 20
_DRAW = random.SystemRandom()


@dataclass(kw_only=True)
class _Visit:
    """A form on its way to an answer: what is in it, what is wrong with it, what is known of it."""

    request: Request
    form: ItemForm
    say: Words
    errors: dict[str, str] = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    prediction: Prediction | None = None
    loaded: Loaded

    @property
    def here(self) -> Context:
        return context(self.request)

    def wrong(self, place: str, message: str, *, status: int = 422) -> None:
        self.errors.setdefault(place, message)
        self.status = max(self.status, status)

    def problem(self, place: str, problem: Problem) -> None:
        """Say a problem in place; nothing that was typed is lost for it."""
        self.wrong(place, " ".join(f"{part.rstrip('.')}." for part in problem_words(problem.code, self.say)),
                   status=problem.status)  # fmt: skip
        self.headers.update(problem.headers or {})


@router.get("/sell")
async def show_form(request: Request) -> Response:
    """Show an empty form."""
    here = context(request)
    say = words(choose_language(request))
    return _form_page(_Visit(request=request, form=ItemForm(), say=say, loaded=here.live.loaded))


@router.post("/sell")
async def take_form(request: Request) -> Response:
    """Post an item; or, by the button that was pressed, suggest categories, search them, remove the photo."""
    visit = await _visit(request)
    if visit.form.action != "post":
        await _predict(visit)
        return _form_page(visit)
    for place, message in check_item(visit.form, visit.say).items():
        visit.wrong(place, message)
    chosen = _chosen(visit)
    await _predict(visit)
    if not visit.errors:
        done = await _post(visit, chosen)
        if done is not None:
            values = {"form": visit.form, "posted": done}
            return render(request, "posted.html", values, language=visit.form.language)
    return _form_page(visit)


@router.post("/sell/suggest")
async def suggest_categories(request: Request) -> Response:
    """Answer the same form with its suggestions alone, a part of the page."""
    visit = await _visit(request)
    await _predict(visit)
    values = {"suggestions": _suggestions(visit), "errors": visit.errors, "photo": visit.form.photo}
    return render(request, "seller_suggestions.html", values, status=visit.status, headers=visit.headers)


@router.get("/sell/taxonomy")
async def search_taxonomy(request: Request) -> Response:
    """Answer with the categories that fit what was typed, as options of a list box."""
    text = request.query_params.get("search", "")[:200]
    found = await run_in_threadpool(context(request).live.loaded.search.find, text, _FOUND)
    return render(request, "seller_found.html", {"found": found})


async def _visit(request: Request) -> _Visit:
    """Read the form and keep its photo."""
    here = context(request)
    form, upload = await read_item(request)
    form = with_picked(form)
    say = words(choose_language(request, written=form.language))
    visit = _Visit(request=request, form=form, say=say, loaded=here.live.loaded)
    for place, message in check_lengths(form, say).items():
        visit.wrong(place, message)
    if form.action == "remove":
        visit.form = replace(form, photo="")
    elif upload.data:
        await _keep_photo(visit, upload)
    elif form.photo and not here.photos.path(form.photo).is_file():
        visit.form = replace(form, photo="")
        visit.wrong("photo", say("The photo is not here any more. Choose it again."))
    return visit


async def _keep_photo(visit: _Visit, upload: Upload) -> None:
    visit.form = replace(visit.form, photo="")
    try:
        sha = await take_photo(visit.here, upload.data)
    except PhotoError as err:
        visit.wrong("photo", _photo_words(err.code, visit))
    except DiskFullError as err:
        visit.problem("photo", problem_from(err))
    else:
        note(visit.request, photo=sha, photo_bytes=len(upload.data))
        visit.form = replace(visit.form, photo=sha)


def _photo_words(code: str, visit: _Visit) -> str:
    say, options = visit.say, visit.here.options
    if code == "too_large":
        return say(
            "The photo is too large: {size} MB and {pixels} megapixels are the most. Choose a smaller one.",
            size=say.number(most_bytes(visit.here) // 1_000_000),
            pixels=say.number(options.max_pixels // 1_000_000),
        )
    if code == "truncated":
        return say("The photo is damaged or was cut short. Choose it again, or take another.")
    return say("This file cannot be read as a photo. Choose a JPEG, PNG or WebP.")


async def _predict(visit: _Visit) -> None:
    """Ask the engine, unless there is nothing, or too much, to go by; that it is busy is said in place."""
    form, here = visit.form, visit.here
    if form.blank or check_lengths(form, visit.say):
        return
    product = Product(
        title=form.title.strip(),
        description=form.description.strip(),
        attributes=form.attributes,
        photo=here.photos.path(form.photo) if form.photo else None,
    )
    try:
        visit.prediction = await here.batcher.predict(product, deadline=deadline(visit.request))
    except Problem as problem:
        visit.problem("category", problem)
    else:
        note(visit.request, engine=visit.prediction.engine, products=1)


def _chosen(visit: _Visit) -> CategoryPath | None:
    """Return the category that the seller chose; None where it was left open, or cannot be."""
    form, say = visit.form, visit.say
    if form.choice in ("", OPEN):
        return None
    if form.choice == NONE and not form.picked:
        visit.wrong("picker", say("Search for a category and choose one, or leave it open."))
        return None
    path = read_path(form.picked if form.choice == NONE else form.choice, visit.loaded.taxonomy)
    if path is None:
        visit.wrong("category", say("This category is not there any more. Choose another."))
    return path


async def _post(visit: _Visit, chosen: CategoryPath | None) -> Posted | None:
    """Keep the item; None where that cannot be, which is said in place."""
    if visit.prediction is None:
        return None
    try:
        return await run_in_threadpool(
            post,
            visit.request,
            visit.form,
            visit.prediction,
            chosen=chosen,
            precision=visit.loaded.engine.precision,
            draw=_DRAW.random(),
        )
    except IdempotencyConflictError:
        message = visit.say(
            "This item was posted before, and has been changed since. To post the new one as well, press again."
        )
        visit.form = replace(visit.form, token="")
        visit.wrong("form", message, status=409)
    except (StoreError, DiskFullError) as err:
        visit.problem("form", problem_from(err))
    return None


def _suggestions(visit: _Visit) -> Suggestions:
    if visit.prediction is None:
        return Suggestions()
    loaded = visit.loaded
    return suggest(visit.prediction, visit.form, precision=loaded.engine.precision, taxonomy=loaded.taxonomy,
                   say=visit.say)  # fmt: skip


def _form_page(visit: _Visit) -> Response:
    form, here = visit.form, visit.here
    found: list[CategoryPath] = []
    if form.choice == NONE and form.search:
        found = visit.loaded.search.find(form.search, _FOUND)
    picked = read_path(form.picked, visit.loaded.taxonomy) if form.picked else None
    if picked is not None and picked not in found:
        found = [picked, *found]
    values: Mapping[str, object] = {
        "form": form,
        "token": form.token or secrets.token_urlsafe(24),
        "errors": visit.errors,
        "suggestions": _suggestions(visit),
        "photo": form.photo,
        "found": found,
        "picked": picked,
        "limits": {
            "title": TITLE_LETTERS,
            "description": DESCRIPTION_LETTERS,
            "rows": MOST_ROWS,
            "bytes": most_bytes(here),
            "megabytes": most_bytes(here) // 1_000_000,
        },
    }
    return render(visit.request, "seller.html", values, status=visit.status, headers=visit.headers,
                  language=form.language)  # fmt: skip

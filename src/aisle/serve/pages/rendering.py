"""From a template to an answer, in the reader's language. Everything that somebody wrote is escaped."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi.responses import HTMLResponse
from starlette.requests import Request

from aisle.extras import require
from aisle.product import CategoryPath
from aisle.serve.caller import find_caller
from aisle.serve.context import context
from aisle.serve.pages.assets import asset_url
from aisle.serve.pages.words import COOKIE, Words, choose_language, mark, words
from aisle.store.text import dump_json

if TYPE_CHECKING:
    import jinja2

TEMPLATES: Final = Path(__file__).parent / "templates"

LANGUAGE_NAMES: Final = {"en": "English", "fr": "Français"}

_YEAR = 365 * 24 * 3600
_NOTHING: Mapping[str, Any] = {}
_HALF_PAIRS = re.compile("[\\ud800-\\udfff]")

PROBLEMS: Final = {
    "bad_request": (
        mark("That could not be read"),
        mark("Go back and try again."),
    ),
    "cross_origin": (
        mark("The request came from elsewhere"),
        mark("Open the page itself and send it from there."),
    ),
    "forbidden": (
        mark("This key does not open this page"),
        mark("Sign in with another key, or ask whoever gave it to you."),
    ),
    "not_found": (
        mark("There is nothing here"),
        mark("The address may be mistyped, or what was here is gone."),
    ),
    "too_large": (
        mark("That is too much to send at once"),
        mark("Go back and choose a smaller photo; what you typed is still there."),
    ),
    "too_many": (
        mark("Too much at once"),
        mark("Wait a few seconds, then try again."),
    ),
    "slow_body": (
        mark("Sending took too long"),
        mark("The connection may be slow: choose a smaller photo, or try again."),
    ),
    "busy": (
        mark("The service is busy"),
        mark("Try again in a moment."),
    ),
    "store": (
        mark("Nothing can be kept just now"),
        mark("Nothing was posted. Try again in a moment."),
    ),
    "unauthorised": (
        mark("You are not signed in"),
        mark("Sign in (in another tab, if you have typed something here), then try again."),
    ),
    "internal": (
        mark("Something went wrong here"),
        mark("It is not your fault. Try again; if it stays, tell the operator the number below."),
    ),
}
"""What people are told of a problem, by its code: what happened, and what to do."""

_ALIKE: Final = {"timeout": "busy", "not_ready": "busy", "refused": "bad_request", "invalid": "bad_request"}


@cache
def environment() -> "jinja2.Environment":
    """Return where templates are compiled; names that they do not get are errors."""
    module = require("jinja2", extra="serve")
    made: jinja2.Environment = module.Environment(
        loader=module.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=module.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.update(asset=asset_url, path_value=path_value)
    return made


def path_value(path: CategoryPath) -> str:
    """Write a category path as the value of a form's field."""
    return dump_json(list(path))


def render(
    request: Request,
    template: str,
    values: Mapping[str, Any] = _NOTHING,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    language: str = "",
) -> HTMLResponse:
    """Answer with a page, or a part of one.

    Parameters
    ----------
    request : Request
    template : str
        Its file name in ``templates``. It may say ``_("…")``, ``_n("…", "…", number=…)``, ``asset("…")``, and name
        ``words``, ``caller`` and what `values` has.
    values : mapping of str to object
    status : int
    headers : mapping of str to str, optional
    language : str
        What a form says was chosen; it is kept, like ``?lang=``.
    """
    chosen = choose_language(request, written=language)
    answer = HTMLResponse(fill(request, template, values, say=words(chosen)), status_code=status, headers=headers)
    answer.headers["Content-Language"] = chosen
    answer.headers["Vary"] = "Accept-Language, Cookie"
    if chosen in (language, request.query_params.get("lang")):
        secure = context(request).options.secure_cookies
        answer.set_cookie(COOKIE, chosen, max_age=_YEAR, path="/", secure=secure, httponly=True, samesite="lax")
    return answer


def fill(request: Request, template: str, values: Mapping[str, Any], *, say: Words) -> str:
    """Return a template filled in."""
    languages = context(request).options.languages
    text = environment().get_template(template).render(
        _=say,
        _n=say.count,
        words=say,
        caller=find_caller(request),
        here=request.url.path,
        languages=[(name, LANGUAGE_NAMES.get(name, name)) for name in languages],
        **values,
    )  # fmt: skip
    return _HALF_PAIRS.sub("\N{REPLACEMENT CHARACTER}", text)


def problem_words(code: str, say: Words) -> tuple[str, str]:
    """Return what happened and what to do, by a problem's code."""
    title, advice = PROBLEMS.get(_ALIKE.get(code, code), PROBLEMS["bad_request"])
    return say(title), say(advice)


def problem_page(request: Request, body: Mapping[str, Any]) -> str:
    """Return the page of a problem; for ``app.state.problem_page``."""
    say = words(choose_language(request))
    title, advice = problem_words(body["code"], say)
    values = {
        "title": title,
        "advice": advice,
        "code": body["code"],
        "status": body["status"],
        "identity": body["request_id"],
    }
    return fill(request, "problem.html", values, say=say)

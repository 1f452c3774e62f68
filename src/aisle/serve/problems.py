"""Errors as they are told to clients: problem JSON (RFC 9457) with a stable code, and never what is inside."""

import html
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.errors import (
    AisleError,
    ClaimedError,
    DiskFullError,
    IdempotencyConflictError,
    NotFoundError,
    PhotoError,
    ReviewError,
    StoreError,
    UndoError,
)
from aisle.serve.context import record_of
from aisle.serve.policy import is_for_programs

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_SHOWN_ERRORS = 5
_LONGEST = 200


class Problem(HTTPException):
    """What a client is told instead of an answer.

    Parameters
    ----------
    status : int
        Of HTTP.
    code : str
        A stable word for programs, e.g. ``too_large``.
    title : str
        The same for every problem of this code.
    detail : str
        This one, for people: what is wrong and what to do.
    field : str, optional
        Which part of the request, e.g. ``attributes.brand``.
    retry_after : float, optional
        Seconds after which it may be tried again.
    headers : mapping of str to str, optional
        More headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        field: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        more = dict(headers or {})
        if retry_after is not None:
            more["Retry-After"] = str(max(1, -int(-retry_after // 1)))
        super().__init__(status_code=status, detail=detail, headers=more)
        self.status = status
        self.code = code
        self.title = title
        self.field = field
        self.retry_after = retry_after


_TITLES: Final = {
    400: ("bad_request", "The request cannot be read", "It is not what HTTP or its content type asks for."),
    404: ("not_found", "There is no such thing", "Nothing is found at this address."),
    405: ("method_not_allowed", "This address does not do that", "The header Allow says which methods it knows."),
    413: ("too_large", "The request is too large", "Send less."),
    415: ("unsupported_media_type", "This type of content is not read here", "Send application/json."),
}

PHOTO_DETAILS: Final = {
    "empty": "The photo is empty.",
    "missing": "The photo is missing.",
    "not_an_image": "The photo is no JPEG, PNG, WebP or GIF image.",
    "too_large": "The photo has too many pixels, or too many bytes.",
    "truncated": "The photo is cut short or damaged.",
    "unsupported": "The photo is an image of a kind that is not read: send JPEG, PNG, WebP or GIF.",
}
"""Code of a `PhotoError` to what is told of it."""


def not_found(what: str = "Nothing is found at this address.") -> Problem:
    """Return the problem of something that is not there, or that is nobody's business of the caller."""
    return Problem(404, "not_found", _TITLES[404][1], what)


def problem_from(error: Exception) -> Problem:
    """Return what is told about an exception; what is inside is not."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error.errors())
    if isinstance(error, StarletteHTTPException):
        return _from_http(error)
    if isinstance(error, AisleError):
        return _from_ours(error)
    return Problem(
        500,
        "internal",
        "Something went wrong here",
        "It is in the log under the id of this request; tell the operator.",
    )


def _from_http(error: StarletteHTTPException) -> Problem:
    code, title, detail = _TITLES.get(error.status_code, ("refused", "The request was refused", "It cannot be done."))
    if error.status_code == 400 and isinstance(error.detail, str):  # of the form parser: which limit was passed
        detail = error.detail
    return Problem(error.status_code, code, title, detail, headers=error.headers)


def _from_ours(error: AisleError) -> Problem:
    """Say in words of this module what happened: messages of errors may name places on this machine."""
    if isinstance(error, NotFoundError):
        return not_found("There is none by that name, or none any more.")
    if isinstance(error, ClaimedError):
        return Problem(409, "claimed", "Somebody else has it", "Another person looks at it, or your claim has ended.")
    if isinstance(error, UndoError):
        return Problem(409, "not_undoable", "It cannot be undone", "It is not your decision, or is undone already.")
    if isinstance(error, ReviewError):
        detail = "The kind of answer and the path do not belong together, or a number is out of range."
        return Problem(422, "invalid", "The request is not valid", detail)
    if isinstance(error, IdempotencyConflictError):
        detail = "This Idempotency-Key came before with another request: take a new one."
        return Problem(422, "idempotency_conflict", "The key was used before", detail, field="Idempotency-Key")
    if isinstance(error, PhotoError):
        detail = PHOTO_DETAILS.get(error.code, "The photo cannot be read.")
        return Problem(422, f"photo_{error.code}", "The photo cannot be used", detail, field="photo")
    if isinstance(error, (StoreError, DiskFullError)):
        return Problem(503, "store", "Nothing can be kept just now", "Try again later.", retry_after=5)
    return Problem(500, "internal", "Something went wrong here", "It is in the log under the id of this request.")


def _invalid(errors: Sequence[Any]) -> Problem:
    if any(error.get("type") == "json_invalid" for error in errors):
        return Problem(400, "bad_json", "The body is no JSON", "It cannot be parsed.", field="body")
    first = errors[:_SHOWN_ERRORS]
    places = [_plain(".".join(str(step) for step in error.get("loc", ())[1:])) or "body" for error in first]
    shown = [f"{place}: {_plain(error.get('msg', 'not valid'))}" for place, error in zip(places, first, strict=True)]
    if len(errors) > len(first):
        shown.append(f"and {len(errors) - len(first)} more")
    return Problem(422, "invalid", "The request is not valid", "; ".join(shown), field=places[0] if places else None)


def _plain(text: str) -> str:
    """Shorten what a sender may have chosen, and make it text that can be sent: half a surrogate pair cannot."""
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return text.encode("utf-8", "backslashreplace").decode()


def body_of(problem: Problem, *, identity: str) -> dict[str, Any]:
    """Return the members of problem JSON; `identity` is the request's."""
    return {
        "type": f"urn:aisle:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "field": problem.field,
        "request_id": identity,
    }


async def answer(request: Request, error: Exception) -> Response:
    """Answer a request with what went wrong: a page where a page was asked for, else problem JSON.

    An app may bring ``app.state.problem_page``, a function of the request and the members that returns HTML.
    """
    problem = problem_from(error)
    record = record_of(request.scope)
    record.code = problem.code
    if problem.status >= 500 and not isinstance(error, Problem):
        log.error("request %s failed", record.id, exc_info=error)
    body = body_of(problem, identity=record.id)
    headers = dict(problem.headers or {})
    if wants_page(request):
        return HTMLResponse(_draw(request, body), status_code=problem.status, headers=headers)
    return JSONResponse(body, status_code=problem.status, headers=headers, media_type=MEDIA_TYPE)


def wants_page(request: Request) -> bool:
    """Tell whether a person asks: the path is none of the API's, and HTML is accepted."""
    return not is_for_programs(request.scope["path"]) and "text/html" in request.headers.get("accept", "")


def _draw(request: Request, body: Mapping[str, Any]) -> str:
    draw = getattr(request.app.state, "problem_page", None)
    if draw is not None:
        try:
            return str(draw(request, body))
        except Exception:  # the page of an error must not be another error
            log.exception("the page of a problem failed, request %s", body["request_id"])
    return _plain_page(body)


def _plain_page(body: Mapping[str, Any]) -> str:
    words = {name: html.escape(str(value)) for name, value in body.items()}
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{words['title']}</title><main><h1>{words['title']}</h1><p>{words['detail']}</p>"
        f"<p>{words['status']} {words['code']} · {words['request_id']}</p></main></html>"
    )


class Problems:
    """Turns whatever is raised further in, by a layer or by a route, into an answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except ClientDisconnect:
            record_of(scope).code = "disconnected"
        except Exception as error:
            if started:  # half an answer is out: the server drops the connection
                raise
            response = await answer(Request(scope), error)
            await response(scope, receive, send)


_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds", "required": True, "schema": {"type": "integer", "minimum": 1}}
}


def described(words: str, *, headers: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the description of a problem that an operation may answer, for the OpenAPI document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    found = {"description": words, "content": {MEDIA_TYPE: {"schema": schema}}}
    return found if headers is None else {**found, "headers": dict(headers)}


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    400: described("It cannot be read"),
    401: described("No key, or one that is not valid (any more)"),
    403: described("The key lacks the scope"),
    404: described("There is no such thing"),
    408: described("The body took too long to arrive"),
    413: described("Too large"),
    415: described("Another content type is wanted"),
    422: described("Not valid; `field` says where"),
    429: described("Too many requests; `Retry-After` says when to come again", headers=_RETRY_AFTER),
    500: described("Something went wrong here"),
    503: described("Busy; `Retry-After` says when to come again", headers=_RETRY_AFTER),
}
"""What operations may answer, for the OpenAPI document."""

SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457).",
    "type": "object",
    "properties": {
        "type": {"type": "string", "description": "`urn:aisle:problem:` and the code"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; for programs"},
        "detail": {"type": "string", "description": "For people; may change"},
        "field": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "request_id": {"type": "string"},
    },
    "required": ["type", "title", "status", "code", "detail", "field", "request_id"],
}
"""Schema of `body_of`."""

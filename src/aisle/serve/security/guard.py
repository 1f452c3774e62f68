"""The door: no request reaches a route, or has its body read, that the table of `aisle.serve.policy` does not allow."""

from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aisle.serve.caller import Caller, bearer_of, token_of, unauthorised
from aisle.serve.context import Context, RequestRecord, record_of
from aisle.serve.policy import Found, Rule, find_rules, is_for_programs
from aisle.serve.problems import Problem, not_found
from aisle.serve.security.rate_limit import address_of
from aisle.serve.security.same_origin import check_same_origin

SIGN_IN = "/sign-in"


class Guard:
    """Says who calls, how often they may, and whether they may at all."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises
        ------
        Problem
            401, 403, 404, 405 or 429.
        """
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context: Context = scope["app"].state.context
        record = record_of(scope)
        headers = Headers(scope=scope)
        found = find_rules(scope["path"])
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        rule = None if found is None else found.rules.get(method)
        if found is None or rule is None:
            record.template = "" if found is None else found.template
            context.ip_rates.take(address_of(scope, trusted_proxy=context.options.trusted_proxy))
            await _refuse(found, method)(scope, receive, send)
            return
        record.template, record.rule = found.template, rule
        caller = record.caller = await _identify(rule, headers, scope, context)
        if not rule.public and caller is None and _is_visit(scope, headers, method):
            await _to_sign_in(scope)(scope, receive, send)
            return
        _admit(rule, caller, headers, method)
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        await self.app(scope, receive, send)


async def _identify(rule: Rule, headers: Headers, scope: Scope, context: Context) -> Caller | None:
    """Return who calls, at the cost of a token: the key's, or the address's where no key is known."""
    secret = bearer_of(headers) if rule.bearer else None
    by_session = secret is None
    if secret is None and rule.session:
        secret = token_of(headers, context.options)
    caller = context.callers.recall(secret, by_session=by_session) if secret else None
    if caller is None:
        context.ip_rates.take(address_of(scope, trusted_proxy=context.options.trusted_proxy))
        if secret:
            caller = await context.callers.find(secret, by_session=by_session)
    if caller is not None:
        context.key_rates.take(caller.key_id)
    elif secret and not by_session:
        raise unauthorised("The key is not known here, or not valid any more.", error="invalid_token")
    return caller


def _admit(rule: Rule, caller: Caller | None, headers: Headers, method: str) -> None:
    if rule.public or (caller is not None and caller.by_session):  # what a browser sends by itself
        check_same_origin(method, headers)
    if rule.public:
        return
    if caller is None:
        raise unauthorised("" if rule.bearer else "Sign in first.")
    if not rule.scopes & caller.scopes:
        wanted = " or ".join(sorted(rule.scopes))
        challenge = f'Bearer realm="aisle", error="insufficient_scope", scope="{" ".join(sorted(rule.scopes))}"'
        raise Problem(
            403,
            "forbidden",
            "The key is not good for this",
            f"This needs a key with the scope {wanted}.",
            headers={"WWW-Authenticate": challenge},
        )


def _refuse(found: Found | None, method: str) -> Response:
    if found is None:
        raise not_found()
    if method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": found.allow})
    detail = f"It knows {found.allow}."
    raise Problem(405, "method_not_allowed", "This address does not do that", detail, headers={"Allow": found.allow})


def _is_visit(scope: Scope, headers: Headers, method: str) -> bool:
    """Tell whether a person opens a page, who can be asked to sign in."""
    return method == "GET" and not is_for_programs(scope["path"]) and "text/html" in headers.get("accept", "")


def _to_sign_in(scope: Scope) -> Response:
    place = quote(scope["path"], safe="/")
    if scope["query_string"]:
        place += "?" + scope["query_string"].decode("latin-1")
    return Response(status_code=303, headers={"Location": f"{SIGN_IN}?next={quote(place, safe='')}"})


def _without_body(send: Send) -> Send:
    async def drop(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return drop


async def authorise(request: Request) -> None:
    """Check once more, as the dependency of every route: the one that answers is the one that was allowed.

    Raises
    ------
    Problem
        403 ``forbidden``: the route is not in the table, or another one was asked for at the door.
    """
    record: RequestRecord = record_of(request.scope)
    if record.rule is None or route_of(request) != record.template:
        raise Problem(403, "forbidden", "Nobody may do this", "The route is in no policy.")


def route_of(request: Request) -> str:
    """Return the template of the route that answers a request."""
    route = request.scope.get("route")
    return str(getattr(route, "path_format", None) or getattr(route, "path", ""))

"""Who may do what: one table of all routes. What is not in it is refused to everybody."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from re import Pattern
from types import MappingProxyType
from typing import Final, Literal, get_args

from starlette.routing import compile_path

Scope = Literal["classify", "sell", "review", "metrics"]
"""What a key is good for: asking the engine; posting products; deciding; reading figures of the service."""

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


@dataclass(frozen=True)
class Rule:
    """Who may use a route.

    Attributes
    ----------
    scopes : frozenset of str
        Any of them suffices; none are needed where the route is public.
    bearer, session : bool
        By which credentials: a key in the header, or the cookie of somebody signed in. Neither: public.
    """

    scopes: frozenset[Scope] = frozenset()
    bearer: bool = False
    session: bool = False

    @property
    def public(self) -> bool:
        """Whether no credentials are asked for."""
        return not (self.bearer or self.session)


PUBLIC: Final = Rule()


def _key(*scopes: Scope) -> Rule:
    """Return the rule of a route of the API. A cookie is no credential there, so that no other site can use one."""
    return Rule(frozenset(scopes), bearer=True)


def _page(*scopes: Scope) -> Rule:
    """Return the rule of a page, for people who are signed in."""
    return Rule(frozenset(scopes), session=True)


def _either(*scopes: Scope) -> Rule:
    """Return the rule of a route of the API that pages read from as well."""
    return Rule(frozenset(scopes), bearer=True, session=True)


POLICY: Final[Mapping[tuple[str, str], Rule]] = MappingProxyType(
    {
        ("POST", "/v1/classify"): _key("classify"),
        ("POST", "/v1/classify/batch"): _key("classify"),
        ("POST", "/v1/products"): _key("sell"),
        ("GET", "/v1/products/{id}"): _key("sell", "review"),
        ("POST", "/v1/decisions"): _key("review"),
        ("DELETE", "/v1/decisions/{id}"): _key("review"),
        ("GET", "/v1/review"): _key("review"),
        ("POST", "/v1/review/claim"): _key("review"),
        ("POST", "/v1/review/{id}/claim"): _key("review"),
        ("POST", "/v1/review/{id}/release"): _key("review"),
        ("GET", "/v1/review/figures"): _key("review"),
        ("GET", "/v1/taxonomy"): _either("classify", "sell", "review"),
        ("GET", "/v1/engine"): _key(*SCOPES),
        ("GET", "/v2/health/live"): PUBLIC,
        ("GET", "/v2/health/ready"): PUBLIC,
        ("GET", "/v2/models/{name}"): _key("classify", "metrics"),
        ("GET", "/v2/models/{name}/ready"): PUBLIC,
        ("GET", "/metrics"): _key("metrics"),
        ("GET", "/openapi.json"): PUBLIC,
        ("GET", "/sell"): _page("sell"),
        ("POST", "/sell"): _page("sell"),
        ("POST", "/sell/suggest"): _page("sell"),
        ("GET", "/sell/taxonomy"): _page("sell"),
        ("GET", "/review"): _page("review"),
        ("GET", "/review/queue"): _page("review"),
        ("GET", "/review/taxonomy"): _page("review"),
        ("POST", "/review/undo"): _page("review"),
        ("POST", "/review/{id}/decide"): _page("review"),
        ("POST", "/review/{id}/skip"): _page("review"),
        ("POST", "/review/{id}/release"): _page("review"),
        ("POST", "/review/{id}/heartbeat"): _page("review"),
        ("GET", "/review/item/{id}"): _page("review"),
        ("GET", "/review/figures"): _page("review"),
        ("GET", "/photos/{sha}.jpg"): _page("sell", "review"),
        ("GET", "/assets/{name}"): PUBLIC,
        ("GET", "/sign-in"): PUBLIC,
        ("POST", "/sign-in"): PUBLIC,
        ("GET", "/sign-in/{ticket}"): PUBLIC,
        ("POST", "/sign-out"): PUBLIC,
    }
)
"""Method and path template to who may use it."""

_PROGRAMS = ("/v1/", "/v2/", "/metrics", "/openapi.json")


@dataclass(frozen=True)
class Found:
    """The entry of the table that a path belongs to.

    Attributes
    ----------
    template : str
    rules : mapping of str to Rule
        By method.
    """

    template: str
    rules: Mapping[str, Rule]

    @property
    def allow(self) -> str:
        """The methods, as in the header ``Allow``."""
        return ", ".join(sorted({*self.rules, "OPTIONS", *(["HEAD"] if "GET" in self.rules else [])}))


def find_rules(path: str) -> Found | None:
    """Return the entry of a path, written out or as a pattern, the former first; None where there is none."""
    exact, patterns = _compiled()
    if path in exact:
        return exact[path]
    return next((found for pattern, found in patterns if pattern.match(path)), None)


def is_for_programs(path: str) -> bool:
    """Tell whether a path is of the API, whose answers are JSON whatever is asked for."""
    return path.startswith(_PROGRAMS)


@cache
def _compiled() -> tuple[dict[str, Found], tuple[tuple[Pattern[str], Found], ...]]:
    grouped: dict[str, dict[str, Rule]] = {}
    for (method, template), rule in POLICY.items():
        grouped.setdefault(template, {})[method] = rule
    entries = [Found(template, MappingProxyType(rules)) for template, rules in grouped.items()]
    exact = {found.template: found for found in entries if "{" not in found.template}
    patterns = [(compile_path(found.template)[0], found) for found in entries if "{" in found.template]
    return exact, tuple(patterns)

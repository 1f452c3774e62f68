"""Which part of the queue a moderator wants, as it stands in addresses and forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from aisle.serve.pages.words import mark
from aisle.store.records import QueueFilters, Reason
from aisle.store.title_search import LONGEST

_REASONS: Final[Mapping[str, tuple[tuple[Reason, ...], str]]] = MappingProxyType(
    {
        "unsure": (("review", "audit", "second"), mark("Engine unsure, or random check")),
        "seller": (("disagreement",), mark("The seller chose something else")),
        "people": (("conflict",), mark("People disagree")),
    }
)
"""Why an item waits: what it is called, and what it is told as.

An audited item is told as one of those that the engine was not sure of, here and everywhere: who judges it must not
know.
"""

REASONS: Final = [(name, text) for name, (_, text) in _REASONS.items()]
"""What can be chosen, with its words, to be said yet."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which part of the queue is wanted.

    Attributes
    ----------
    top : str
        A top category; empty for all.
    why : str
        One of `REASONS`; empty for all.
    text : str
        In the title.
    """

    top: str = ""
    why: str = ""
    text: str = ""

    @property
    def filters(self) -> QueueFilters:
        """The same for the store."""
        reasons = _REASONS[self.why][0] if self.why else ()
        return QueueFilters(top_category=self.top or None, reasons=reasons, text=self.text)

    @property
    def fields(self) -> dict[str, str]:
        """What is wanted, as fields of a form; none where everything is."""
        given = {"top": self.top, "why": self.why, "text": self.text}
        return {name: value for name, value in given.items() if value}

    def address(self, page: str, /, **more: str | int) -> str:
        """Return the address of a page that keeps to what is wanted."""
        query = urlencode({**self.fields, **more}, errors="replace")
        return f"{page}?{query}" if query else page


def read_wanted(given: Mapping[str, Any]) -> Wanted:
    """Read what is wanted from an address or a form; what means nothing is left out."""

    def text(name: str) -> str:
        value = given.get(name)
        return value.strip()[:LONGEST] if isinstance(value, str) else ""

    return Wanted(top=text("top"), why=text("why") if text("why") in _REASONS else "", text=text("text"))


def reason_words(reason: Reason) -> str:
    """Return why an item waits, to be said yet; an audited one waits for the same reason as most."""
    return next(text for reasons, text in _REASONS.values() if reason in reasons)

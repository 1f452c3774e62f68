"""An item as a moderator sees it: what it is, what the engine proposes, and what happened to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from aisle.product import CategoryPath
from aisle.review.agreement import proposal, told
from aisle.serve.pages.rendering import path_value
from aisle.serve.pages.suggestions import LEAST
from aisle.serve.pages.words import Words
from aisle.store.decisions import decisions_of, name_of
from aisle.store.predictions import predictions_of
from aisle.store.products import find_product
from aisle.store.queue import find_item
from aisle.store.records import Kind, QueueItem, StoredDecision, StoredPrediction, StoredProduct

MOST_OPTIONS: Final = 9
"""As many as there are number keys."""

_SURELY_SHOWN = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Option:
    """A category to file an item under.

    Attributes
    ----------
    path : tuple of str
    value : str
        Of its button.
    share : float or None
        How probable the engine finds it; None where it did not name it.
    sellers : bool
        Whether the seller chose it.
    """

    path: CategoryPath
    value: str
    share: float | None
    sellers: bool


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something that happened to an item.

    Attributes
    ----------
    at : int
    what : str
        ``came``, ``engine``, ``seller``, or the kind of a moderator's answer.
    who : str
        The fingerprint of the engine, or a name.
    path : tuple of str
    share : float or None
        How probable the engine found it.
    undone_at : int or None
    """

    at: int
    what: str
    who: str = ""
    path: CategoryPath = ()
    share: float | None = None
    undone_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is kept of an item.

    Attributes
    ----------
    item : QueueItem or None
        Its place on the queue; None where it never was there.
    holder : str
        The name of who has claimed it; empty where nobody has.
    """

    product: StoredProduct
    item: QueueItem | None
    predictions: list[StoredPrediction]
    decisions: list[StoredDecision]
    holder: str = ""

    @property
    def said(self) -> StoredPrediction | None:
        """What the engine said: that for which it lies on the queue, else the latest."""
        on_queue = self.item.prediction_id if self.item is not None else None
        asked = next((each for each in self.predictions if each.id == on_queue), None)
        return asked or (self.predictions[-1] if self.predictions else None)

    @property
    def chosen(self) -> CategoryPath | None:
        """What the seller chose."""
        return next((each.path for each in self.decisions if each.source == "seller"), None)

    @property
    def waits(self) -> bool:
        """Whether a person is to look at it. Where it is filed meanwhile is not told: they are to judge blind."""
        return self.item is not None and self.item.state == "waiting"


def find_kept(c: Connection, *, id: str, now: int) -> Kept:  # noqa: A002 - as the column
    """Return what is kept of an item.

    Raises
    ------
    NotFoundError
        There is none with that id.
    """
    product = find_product(c, id=id)
    item = find_item(c, product_id=id)
    held = item is not None and item.claimed_until is not None and item.claimed_until > now
    return Kept(
        product=product,
        item=item,
        predictions=predictions_of(c, product_id=id),
        decisions=told(decisions_of(c, product_id=id), item),
        holder=name_of(c, key_id=item.claimed_by or "") if item is not None and held else "",
    )


def first_leaf(said: StoredPrediction) -> CategoryPath:
    """Return the most probable leaf, also where the engine stopped above it.

    It does so for what it files only: to show where would tell apart the items that are there for an audit.
    """
    return said.leaf or said.path


def options_of(kept: Kept) -> list[Option]:
    """Return the categories to show: the engine's, the most probable first, then the seller's where it is another."""
    said, chosen = kept.said, kept.chosen or ()
    found: dict[CategoryPath, float | None] = {}
    if said is not None:
        shares = dict(said.alternatives)
        first = first_leaf(said)
        ranked = sorted(shares.items(), key=lambda pair: (pair[0] != first, -pair[1]))
        if first and first not in shares:
            ranked.insert(0, (first, said.probability))
        found = {path: share for place, (path, share) in enumerate(ranked) if place < _SURELY_SHOWN or share >= LEAST}
    paths = list(found)[: MOST_OPTIONS - 1 if chosen and chosen not in found else MOST_OPTIONS]
    if chosen and chosen not in paths:
        paths.append(chosen)
    return [
        Option(path=path, value=path_value(path), share=found.get(path), sellers=path == chosen)
        for path in paths
        if path
    ]


def kind_of(path: CategoryPath, said: StoredPrediction) -> Kind:
    """Tell whether to file an item there is to accept what the engine said."""
    return "accept" if path in (proposal(said), said.leaf) else "change"


def history_of(kept: Kept) -> list[Entry]:
    """Return what happened to an item, the oldest first."""
    came = Entry(at=kept.product.created_at, what="came")
    engines = [
        Entry(at=each.created_at, what="engine", who=each.engine_id[:12], path=first_leaf(each), share=_share(each))
        for each in kept.predictions
    ]
    people = [
        Entry(
            at=each.decided_at,
            what="seller" if each.source == "seller" else each.kind,
            who=each.decided_name,
            path=each.path or (),
            undone_at=each.undone_at,
        )
        for each in kept.decisions
    ]
    return sorted([came, *engines, *people], key=lambda entry: entry.at)


def _share(said: StoredPrediction) -> float:
    return dict(said.alternatives).get(first_leaf(said), said.probability)


def when(time: int) -> tuple[str, str]:
    """Write a moment for machines and for people.

    >>> when(1_767_225_600_000_000)
    ('2026-01-01T00:00:00+00:00', '2026-01-01 00:00 UTC')
    """
    moment = _EPOCH + timedelta(microseconds=time // 1_000_000 * 1_000_000)
    return moment.isoformat(), f"{moment:%Y-%m-%d %H:%M} UTC"


def how_long(microseconds: int, say: Words) -> str:
    """Say a length of time, by its largest unit."""
    seconds = max(0, microseconds) // 1_000_000
    if seconds >= 86_400:
        return say.count("{number} day", "{number} days", number=seconds // 86_400)
    if seconds >= 3600:
        return say.count("{number} hour", "{number} hours", number=seconds // 3600)
    return say.count("{number} minute", "{number} minutes", number=max(1, seconds // 60))


def tops_of(taxonomy: Sequence[CategoryPath], also: str = "") -> list[str]:
    """Return the top categories, and one that may be there no more."""
    return sorted({path[0] for path in taxonomy} | ({also} if also else set()), key=str.casefold)

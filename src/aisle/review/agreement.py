"""When a person and an engine, or two people, say the same."""

from collections.abc import Iterable
from typing import Protocol

from aisle.product import CategoryPath
from aisle.store.records import QueueItem, StoredDecision

ANSWERS = frozenset({"accept", "change", "none"})
"""Kinds of decisions that say where a product belongs; to skip says nothing."""


class Said(Protocol):
    """What an engine said: kept or not."""

    @property
    def decision(self) -> str:
        """Whether it answered."""
        ...

    @property
    def path(self) -> CategoryPath:
        """The answer; empty where there is none."""
        ...

    @property
    def leaf(self) -> CategoryPath:
        """The most probable leaf."""
        ...


def starts_with(path: CategoryPath, head: CategoryPath) -> bool:
    """Tell whether a path is another or lies below it."""
    return path[: len(head)] == head


def engine_decides(said: Said, chosen: CategoryPath | None) -> bool:
    """Tell whether an engine files a product: it answered, and nothing its seller chose contradicts the answer.

    A seller who chose a category above the answer, or one below it, says the same less or more exactly.
    """
    if said.decision == "review" or not said.path:
        return False
    return not chosen or starts_with(said.path, chosen) or starts_with(chosen, said.path)


def proposal(said: Said) -> CategoryPath:
    """Return what an engine puts before a person: its answer, or else its most probable leaf."""
    return said.path or said.leaf


def first_step(said: Said) -> str:
    """Return the top category of what an engine put first; empty where it put nothing."""
    return next(iter(proposal(said)), "")


def agrees(truth: CategoryPath | None, said: CategoryPath) -> bool:
    """Tell whether what an engine said holds: it is the true category or one above it, and there is one."""
    return bool(truth and said) and starts_with(truth or (), said)


def answers(decisions: Iterable[StoredDecision]) -> list[StoredDecision]:
    """Return the decisions of moderators that say where a product belongs and were not taken back, in their order."""
    return [
        each for each in decisions if each.source == "moderator" and each.undone_at is None and each.kind in ANSWERS
    ]


def told(decisions: Iterable[StoredDecision], item: QueueItem | None) -> list[StoredDecision]:
    """Return the decisions that whoever looks at a product may know: a second opinion is given without the first."""
    given = list(decisions)
    if item is None or item.state != "waiting" or item.reason != "second":
        return given
    hidden = {each.id for each in answers(given)}
    return [each for each in given if each.id not in hidden]

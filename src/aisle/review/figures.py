"""How the engine and the people do: what is decided automatically, how often people agree, how precise it is.

The precision is estimated on the random audit slice only. What the engine left to people was left because it is hard:
people's answers on that say nothing of what it filed by itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from aisle.heads.binomial import precision_lower_bound
from aisle.review.agreement import agrees, answers, engine_decides, first_step, proposal
from aisle.review.verdicts import verdicts
from aisle.store.decisions import all_decisions
from aisle.store.predictions import find_predictions, first_answers
from aisle.store.queue import count
from aisle.store.records import QueueFilters, StoredDecision, StoredPrediction

_TAIL = 0.025  # on each side of a 95 % interval
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class _Tally:
    """What is counted of a category, a week, or everything."""

    received: int = 0
    decided: int = 0
    judged: int = 0
    agreed: int = 0
    audited: int = 0
    right: int = 0
    disputed: int = 0
    promises: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        precision = audit_precision(self.right, self.audited)
        promised = sum(self.promises) / len(self.promises) if self.promises else None
        return {
            "automatic": {
                "received": self.received,
                "decided": self.decided,
                "share": _share(self.decided, self.received),
            },
            "agreement": {"judged": self.judged, "agreed": self.agreed, "share": _share(self.agreed, self.judged)},
            "audit": {
                **precision,
                "disputed": self.disputed,
                "promised": promised,
                "stale": promised is not None and precision["high"] < promised,
            },
        }


class _Tallies:
    """The same counts overall, by top category and by ISO week."""

    def __init__(self) -> None:
        self.overall = _Tally()
        self.by_category: dict[str, _Tally] = defaultdict(_Tally)
        self.by_week: dict[str, _Tally] = defaultdict(_Tally)

    def of(self, category: str, time: int) -> tuple[_Tally, _Tally, _Tally]:
        return self.overall, self.by_category[category], self.by_week[iso_week(time)]


def figures(c: Connection, *, since: int, until: int, now: int) -> dict[str, Any]:
    """Return the figures of a time.

    Parameters
    ----------
    since, until : int
        The first moment and the one after the last: of when products came for what is decided automatically, of when
        people answered for the rest.
    now : int
        When they are asked for; it is part of the answer.

    Returns
    -------
    dict
        Plain values: ``since``, ``until``, ``now``, ``waiting`` and ``audits_waiting`` (on the queue at present),
        ``stale``, ``overall``, ``by_category`` (top category to the same) and ``by_week`` (ISO week, as "2026-W47").
        Each of these holds

        - ``automatic``: ``received``, ``decided`` (by the engine alone, audits included), ``share``;
        - ``agreement`` of people with what the engine put first, on the queue without audits: ``judged``, ``agreed``,
          ``share``;
        - ``audit``: ``count``, ``right``, ``precision``, ``low``, ``high`` (Clopper & Pearson 1934, 95 %), ``disputed``
          (people disagree; in no other count), ``promised`` (mean over the slice), ``stale``: even the upper bound lies
          below the promise.

        Shares without any product are None.
    """
    tallies = _Tallies()
    for said in first_answers(c, since=since, until=until):
        for tally in tallies.of(first_step(said), said.week):
            tally.received += said.number
            tally.decided += said.number * engine_decides(said, said.chosen)
    decisions = all_decisions(c)
    given = [each for each in answers(decisions) if since <= each.decided_at < until]
    numbers = sorted({each.prediction_id for each in given if each.prediction_id is not None})
    said_of = find_predictions(c, ids=numbers)
    _note_agreement(tallies, given, said_of)
    _note_audits(tallies, decisions, given, said_of)
    overall = tallies.overall.summary()
    return {
        "since": since,
        "until": until,
        "now": now,
        "waiting": count(c, QueueFilters()),
        "audits_waiting": count(c, QueueFilters(reasons=("audit",))),
        "stale": overall["audit"]["stale"],
        "overall": overall,
        "by_category": {name: tally.summary() for name, tally in sorted(tallies.by_category.items())},
        "by_week": {name: tally.summary() for name, tally in sorted(tallies.by_week.items())},
    }


def audit_precision(right: int, total: int) -> dict[str, Any]:
    """Return a precision and its exact 95 % interval (Clopper & Pearson 1934).

    Parameters
    ----------
    right, total : int
        How many of how many; of none the interval is everything.

    Examples
    --------
    >>> found = audit_precision(8, 10)
    >>> round(found["low"], 4), round(found["high"], 4)
    (0.4439, 0.9748)
    """
    return {
        "count": total,
        "right": right,
        "precision": _share(right, total),
        "low": precision_lower_bound(right, total, level=_TAIL),
        "high": 1.0 - precision_lower_bound(total - right, total, level=_TAIL),
    }


def iso_week(time: int) -> str:
    """Name the ISO 8601 week of a moment in UTC.

    >>> iso_week(1_767_225_600_000_000)  # 1 January 2026, a Thursday
    '2026-W01'
    """
    year, week, _ = (_EPOCH + timedelta(microseconds=time)).isocalendar()
    return f"{year}-W{week:02d}"


def _note_agreement(
    tallies: _Tallies, given: Iterable[StoredDecision], said_of: Mapping[int, StoredPrediction]
) -> None:
    for each in given:
        said = said_of.get(each.prediction_id or 0)
        if said is None or each.queue_reason in (None, "audit"):
            continue
        for tally in tallies.of(first_step(said), each.decided_at):
            tally.judged += 1
            tally.agreed += agrees(each.path, proposal(said))


def _note_audits(
    tallies: _Tallies,
    decisions: Iterable[StoredDecision],
    given: Iterable[StoredDecision],
    said_of: Mapping[int, StoredPrediction],
) -> None:
    """Count each audited product once, by what people say of it now."""
    truths = verdicts(decisions)
    for each in {each.product_id: each for each in given if each.queue_reason == "audit"}.values():
        said, truth = said_of.get(each.prediction_id or 0), truths[each.product_id]
        if said is None:
            continue
        for tally in tallies.of(first_step(said), each.decided_at):
            if truth.disagree:
                tally.disputed += 1
                continue
            tally.audited += 1
            tally.right += agrees(truth.path, said.path)
            tally.promises.append(said.precision)


def _share(part: int, total: int) -> float | None:
    return part / total if total else None

"""The figures: what the engine files by itself, how often people agree, and whether its promise holds."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from fastapi import APIRouter, Request, Response

from aisle.review.figures import figures
from aisle.serve.context import context
from aisle.serve.pages.figures_charts import Chart, bars, whiskers
from aisle.serve.pages.rendering import render
from aisle.serve.pages.words import Words, choose_language, mark, words

router = APIRouter(include_in_schema=False)

DAYS: Final = (7, 30, 90, 365)
_USUAL: Final = 30
_DAY = 86_400_000_000

WIDE: Final = 0.1
"""From this width on an interval says too little to be called a figure."""

Verdict = Literal["none", "few", "below", "fits"]

_VERDICTS: Final[dict[str, str]] = {
    "none": mark("No audits yet"),
    "few": mark("Not enough audits yet"),
    "below": mark("Below the promise"),
    "fits": mark("In line with the promise"),
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """The figures of a category, of a week, or of everything, as they are written.

    Attributes
    ----------
    name : str
    received, decided, judged, agreed, audited, right, disputed : str
        Counts.
    automatic, agreement, precision, promised : str
        Shares; empty where nothing was counted.
    interval : tuple of str
        Of the precision, from and to.
    track : tuple of float or None
        Low end, precision, high end and promise, in [0, 100]; None where nothing was audited.
    verdict : {"none", "few", "below", "fits"}
    verdict_words : str
    """

    name: str
    received: str
    decided: str
    automatic: str
    judged: str
    agreed: str
    agreement: str
    audited: str
    right: str
    disputed: str
    precision: str
    interval: tuple[str, str]
    promised: str
    track: tuple[float, float, float, float] | None
    verdict: Verdict
    verdict_words: str


@router.get("/review/figures")
def show_figures(request: Request) -> Response:
    """Show the figures of some days, overall, by category and by week."""
    here = context(request)
    say = words(choose_language(request))
    asked = request.query_params.get("days", "")
    days = int(asked) if asked in map(str, DAYS) else _USUAL
    now = here.clock()
    with here.database.read() as c:
        found = figures(c, since=now - days * _DAY, until=now + 1, now=now)
    weeks = found["by_week"]
    values = {
        "days": days,
        "choices": DAYS,
        "found": found,
        "overall": _row("", found["overall"], say),
        "categories": [_row(name or say("No category"), each, say) for name, each in found["by_category"].items()],
        "weeks": [_row(name, each, say) for name, each in weeks.items()],
        "monday": _monday,
        "charts": _charts(weeks, say) if weeks else None,
        "language_query": f"days={days}&lang=",
    }
    return render(request, "review_figures.html", values)


def share(value: float | None, say: Words) -> str:
    r"""Write a share that was counted, to a tenth of a percent; empty where there is none.

    >>> share(0.98251, Words("en"))
    '98.3\xa0%'
    """
    if value is None:
        return ""
    return f"{say.number(100 * value, digits=1)}\N{NO-BREAK SPACE}%"


def verdict_of(audit: dict[str, Any]) -> Verdict:
    """Say what the audits come to; few of them may still show that the promise is broken."""
    if not audit["count"]:
        return "none"
    if audit["stale"]:
        return "below"
    return "few" if audit["high"] - audit["low"] > WIDE else "fits"


def _row(name: str, summary: dict[str, Any], say: Words) -> Row:
    automatic, agreement, audit = summary["automatic"], summary["agreement"], summary["audit"]
    verdict = verdict_of(audit)
    track = None
    if audit["count"]:
        track = (100 * audit["low"], 100 * audit["precision"], 100 * audit["high"], 100 * audit["promised"])
    return Row(
        name=name,
        received=say.number(automatic["received"]),
        decided=say.number(automatic["decided"]),
        automatic=share(automatic["share"], say),
        judged=say.number(agreement["judged"]),
        agreed=say.number(agreement["agreed"]),
        agreement=share(agreement["share"], say),
        audited=say.number(audit["count"]),
        right=say.number(audit["right"]),
        disputed=say.number(audit["disputed"]) if audit["disputed"] else "",
        precision=share(audit["precision"], say),
        interval=(share(audit["low"], say), share(audit["high"], say)),
        promised=share(audit["promised"], say),
        track=track,
        verdict=verdict,
        verdict_words=say(_VERDICTS[verdict]),
    )


def _charts(weeks: dict[str, Any], say: Words) -> dict[str, Chart]:
    names = [say("W{week}", week=name.partition("-W")[2]) for name in weeks]
    audits = [each["audit"] for each in weeks.values()]
    return {
        "automatic": bars(names, [each["automatic"]["share"] for each in weeks.values()], say),
        "agreement": bars(names, [each["agreement"]["share"] for each in weeks.values()], say),
        "audit": whiskers(names, audits, say),
    }


def _monday(week: str) -> str:
    """Return the first day of an ISO week.

    >>> _monday("2026-W47")
    '2026-11-16'
    """
    year, _, number = week.partition("-W")
    return date.fromisocalendar(int(year), int(number), 1).isoformat()

"""Where the parts of a small chart lie. A template draws them; a style sheet colours them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aisle.serve.pages.words import Words

WIDTH: Final = 320
HEIGHT: Final = 150
"""In units of the drawing, about pixels."""

LEFT, TOP, BOTTOM = 38, 8, 126
_RIGHT = WIDTH - 6
_MOST_LABELS = 7
_WIDEST = 30.0


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What is drawn of a week.

    Attributes
    ----------
    x, width : float
        Its middle, and how wide a bar is.
    label : str
        Below the axis; empty where there is no room for it.
    y : float or None
        Where its share lies; None where nothing was counted.
    low, high : float
        The ends of its interval.
    broken : bool
        Whether even the upper end lies below the promise.
    """

    x: float
    width: float
    label: str
    y: float | None
    low: float = 0.0
    high: float = 0.0
    broken: bool = False


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A small chart of shares by week.

    Attributes
    ----------
    lines : tuple of (float, str)
        Height and label of the grid's lines.
    marks : tuple of Mark
    promise : float or None
        The height of what was promised.
    """

    lines: tuple[tuple[float, str], ...]
    marks: tuple[Mark, ...]
    promise: float | None = None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = _RIGHT
    bottom: int = BOTTOM


def bars(names: Sequence[str], shares: Sequence[float | None], say: Words) -> Chart:
    """Lay out a bar for each week."""
    marks = [
        Mark(x=x, width=width, label=label, y=None if share is None else height(share))
        for (x, width, label), share in zip(_places(names), shares, strict=True)
    ]
    return Chart(lines=_lines(0.0, say), marks=tuple(marks))


def whiskers(names: Sequence[str], audits: Sequence[Mapping[str, Any]], say: Words) -> Chart:
    """Lay out a point with its interval for each week, and the promise; the axis begins below the lowest interval."""
    counted = [audit for audit in audits if audit["count"]]
    start = min((int(audit["low"] * 10) / 10 for audit in counted), default=0.0)
    marks = []
    for (x, width, label), audit in zip(_places(names), audits, strict=True):
        if not audit["count"]:
            marks.append(Mark(x=x, width=width, label=label, y=None))
            continue
        low, y, high = (height(audit[name], start) for name in ("low", "precision", "high"))
        marks.append(Mark(x=x, width=width, label=label, y=y, low=low, high=high, broken=audit["stale"]))
    promises = [audit["promised"] for audit in counted]
    promise = height(sum(promises) / len(promises), start) if promises else None
    return Chart(lines=_lines(start, say), marks=tuple(marks), promise=promise)


def height(share: float, start: float = 0.0) -> float:
    """Return where a share lies on an axis from `start` to 1; from above.

    >>> height(1.0), height(0.0), height(0.5, start=0.5)
    (8.0, 126.0, 126.0)
    """
    return round(BOTTOM - (BOTTOM - TOP) * (share - start) / (1 - start), 1)


def _places(names: Sequence[str]) -> list[tuple[float, float, str]]:
    """Return the middle, the width and the label of each week, as many labels as there is room for."""
    step = (_RIGHT - LEFT) / max(1, len(names))
    width = min(_WIDEST, step * 0.64)
    each = -(-len(names) // _MOST_LABELS)
    last = len(names) - 1
    return [
        (round(LEFT + step * (place + 0.5), 1), round(width, 1), name if (last - place) % each == 0 else "")
        for place, name in enumerate(names)
    ]


def _lines(start: float, say: Words) -> tuple[tuple[float, str], ...]:
    shares = (start, (1 + start) / 2, 1.0)
    return tuple((height(share, start), f"{say.number(100 * share)}\N{NO-BREAK SPACE}%") for share in shares)

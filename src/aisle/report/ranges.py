"""Dots with a range: one row per method, one axis for all."""

from collections.abc import Sequence
from dataclasses import dataclass

from aisle.report.svg import label, line, number, svg, text_width, ticks


@dataclass(frozen=True, kw_only=True)
class Series:
    """One measured value of a row.

    Attributes
    ----------
    kind : {"main", "second", "reference"}
        How it is drawn: filled dot, hollow dot, small grey square.
    middle : float
        The mean.
    low, high : float, optional
        The ends of the line.
    peak : float, optional
        A hollow diamond.
    """

    kind: str
    middle: float
    low: float | None = None
    high: float | None = None
    peak: float | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One method; without series it only says its name, as a heading if it has no text either."""

    label: str
    note: str = ""
    text: str = ""
    side: str = ""
    series: tuple[Series, ...] = ()
    heading: bool = False


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What the figure measures and which signs it uses.

    Attributes
    ----------
    title : str
        What stands under the axis.
    signs : tuple of (str, str)
        Kind of mark ("dot", "span", "peak", "dot2", "dot3", "peak3") and what it stands for.
    column : str
        Heading of the figures at the right.
    percent : bool
        Whether values are fractions shown as per cent.
    start : float or None
        Where the axis begins; None to fit the data.
    """

    title: str
    signs: tuple[tuple[str, str], ...]
    column: str = ""
    percent: bool = False
    start: float | None = 0.0


_OFFSETS = {"main": 0.0, "second": 9.0, "reference": 9.0}


def range_figure(rows: Sequence[Row], axis: Axis, *, title: str, narrow: bool = False) -> str:
    """Draw the rows below each other.

    Parameters
    ----------
    rows : sequence of Row
        Headings and methods, in the order they are drawn.
    axis : Axis
        Scale and key.
    title : str
        What the figure shows, for those who cannot see it.
    narrow : bool
        Labels above their line instead of beside it, for a phone.

    Returns
    -------
    str
        SVG, 760 or 340 pixels wide.
    """
    width, left, right = (340.0, 6.0, 326.0) if narrow else (760.0, 250.0, 652.0)
    parts, top = _signs(axis.signs, width=width, left=6.0 if narrow else left)
    marks = _ticks(rows, axis)
    scale = _Scale(marks[0], marks[-1], left + 6, right - 6)
    heights = [_height(row, narrow=narrow) for row in rows]
    bottom = top + sum(heights) + 8
    for tick in marks:
        parts.append(line(scale(tick), top, scale(tick), bottom, kind="grid"))
        text = f"{100 * tick:g} %" if axis.percent else f"{tick:g}"
        parts.append(label(scale(tick), bottom + 15, text, kind="note", anchor="middle"))
    parts.append(line(left, bottom, right, bottom, kind="base"))
    parts.append(label((left + right) / 2, bottom + 33, axis.title, kind="soft", anchor="middle"))
    if axis.column and not narrow:
        parts.append(label(width - 4, top - 4, axis.column, kind="note", anchor="end"))
    for row, height in zip(rows, heights, strict=True):
        parts.extend(_row(row, top, scale, narrow=narrow, width=width, left=left))
        top += height
    return svg(parts, width=width, height=bottom + 42, title=title, kind="ranges")


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    left: float
    right: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / max(self.high - self.low, 1e-9)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)


def _ticks(rows: Sequence[Row], axis: Axis) -> list[float]:
    values = [
        value
        for row in rows
        for series in row.series
        for value in (series.low, series.middle, series.high, series.peak)
        if value is not None
    ] or [0.0, 1.0]
    middles = [series.middle for row in rows for series in row.series]
    start = min(values) if axis.start is None else min([axis.start, *middles])
    found = ticks(start, max(values), most=5)
    if axis.percent:
        found = [tick for tick in found if tick <= 1.0] or found
        found += [] if found[-1] >= max(values) else [1.0]
    return found if len(found) > 1 else [found[0], found[0] + 0.1]


def _height(row: Row, *, narrow: bool) -> float:
    if row.heading:
        return 30.0
    doubled = len({_OFFSETS[series.kind] for series in row.series}) > 1
    if narrow:
        return 36.0 + (14.0 if row.note else 0.0) + (10.0 if doubled else 0.0) - (0.0 if row.series else 12.0)
    return 36.0 if doubled or row.note else 26.0


def _signs(signs: Sequence[tuple[str, str]], *, width: float, left: float) -> tuple[list[str], float]:
    """Draw the key; return its elements and where the rows begin."""
    parts: list[str] = []
    x, y = left, 14.0
    for kind, text in signs:
        room = 20 + text_width(text, size=10.5)
        if x > left and x + room > width - 4:
            x, y = left, y + 17
        parts.append(_mark(kind, x + 7, y - 3.5))
        parts.append(label(x + 19, y, text, kind="note"))
        x += room + 18
    return parts, y + 20


def _mark(kind: str, x: float, y: float) -> str:
    if kind.startswith("span"):
        return line(x - 7, y, x + 7, y, kind=kind)
    if kind.startswith("peak"):
        half = 5 if kind == "peak" else 4
        path = f"M{number(x)} {number(y - half)}l{half} {half} {-half} {half} {-half} {-half}z"
        return f'<path class="{kind}" d="{path}"/>'
    if kind == "dot3":
        return f'<rect class="dot3" x="{number(x - 3.5)}" y="{number(y - 3.5)}" width="7" height="7"/>'
    return f'<circle class="{kind}" cx="{number(x)}" cy="{number(y)}" r="4.5"/>'


def _row(row: Row, top: float, scale: _Scale, *, narrow: bool, width: float, left: float) -> list[str]:
    if row.heading:
        return [label(6, top + 21, row.label.upper(), kind="head")]
    muted = "" if row.series else "faint"
    room = (width - 16 - text_width(row.text, size=12)) if narrow else left - 14
    base = top + 15
    parts = [label(6, base, row.label, kind=muted, width=room, size=12)]
    if row.note:
        parts.append(label(6, base + 13, row.note, kind="note", width=width - 12 if narrow else room, size=10.5))
    if row.text:
        parts.append(label(width - 4, base, row.text, kind=muted, anchor="end"))
    if row.side and not narrow:
        parts.append(label(width - 4, base + 13, row.side, kind="note", anchor="end"))
    y = base + (28 if row.note else 14) - 4 if narrow else base - 4
    for series in row.series:
        parts.extend(_series(series, scale, y=y + (_OFFSETS[series.kind] if len(row.series) > 1 else 0.0)))
    return parts


def _series(series: Series, scale: _Scale, *, y: float) -> list[str]:
    suffix = {"main": "", "second": "2", "reference": "3"}[series.kind]
    parts: list[str] = []
    if series.low is not None and series.high is not None:
        parts.append(line(scale(series.low), y, scale(series.high), y, kind="span" + suffix))
    if series.peak is not None:
        parts.append(_mark("peak" + suffix, scale(series.peak), y))
    parts.append(_mark("dot" + suffix, scale(series.middle), y))
    return parts

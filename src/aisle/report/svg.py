"""Words, colours and markers that every figure shares.

Figures are SVG text. Colours are CSS variables with light values as defaults: alone a figure is dark on
white, inside the report it follows the page into dark mode.
"""

import html
import math
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

HUES = 8
"""Colours told apart with any kind of colour blindness (Okabe and Ito, 2008, the yellow darkened)."""

SHAPES = 4
"""Circle, square, triangle, diamond: a second sign beside the colour."""

OTHER = -1
"""The slot of everything that has no colour of its own."""


@cache
def style() -> str:
    """Return the style sheet of the figures, which travels in every one of them."""
    return (Path(__file__).parent / "figure.css").read_text(encoding="utf-8").strip()


def escape(text: object) -> str:
    """Make any text inert and valid between tags and in attributes.

    >>> escape('<b a="1">')
    '&lt;b a=&quot;1&quot;&gt;'
    """
    clean = "".join(" " if unicodedata.category(char) in ("Cc", "Cs") else char for char in str(text))
    return html.escape(clean)


def text_width(text: str, *, size: float) -> float:
    """Estimate the width of a text in pixels; no font is at hand to ask."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return size * (1.0 * wide + 0.55 * (len(text) - wide))


def shorten(text: str, *, width: float, size: float) -> str:
    """Cut a text to a width in pixels.

    >>> shorten("Home Decor & Festive Needs", width=80, size=12)
    'Home Decor…'
    """
    if text_width(text, size=size) <= width:
        return text
    kept = text
    while kept and text_width(kept + "…", size=size) > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def number(value: float) -> str:
    """Write a coordinate with at most one decimal.

    >>> number(12.0), number(3.14)
    ('12', '3.1')
    """
    return f"{value:.1f}".removesuffix(".0")


def label(
    x: float,
    y: float,
    text: str,
    *,
    kind: str = "",
    anchor: str = "start",
    width: float = math.inf,
    size: float = 12,
) -> str:
    """Return a text element; where it had to be cut, the whole text is its tooltip."""
    short = shorten(text, width=width, size=size)
    tooltip = f"<title>{escape(text)}</title>" if short != text else ""
    classes = f' class="{kind}"' if kind else ""
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{number(x)}" y="{number(y)}"{classes}{place}>{tooltip}{escape(short)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, *, kind: str) -> str:
    """Return a straight line."""
    ends = f'x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"'
    return f'<line {ends} class="{kind}"/>'


def marker(slot: int, x: float, y: float, *, radius: float, kind: str = "", extra: str = "") -> str:
    """Return the mark of a slot: the colour turns first, then the shape.

    Parameters
    ----------
    slot : int
        0 to ``HUES * SHAPES - 1``, or `OTHER`.
    x, y, radius : float
        Centre and size in pixels; the shapes cover the same area.
    kind, extra : str
        Further classes, further attributes.
    """
    hue = "ho" if slot == OTHER else f"h{slot % HUES}"
    classes = f'class="{hue} {kind}"' if kind else f'class="{hue}"'
    shape = 0 if slot == OTHER else slot // HUES % SHAPES
    tail = f" {extra}/>" if extra else "/>"
    if shape == 0:
        return f'<circle {classes} cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"{tail}'
    return f'<path {classes} d="{_outline(shape, x, y, radius)}"{tail}'


def _outline(shape: int, x: float, y: float, radius: float) -> str:
    if shape == 1:
        side = radius * 1.77
        return f"M{number(x - side / 2)} {number(y - side / 2)}h{number(side)}v{number(side)}h{number(-side)}z"
    if shape == 2:
        side = radius * 2.6
        tip = f"M{number(x)} {number(y - side * 0.58)}"
        return f"{tip}l{number(side / 2)} {number(side * 0.87)}h{number(-side)}z"
    half = radius * 1.3
    return f"M{number(x)} {number(y - half)}l{number(half)} {number(half)} {number(-half)} {number(half)} " + (
        f"{number(-half)} {number(-half)}z"
    )


def svg(parts: Iterable[str], *, width: float, height: float, title: str, kind: str, attributes: str = "") -> str:
    """Wrap elements into a figure that says what it is and brings its own style."""
    size = f'viewBox="0 0 {number(width)} {number(height)}" width="{number(width)}" height="{number(height)}"'
    name = escape(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="aisle-figure {kind}" {size} role="img" '
        f'aria-label="{name}"{" " + attributes if attributes else ""}><style>{style()}</style>'
        + "".join(parts)
        + "</svg>"
    )


def ticks(low: float, high: float, *, most: int = 6) -> list[float]:
    """Return round numbers from one end of an axis to the other.

    >>> ticks(0.0, 0.75)
    [0.0, 0.2, 0.4, 0.6, 0.8]
    """
    span = max(high - low, 1e-6)
    step = 10.0 ** math.floor(math.log10(span / most))
    step = next(step * factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def finite(value: object) -> float | None:
    """Return a number, or None where there is none: missing, not a number, infinite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def spread(count: int, most: int) -> Sequence[int]:
    """Return at most so many positions out of ``range(count)``, evenly spread.

    >>> list(spread(10, 4))
    [0, 2, 5, 7]
    """
    return range(count) if count <= most else [index * count // most for index in range(most)]


def percent(value: object) -> str:
    """Write a fraction as per cent.

    >>> percent(0.957), percent(None)
    ('95.7 %', '—')
    """
    there = finite(value)
    return "—" if there is None else f"{100 * there:.1f} %"

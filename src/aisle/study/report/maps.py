"""Maps: every product a point, coloured by category or by cluster."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aisle.report.svg import (
    HUES,
    OTHER,
    SHAPES,
    finite,
    label,
    marker,
    number,
    shorten,
    spread,
    svg,
    text_width,
)

MOST_POINTS = 4000
MOST_KEYS = 24
MOST_PLACES = 12
SIZE = 480.0
_PAD = 16.0


@dataclass(frozen=True, kw_only=True)
class Key:
    """One entry of a legend: a name, its mark and how many points carry it."""

    index: int
    name: str
    slot: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Colouring:
    """The key of every point (None where it has none), and the keys."""

    keys: tuple[Key, ...]
    of: tuple[int | None, ...]


def sample_products(categories: Sequence[int | None], *, most: int = MOST_POINTS) -> list[int]:
    """Choose the products that are drawn: all, or a sample with the same shares of every category.

    >>> sample_products([0, 0, 0, 0, 1, 1], most=3)
    [0, 2, 4]
    """
    if len(categories) <= most:
        return list(range(len(categories)))
    ranked = sorted(range(len(categories)), key=lambda index: (_rank(categories[index]), index))
    return sorted(ranked[position] for position in spread(len(ranked), most))


def _rank(category: int | None) -> int:
    return -1 if category is None else category


def colour_categories(categories: Sequence[int | None], names: Sequence[str]) -> Colouring:
    """Give the largest categories a mark each; the rest share one.

    Parameters
    ----------
    categories : sequence of int or None
        Of each drawn product.
    names : sequence of str
        Of the categories.
    """
    counts = Counter(value for value in categories if value is not None)
    kept = [value for value, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    cut = kept if len(kept) <= MOST_KEYS else kept[: MOST_KEYS - 1]
    slots = {value: slot for slot, value in enumerate(cut)}
    return _colouring(categories, names, slots, counts)


def colour_clusters(clusters: Sequence[int | None], names: Sequence[str], categories: Mapping[str, int]) -> Colouring:
    """Give a cluster the colour of the category it is named after.

    A second cluster of the same category keeps the colour and takes another shape.

    Parameters
    ----------
    clusters : sequence of int or None
        Of each drawn product.
    names : sequence of str
        Of the clusters: a category, with " (2)" behind it for the second of that category.
    categories : mapping of str to int
        The slot of each category.
    """
    counts = Counter(value for value in clusters if value is not None)
    slots: dict[int, int] = {}
    called: dict[int, str] = {value: names[value] if value < len(names) else "" for value in counts}
    for value in sorted(counts, key=lambda value: (called[value] not in categories, -counts[value], value)):
        if len(slots) >= HUES * SHAPES - 1:
            break
        name = called[value]
        wanted = categories.get(name, categories.get(re.sub(r" \(\d+\)$", "", name), OTHER))
        if wanted != OTHER:
            slots[value] = _free(wanted, set(slots.values()))
        elif not categories:
            slots[value] = len(slots)
    return _colouring(clusters, names, slots, counts)


def _free(wanted: int, used: set[int]) -> int:
    same_hue = [(wanted + HUES * turn) % (HUES * SHAPES) for turn in range(SHAPES)]
    free: list[int] = [slot for slot in [*same_hue, *range(HUES * SHAPES)] if slot not in used]
    return free[0]


def _colouring(
    values: Sequence[int | None], names: Sequence[str], slots: Mapping[int, int], counts: Counter[int]
) -> Colouring:
    by_slot = sorted(slots, key=lambda value: slots[value])
    keys = [
        Key(index=index, name=_name(names, value), slot=slots[value], count=counts[value])
        for index, value in enumerate(by_slot)
    ]
    place = {value: index for index, value in enumerate(by_slot)}
    rest = [value for value in counts if value not in place]
    loose = sum(value is None for value in values)
    if rest or loose:
        parts = [f"other ({len(rest)})" if len(rest) > 1 else _name(names, rest[0])] if rest else []
        name = ", ".join([*parts, "none"] if loose else parts)
        total = sum(counts[value] for value in rest) + loose
        keys.append(Key(index=len(by_slot), name=name, slot=OTHER, count=total))
    return Colouring(
        keys=tuple(keys),
        of=tuple(len(by_slot) if value is None else place.get(value, len(by_slot)) for value in values),
    )


def _name(names: Sequence[str], value: int) -> str:
    return (names[value] if value < len(names) else "") or "(no name)"


def place_points(points: Sequence[Any]) -> list[tuple[float, float] | None]:
    """Scale points into the square, the same for both axes; a point without place stays None."""
    pairs = [_pair(point) for point in points]
    there = [pair for pair in pairs if pair is not None]
    if not there:
        return [None] * len(pairs)
    xs, ys = [x for x, _ in there], [y for _, y in there]
    span = max(max(xs) - min(xs), max(ys) - min(ys)) or 1.0
    scale = (SIZE - 2 * _PAD) / span
    middle_x, middle_y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    return [
        None if pair is None else (SIZE / 2 + (pair[0] - middle_x) * scale, SIZE / 2 - (pair[1] - middle_y) * scale)
        for pair in pairs
    ]


def _pair(point: Any) -> tuple[float, float] | None:
    if not isinstance(point, (list, tuple)) or len(point) != 2:
        return None
    x, y = finite(point[0]), finite(point[1])
    return None if x is None or y is None else (x, y)


def map_figure(
    places: Sequence[tuple[float, float] | None],
    colouring: Colouring,
    *,
    title: str,
    legend: bool = False,
    attributes: str = "",
) -> str:
    """Draw one map.

    Parameters
    ----------
    places : sequence of (x, y) or None
        As `place_points` gives them.
    colouring : Colouring
        The key of each point.
    title : str
        What the map shows, for those who cannot see it.
    legend : bool
        Whether to write the legend below the map; a page has its own.
    attributes : str
        Further attributes of the figure.

    Returns
    -------
    str
        SVG, 480 pixels wide.
    """
    radius = 3.6 if len(places) <= 600 else 2.9 if len(places) <= 2000 else 2.1
    drawn = [index for index, place in enumerate(places) if place and colouring.of[index] is not None]
    # The rest goes below; then an order that no category owns, so that none covers the others.
    drawn.sort(key=lambda index: (colouring.keys[colouring.of[index] or 0].slot != OTHER, index * 7919 % 10007))
    parts = [f'<rect class="frame" x="0.5" y="0.5" width="{number(SIZE - 1)}" height="{number(SIZE - 1)}"/>']
    for index in drawn:
        key = colouring.keys[colouring.of[index] or 0]
        x, y = places[index] or (0.0, 0.0)
        parts.append(marker(key.slot, x, y, radius=radius, kind=f"pt k{key.index}", extra=f'data-p="{index}"'))
    if len([key for key in colouring.keys if key.slot != OTHER]) <= MOST_PLACES:
        parts.extend(_place_names(places, colouring))
    height = SIZE
    if legend:
        below, height = _legend(colouring.keys)
        parts.extend(below)
    return svg(parts, width=SIZE, height=height, title=title, kind="map", attributes=attributes)


def _place_names(places: Sequence[tuple[float, float] | None], colouring: Colouring) -> list[str]:
    """Write each name where its points are thickest, moved down where two would cross."""
    wanted: list[tuple[float, float, Key]] = []
    for key in colouring.keys:
        own = [place for place, of in zip(places, colouring.of, strict=True) if place and of == key.index]
        if own and key.slot != OTHER:
            x, y = _thickest(own)
            wanted.append((y, x, key))
    done: list[tuple[float, float, float]] = []
    parts: list[str] = []
    for y, x, key in sorted(wanted, key=lambda item: item[:2]):
        text = shorten(key.name, width=190, size=12.5)
        half = text_width(text, size=12.5) / 2
        x = min(max(x, half + 6), SIZE - half - 6)
        y = max(y, 18.0)
        for other_y, other_x, other_half in done:
            if abs(x - other_x) < half + other_half and abs(y - other_y) < 17:
                y = other_y + 17
        y = min(y, SIZE - 8)
        done.append((y, x, half))
        parts.append(label(x, y + 4, text, kind=f"place n{key.index}", anchor="middle"))
    return parts


def _thickest(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the point that its nearest third lie closest to: the middle of a torn category may be empty."""
    candidates = points[:: max(1, len(points) // 200)]
    near = max(1, len(candidates) // 3)

    def reach(point: tuple[float, float]) -> float:
        return sorted((point[0] - x) ** 2 + (point[1] - y) ** 2 for x, y in candidates)[near - 1]

    return min(candidates, key=reach)


def _legend(keys: Sequence[Key]) -> tuple[list[str], float]:
    columns = 2
    parts: list[str] = []
    wide = SIZE / columns
    for position, key in enumerate(keys):
        x, y = 10 + wide * (position % columns), SIZE + 20 + 18 * (position // columns)
        parts.append(marker(key.slot, x, y - 4, radius=4.5))
        parts.append(label(x + 12, y, f"{key.name} · {key.count:,}", width=wide - 30, size=12))
    return parts, SIZE + 20 + 18 * ((len(keys) + columns - 1) // columns)

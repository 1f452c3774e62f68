"""Home Furnishing: bedspreads, cushions, curtains and towels."""

import numpy as np

from aisle.catalog.sample.canvas import Array, Canvas, Outline, Surface
from aisle.catalog.sample.model import Look
from aisle.catalog.sample.shapes import box, curve, ellipse, polygon
from aisle.catalog.sample.surfaces import (
    GOLD,
    STEEL,
    cylinder,
    darker,
    downward,
    folds,
    lighter,
    puffed,
    sphere,
    terry,
    wood,
)


def draw_bedspread(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a made bed, or the bedspread folded into a stack."""
    if look.variant.en == "folded":
        draw_folded(canvas, look.cloth(7), look, layers=int(rng.integers(3, 6)))
        return
    board = wood((130, 88, 56)) if rng.random() < 0.6 else darker(look.accent.rgb, 0.3)
    canvas.fill(box(12, 8, 88, 50, radius=5), board, light=downward)
    canvas.fill(polygon([(14, 36), (86, 36), (94, 60), (6, 60)]), (244, 242, 238), light=downward)
    for left in (17, 52):
        pillow = curve(
            [
                (left, 29),
                (left + 15, 27),
                (left + 31, 29),
                (left + 32, 37),
                (left + 31, 45),
                (left + 15, 46),
                (left, 45),
                (left - 1, 37),
            ],
            closed=True,
        )
        canvas.fill(pillow, look.cloth(6) if rng.random() < 0.5 else look.accent.rgb, light=puffed)
    top = polygon([(11, 46), (89, 46), (97, 74), (3, 74)])
    drop = curve(
        [
            (3, 73),
            (3, 73),
            (2, 92),
            (10, 94),
            (30, 93),
            (50, 95),
            (70, 93),
            (90, 94),
            (98, 92),
            (97, 73),
            (97, 73),
        ]
    )
    canvas.fill(drop, look.cloth(8), light=folds(rng.uniform(6, 9)))
    canvas.fill(drop, (0, 0, 0), opacity=0.14)
    canvas.fill(top, look.cloth(8), light=_quilted)
    canvas.fill(polygon([(11, 46), (89, 46), (90.5, 52), (9.5, 52)]), lighter(look.accent.rgb, 0.25), light=downward)


def _quilted(u: Array, v: Array) -> Array:
    crease = 0.03 * np.sin(19 * u + 5 * v) + 0.03 * np.sin(7 * u - 13 * v)
    brightness: Array = 1.06 - 0.12 * v + crease
    return brightness


def draw_folded(canvas: Canvas, cloth: Surface, look: Look, *, layers: int) -> None:
    """Draw cloth folded into a stack, seen from the front and a little above."""
    height = min(15.0, 62 / layers)
    top = 88 - layers * height
    canvas.fill(polygon([(16, top - 16), (84, top - 16), (94, top + 3), (6, top + 3)]), cloth, light=_quilted)
    for layer in range(layers):
        y = top + layer * height
        strip: Outline = box(6, y, 94, y + height, radius=height * 0.48)
        surface = cloth if layer % 2 == 0 else lighter(look.colour.rgb, 0.12)
        canvas.fill(strip, surface, light=_rolled)
    canvas.stroke(polygon([(16, top - 16), (6, top + 3)]), 0.5, darker(look.colour.rgb, 0.3), opacity=0.5)


def _rolled(u: Array, v: Array) -> Array:
    brightness: Array = 0.6 + 0.5 * np.sin(np.pi * np.clip(0.12 + 0.85 * v, 0, 1)) + 0.03 * np.sin(21 * u)
    return brightness


def draw_cushion(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a stuffed cushion with pinched corners."""
    if look.variant.en == "round":
        canvas.fill(ellipse(50, 52, 43, 41), look.cloth(11), light=sphere)
        for angle in np.linspace(0, 2 * np.pi, 17)[:-1]:
            points = [(50 + r * np.cos(angle), 52 + r * np.sin(angle)) for r in (6, 20, 41)]
            canvas.stroke(polygon(points), 0.7, darker(look.colour.rgb, 0.35), opacity=0.4, blur=0.4)
        canvas.fill(ellipse(50, 52, 4), look.accent.rgb, light=sphere)
        return
    low = 90.0 if look.variant.en == "square" else 76.0
    high = 10.0 if look.variant.en == "square" else 26.0
    sag = rng.uniform(2.5, 5)
    outline = curve([
        (6, high), (6, high), (28, high + sag), (50, high + sag + 1), (72, high + sag),
        (94, high), (94, high), (94 - sag, (high + low) / 2), (94, low), (94, low), (72, low - sag),
        (50, low - sag - 1), (28, low - sag), (6, low), (6, low),
        (6 + sag, (high + low) / 2),
    ], closed=True)  # fmt: skip
    canvas.fill(outline, look.cloth(rng.uniform(9, 15)), light=puffed)
    canvas.stroke(outline, 1.1, look.accent.rgb if rng.random() < 0.5 else darker(look.colour.rgb, 0.25))
    for x, y in ((6, high), (94, high), (6, low), (94, low)):
        middle = np.array([50, (high + low) / 2], np.float32)
        crease = polygon([(x, y), tuple((np.array([x, y]) * 0.72 + middle * 0.28).tolist())])
        canvas.stroke(crease, 1.2, (0, 0, 0), opacity=0.16, blur=0.8)
        if look.accent.name.en in ("gold", "mustard", "beige"):
            canvas.fill(ellipse(x, y, 2.6), look.accent.rgb, light=sphere)


def draw_curtains(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw two panels that hang from a rod."""
    gap = rng.uniform(0, 14) / 2
    if rng.random() < 0.45:
        canvas.fill(box(12, 12, 88, 90), (226, 238, 246), light=downward)
        for x in (12, 50, 88):
            canvas.stroke(polygon([(x, 12), (x, 90)]), 1.8, (250, 250, 250))
        canvas.stroke(polygon([(12, 50), (88, 50)]), 1.8, (250, 250, 250))
    tied = look.variant.en == "tied back"
    for side in (-1, 1):
        inner, outer = 50 + side * gap, 50 + side * 44
        if tied:
            points = [
                (outer, 9),
                (outer, 9),
                (inner, 9),
                (inner, 9),
                (50 + side * 10, 40),
                (50 + side * 33, 62),
                (50 + side * 32, 66),
                (50 + side * 26, 96),
                (50 + side * 26, 96),
                (outer, 96),
                (outer, 96),
            ]
            panel = curve(points, closed=True)
        else:
            panel = polygon([(outer, 9), (inner, 9), (inner + side * 1.5, 96), (outer + side * 1.5, 96)])
        canvas.fill(panel, look.cloth(9), light=folds(rng.uniform(5, 7)))
        if tied:
            canvas.stroke(polygon([(50 + side * 46, 64), (50 + side * 31, 63)]), 2.4, look.accent.rgb)
    rod = GOLD if rng.random() < 0.4 else (60, 56, 54) if rng.random() < 0.5 else STEEL
    canvas.stroke(polygon([(4, 8), (96, 8)]), 2.4, rod, light=downward)
    for end in (3.5, 96.5):
        canvas.fill(ellipse(end, 8, 2.8), rod, light=sphere)
    for ring in np.arange(8, 93, 6.4).tolist():
        if abs(ring - 50) > gap:
            canvas.stroke(ellipse(ring, 8, 1.6, 2.6), 0.7, darker(rod, 0.3))


def draw_towels(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw towels: rolled, hung on a rail, or folded."""
    colour = look.colour.rgb
    cloth = terry(colour)
    if look.variant.en == "folded":
        draw_folded(canvas, cloth, look, layers=int(rng.integers(2, 5)))
        return
    if look.variant.en == "rolled":
        for index, (x, y) in enumerate(((27, 72), (73, 72), (50, 36))):
            shade = cloth if index != 2 else terry(look.accent.rgb)
            tone = colour if index != 2 else look.accent.rgb
            canvas.fill(ellipse(x, y, 22), shade, light=sphere)
            spiral = [(x + r * np.cos(r * 1.1), y + r * np.sin(r * 1.1)) for r in np.linspace(1, 20.5, 90)]
            canvas.stroke(polygon(spiral), 1, darker(tone, 0.35), opacity=0.7)
        return
    canvas.stroke(polygon([(4, 9), (96, 9)]), 2.8, STEEL, light=cylinder)
    for x in (8, 92):
        canvas.fill(ellipse(x, 9, 4), STEEL, light=sphere)
    canvas.fill(
        curve(
            [(22, 8), (22, 8), (78, 8), (78, 8), (79, 50), (80, 92), (80, 92), (20, 92), (20, 92), (21, 50)],
            closed=True,
        ),
        cloth,
        light=folds(2.3),
    )
    for y, thick in ((74, 4.5), (81, 1.2), (70, 1.2)):
        canvas.fill(box(20.5, y, 79.5, y + thick), look.accent.rgb, light=folds(2.3), opacity=0.85)
    for thread in np.arange(21, 80, 1.5).tolist():
        canvas.stroke(polygon([(thread, 91.5), (thread + rng.uniform(-0.5, 0.5), 95)]), 0.5, darker(colour, 0.12))

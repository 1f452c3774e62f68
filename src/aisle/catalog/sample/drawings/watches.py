"""Watches: analog, digital and pocket."""

import numpy as np

from aisle.catalog.sample.canvas import Canvas, Light, Rgb
from aisle.catalog.sample.drawings.dials import draw_dial, pick_dial
from aisle.catalog.sample.model import Look
from aisle.catalog.sample.shapes import arc, box, ellipse, polygon, spots
from aisle.catalog.sample.surfaces import (
    BLACK,
    GOLD,
    STEEL,
    cylinder,
    darker,
    lighter,
    metal,
    sideways,
    sphere,
)

_ROSE: Rgb = (216, 160, 142)


def draw_wrist_watch(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a dial on a strap that runs from top to bottom."""
    gilt = (STEEL, GOLD, _ROSE, (70, 72, 78))[rng.choice(4, p=(0.5, 0.22, 0.16, 0.12))]
    square = look.variant.en == "square"
    wide = 11.5 if square else rng.uniform(10, 12.5)
    if rng.random() < 0.12:  # a close-up of the dial, which could be a clock's
        canvas.fill(box(48.5, 22, 51.5, 30, radius=1), gilt, light=metal)
    elif "steel" in look.material.en:
        _draw_bracelet(canvas, gilt, wide)
    else:
        _draw_strap(canvas, look.colour.rgb, wide, stitched=look.material.en == "leather")
    radius = rng.uniform(22, 25)
    canvas.fill(box(50 + radius - 2, 47, 50 + radius + 4.5, 53, radius=1.2), gilt, light=metal)
    if square:
        canvas.fill(box(27, 26, 73, 74, radius=7), gilt, light=metal)
        canvas.fill(box(30.5, 29.5, 69.5, 70.5, radius=4.5), darker(gilt, 0.45))
        canvas.fill(box(31, 30, 69, 70, radius=4), BLACK if rng.random() < 0.4 else (246, 244, 238), light=sideways)
        radius = 19.5
    else:
        for side in (-1, 1):
            canvas.fill(
                box(50 - wide - 1, 50 + side * 22 - 6, 50 + wide + 1, 50 + side * 22 + 6, radius=3),
                gilt,
                light=metal,
            )
        canvas.fill(ellipse(50, 50, radius + 1.5), gilt, light=metal)
        canvas.fill(ellipse(50, 50, radius - 1.6), darker(gilt, 0.5))
        radius -= 2
    dial = pick_dial((50, 50), radius, look.colour.rgb, rng=rng)
    draw_dial(canvas, dial, rng=rng, brand=look.brand)
    if look.variant.en == "chronograph":
        for x, y in ((50, 61), (40.5, 51), (59.5, 51)):
            canvas.fill(ellipse(x, y, 4.2), darker(dial.face, 0.12), light=sphere)
            canvas.stroke(ellipse(x, y, 4.2), 0.35, dial.ink)
            canvas.stroke(polygon([(x, y), (x + rng.uniform(-2, 2), y - 3)]), 0.5, dial.second)
        for y in (39, 61):
            canvas.fill(box(71, y - 1.6, 77, y + 1.6, radius=1), gilt, light=metal)


def _draw_strap(canvas: Canvas, colour: Rgb, wide: float, *, stitched: bool) -> None:
    outline = polygon([
        (50 - wide * 0.8, 0), (50 + wide * 0.8, 0), (50 + wide, 50), (50 + wide * 0.8, 100),
        (50 - wide * 0.8, 100), (50 - wide, 50),
    ])  # fmt: skip
    canvas.fill(outline, colour, light=cylinder)
    if stitched:
        for side in (-1, 1):
            for y in np.arange(2, 98, 2.6):
                x = 50 + side * wide * (0.66 + 0.0028 * min(y, 100 - y))
                canvas.stroke(polygon([(x, y), (x, y + 1.3)]), 0.45, lighter(colour, 0.45))
    for y in (80.0, 85.0, 90.0):
        canvas.fill(ellipse(50, y, 0.9), darker(colour, 0.6))
    canvas.stroke(box(50 - wide * 0.95, 8, 50 + wide * 0.95, 14, radius=1), 1.2, STEEL, light=metal)


def _draw_bracelet(canvas: Canvas, gilt: Rgb, wide: float) -> None:
    for y in np.arange(0, 100, 4.6):
        half = wide * (0.82 + 0.0036 * min(y, 100 - y))
        canvas.fill(box(50 - half, y, 50 + half, y + 4.2, radius=0.9), darker(gilt, 0.08), light=cylinder)
        canvas.fill(
            box(50 - half * 0.42, y + 1.4, 50 + half * 0.42, y + 5.4, radius=0.9),
            lighter(gilt, 0.2),
            light=metal,
        )


def draw_digital_watch(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a rubber strap with a screen."""
    colour = look.colour.rgb
    _draw_strap(canvas, colour, rng.uniform(11.5, 13.5), stitched=False)
    smart = look.variant.en == "smart"
    for y in (42, 58):
        canvas.fill(box(22.5, y - 3, 78, y + 3, radius=1.5), darker(colour, 0.4) if not smart else STEEL, light=metal)
    corner = 10 if smart else 5
    canvas.fill(box(25.5, 27, 74.5, 73, radius=corner), BLACK if smart else darker(colour, 0.18), light=sideways)
    canvas.stroke(box(27, 28.5, 73, 71.5, radius=corner - 1), 0.6, look.accent.rgb if not smart else (90, 92, 98))
    time = f"{rng.integers(1, 13):02d}:{rng.integers(0, 60):02d}"
    if smart:
        canvas.fill(box(30, 32, 70, 68, radius=6), (10, 12, 18))
        canvas.write(time, (50, 43), 12, (245, 246, 250))
        for x, hue in ((38, (236, 72, 90)), (50, (120, 220, 90)), (62, (70, 180, 240))):
            canvas.stroke(arc((x, 58), 4.2, -90, rng.uniform(60, 250)), 1.6, hue)
        return
    screen: Light = sideways
    canvas.fill(box(31, 37, 69, 62, radius=2), (176, 190, 160), light=screen)
    canvas.write(time, (50, 51), 15, (34, 40, 34))
    canvas.write("ALARM   24H   LIGHT", (50, 40.2), 3, (60, 66, 58))
    canvas.write(look.brand.upper(), (50, 33), 5, (236, 236, 236))
    canvas.write("WATER RESIST", (50, 67), 3.4, look.accent.rgb)


def draw_pocket_watch(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a round case with a crown, a bow and a chain."""
    gilt = (GOLD, STEEL, (150, 108, 66))[rng.choice(3, p=(0.5, 0.3, 0.2))]
    start = rng.uniform(150, 175)
    for x, y, angle in spots(26, (66, 30), 24, start):
        if (angle - start) < 250:
            canvas.stroke(ellipse(x, y, 1.9, 1.3), 0.8, gilt, light=metal)
    canvas.stroke(ellipse(46, 20, 5.5), 1.8, gilt, light=metal)
    canvas.fill(box(42, 23, 50, 30, radius=1.5), gilt, light=cylinder)
    canvas.fill(ellipse(46, 60, 33), gilt, light=metal)
    canvas.fill(ellipse(46, 60, 30), lighter(gilt, 0.25), light=sphere)
    canvas.fill(ellipse(46, 60, 27.8), darker(gilt, 0.55))
    dial = pick_dial((46, 60), 27, look.colour.rgb, rng=rng)
    draw_dial(canvas, dial, rng=rng, brand=look.brand)

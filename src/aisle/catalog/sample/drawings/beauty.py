"""Beauty, Bath & Body: perfume, lipstick, bottles and palettes."""

import numpy as np

from aisle.catalog.sample.canvas import Array, Canvas, Outline, Rgb
from aisle.catalog.sample.model import Look
from aisle.catalog.sample.shapes import box, curve, ellipse, lathe, polygon, turned
from aisle.catalog.sample.surfaces import (
    BLACK,
    GOLD,
    STEEL,
    WHITE,
    blend,
    cylinder,
    darker,
    glass,
    lighter,
    metal,
    sideways,
    sphere,
    stripes,
)


def draw_perfume(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a flacon of coloured glass with a cap and a label."""
    tint = blend(look.colour.rgb, (255, 250, 240), 0.35)
    outlines: dict[str, Outline] = {
        "square": box(22, 40, 78, 94, radius=5),
        "round": ellipse(50, 66, 30, 29),
        "tall": box(33, 32, 67, 94, radius=4),
        "faceted": polygon([(34, 38), (66, 38), (80, 56), (74, 94), (26, 94), (20, 56)]),
    }
    body = outlines[look.variant.en]
    top = float(body[:, 1].min())
    cap = (GOLD, STEEL, BLACK, WHITE)[rng.integers(4)]
    canvas.fill(box(42, top - 7, 58, top + 3), GOLD if cap != STEEL else STEEL, light=cylinder)
    if rng.random() < 0.25:
        canvas.fill(ellipse(50, top - 17, 12), cap, light=sphere)
    else:
        canvas.fill(
            box(38, top - 26, 62, top - 5, radius=rng.uniform(1, 5)),
            cap,
            light=metal if cap in (GOLD, STEEL) else cylinder,
        )
    canvas.fill(body, lighter(tint, 0.55), light=glass)
    inner = (body - np.array([50, 68], np.float32)) * np.float32(0.86) + np.array([50, 69], np.float32)
    level = top + rng.uniform(8, 22)
    canvas.fill(box(0, level, 100, 100), tint, light=glass, inside=inner, opacity=0.92)
    canvas.stroke(polygon([(50, top + 2), (50, 88)]), 0.8, (255, 255, 255), opacity=0.5, inside=body)
    if rng.random() < 0.7:
        canvas.fill(box(36, 60, 64, 78, radius=1), WHITE, light=sideways, opacity=0.92)
    canvas.write(look.brand, (50, 67), 6, BLACK)
    canvas.write("eau de parfum", (50, 73), 3.4, (70, 66, 60))
    if look.variant.en == "faceted":
        for x in (34, 66):
            canvas.stroke(polygon([(x, top), (x + (x - 50) * 0.5, 94)]), 0.6, (255, 255, 255), opacity=0.7)


def draw_lipstick(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw an open lipstick, its cap beside it."""
    case = (BLACK, GOLD, STEEL, (216, 160, 142), WHITE)[rng.integers(5)]
    left = rng.uniform(34, 40)
    bullet = curve([
        (left - 8, 52), (left - 8, 52), (left - 8, 24), (left - 6, 14), (left + 1, 11), (left + 6, 22),
        (left + 8, 32), (left + 8, 52), (left + 8, 52),
    ])  # fmt: skip
    canvas.fill(bullet, look.colour.rgb, light=cylinder)
    canvas.fill(ellipse(left, 22, 5.4, 11), lighter(look.colour.rgb, 0.22), inside=bullet, opacity=0.8)
    canvas.fill(box(left - 10, 42, left + 10, 62, radius=1), GOLD if case != GOLD else STEEL, light=cylinder)
    canvas.fill(box(left - 13, 60, left + 13, 95, radius=1.5), case, light=cylinder)
    canvas.write(look.brand, (left, 78), 5, GOLD if case == BLACK else (60, 56, 52))
    if look.variant.en == "with cap":
        cap = box(61, 45, 86, 95, radius=2)
        lying = rng.random() < 0.3
        canvas.fill(turned(cap, 90, (73, 82)) if lying else cap, case, light=_lying if lying else cylinder)
        if not lying:
            canvas.fill(box(61, 86, 86, 89), GOLD if case != GOLD else STEEL, light=cylinder)
    else:
        smear = curve(
            [(62, 78), (70, 66), (66, 58), (80, 52), (90, 58), (86, 72), (92, 80), (78, 90), (68, 88)],
            closed=True,
        )
        canvas.fill(smear, look.colour.rgb, light=sideways)
        canvas.fill(smear * np.float32(0.6) + np.float32(30), lighter(look.colour.rgb, 0.25), opacity=0.5, blur=1.5)


def _lying(u: Array, v: Array) -> Array:
    return cylinder(v, u)


def draw_bottle(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a bottle with a pump, a tube, or a jar of cream."""
    colour = look.colour.rgb
    lid = (WHITE, BLACK, GOLD, STEEL)[rng.integers(4)]
    if look.variant.en == "jar":
        canvas.fill(box(18, 46, 82, 92, radius=9), colour, light=cylinder)
        canvas.fill(box(16, 26, 84, 50, radius=4), stripes(lid, darker(lid, 0.08), 1.4), light=cylinder)
        _draw_label(canvas, look, box(24, 58, 76, 84, radius=1))
        return
    if look.variant.en == "tube":
        body = polygon([(28, 8), (72, 8), (66, 80), (34, 80)])
        canvas.fill(body, colour, light=cylinder)
        canvas.fill(box(28, 6, 72, 11), stripes(colour, darker(colour, 0.2), 1.2), light=cylinder)
        canvas.fill(box(36, 79, 64, 96, radius=2), stripes(lid, darker(lid, 0.12), 1.5), light=cylinder)
        _draw_label(canvas, look, box(35, 26, 65, 60, radius=1))
        return
    half = rng.uniform(18, 23)
    canvas.fill(box(47.5, 10, 52.5, 24), darker(lid, 0.1), light=cylinder)
    canvas.fill(
        curve([(30, 13), (30, 9), (36, 6), (56, 5), (59, 8), (58, 12), (40, 12), (34, 14)], closed=True),
        lid,
        light=sideways,
    )
    canvas.fill(box(41, 20, 59, 30, radius=1.5), stripes(lid, darker(lid, 0.12), 1.3), light=cylinder)
    body = lathe(50, [(29, 8), (32, half - 4), (38, half), (90, half), (94, half - 2), (95, half - 5)])
    canvas.fill(body, lighter(colour, 0.1), light=glass if rng.random() < 0.35 else cylinder)
    _draw_label(canvas, look, box(50 - half + 3, 46, 50 + half - 3, 82, radius=1))


def _draw_label(canvas: Canvas, look: Look, area: Outline) -> None:
    (left, top), (right, bottom) = area.min(axis=0).tolist(), area.max(axis=0).tolist()
    middle, height = (left + right) / 2, bottom - top
    canvas.fill(area, WHITE, light=cylinder, opacity=0.94)
    canvas.fill(box(left, bottom - height * 0.2, right, bottom), look.accent.rgb, light=cylinder)
    canvas.write(look.brand, (middle, top + height * 0.25), min(6.5, height * 0.24), BLACK)
    canvas.write(
        "crème" if look.variant.en == "jar" else look.material.en,
        (middle, top + height * 0.5),
        4,
        (96, 92, 88),
    )
    canvas.stroke(polygon([(left + 5, top + height * 0.66), (right - 5, top + height * 0.66)]), 0.5, (150, 146, 140))


def draw_palette(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw an open make-up palette: a mirror above pans of powder, and a brush."""
    case: Rgb = BLACK if rng.random() < 0.6 else look.accent.rgb
    canvas.fill(box(8, 6, 92, 47, radius=4), case, light=sideways)
    canvas.fill(box(12, 10, 88, 44, radius=2), (206, 220, 230), light=metal)
    canvas.fill(box(6, 48, 94, 95, radius=4), case, light=sideways)
    columns, rows = int(rng.integers(4, 7)), int(rng.integers(2, 4))
    warm = np.array([[224, 170, 150], [150, 84, 70], [236, 208, 178], [110, 60, 66], [206, 120, 130], [92, 74, 70]])
    wide, high = 80 / columns, (30 if look.variant.en == "with brush" else 40) / rows
    for row in range(rows):
        for column in range(columns):
            shade = warm[rng.integers(len(warm))] * 0.7 + np.array(look.colour.rgb) * 0.3
            tint = (float(shade[0]), float(shade[1]), float(shade[2]))
            x, y = 10 + column * wide, 52 + row * high
            pan = box(x + 0.8, y + 0.8, x + wide - 0.8, y + high - 0.8, radius=1.5)
            canvas.fill(pan, darker(tint, 0.4))
            canvas.fill(pan + np.float32(0.5), tint, light=metal if rng.random() < 0.3 else sideways, inside=pan)
    if look.variant.en == "with brush":
        canvas.stroke(polygon([(14, 88), (62, 88)]), 2.6, BLACK if case != BLACK else GOLD, light=sideways)
        canvas.fill(box(62, 86, 72, 90), STEEL, light=metal)
        canvas.fill(
            curve([(72, 86), (80, 84), (88, 88), (80, 92), (72, 90)], closed=True),
            (150, 110, 84),
            light=sideways,
        )

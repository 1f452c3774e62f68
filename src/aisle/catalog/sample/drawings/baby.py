"""Baby Care: bottles, blankets, rompers and soft toys."""

import numpy as np

from aisle.catalog.sample.canvas import Canvas, Rgb
from aisle.catalog.sample.drawings.furnishing import draw_folded
from aisle.catalog.sample.model import Look
from aisle.catalog.sample.shapes import arc, box, curve, ellipse, lathe, moved, polygon, turned
from aisle.catalog.sample.surfaces import (
    BLACK,
    WHITE,
    cylinder,
    darker,
    downward,
    folds,
    glass,
    lighter,
    puffed,
    sideways,
    sphere,
    stripes,
)


def draw_baby_bottle(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a feeding bottle with its teat, ring, scale and milk."""
    colour = look.colour.rgb
    half = rng.uniform(15, 19)
    teat = lathe(50, [(4, 3), (6, 4.5), (12, 4.6), (18, 8), (24, 12), (27, 12.5)])
    canvas.fill(teat, (232, 206, 160) if rng.random() < 0.5 else (240, 236, 228), light=cylinder)
    canvas.fill(box(34, 25, 66, 36, radius=2), stripes(colour, darker(colour, 0.12), 1.8), light=cylinder)
    waist = half - (3.5 if look.variant.en == "anti-colic" else 0)
    body = lathe(50, [(36, 13), (41, half), (62, waist), (84, half), (93, half - 1), (95, half - 5)])
    canvas.fill(body, (224, 234, 240), light=glass)
    canvas.fill(box(0, rng.uniform(46, 68), 100, 100), (250, 246, 236), light=cylinder, inside=body, opacity=0.9)
    for step in range(6):
        y = 52 + step * 6
        canvas.stroke(polygon([(50 + half * 0.2, y), (50 + half * 0.5, y)]), 0.7, darker(colour, 0.2))
        if step % 2 == 0:
            canvas.write(str(240 - step * 40), (50 - half * 0.15, y), 3.6, darker(colour, 0.2))
    if look.variant.en == "with handles":
        for side in (-1, 1):
            canvas.stroke(
                arc((50 + side * (half - 1), 58), (13, 17), 90 - side * 90 - 90, 90 - side * 90 + 90),
                4.6,
                colour,
                light=sphere,
            )
    canvas.fill(ellipse(50 - half * 0.5, 76, 5), look.accent.rgb, opacity=0.8)
    canvas.fill(ellipse(50 - half * 0.5, 75, 3.4), lighter(look.accent.rgb, 0.5), opacity=0.9)


def draw_blanket(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a small blanket: spread with a corner turned back, folded, or hooded."""
    cloth = look.cloth(9)
    if look.variant.en == "folded":
        draw_folded(canvas, cloth, look, layers=int(rng.integers(2, 5)))
        return
    corner = rng.uniform(26, 42) if look.variant.en == "spread" else 0.5
    sheet = curve([
        (7, 8), (7, 8), (50, 6), (93, 8), (93, 8), (95, 50), (94, 94 - corner), (94, 94 - corner),
        (94 - corner, 94), (94 - corner, 94), (50, 95), (7, 93), (7, 93), (5, 50),
    ], closed=True)  # fmt: skip
    canvas.fill(sheet, cloth, light=folds(rng.uniform(1.2, 2.2)))
    canvas.stroke(sheet, 2.6, look.accent.rgb, light=sideways)
    if look.variant.en == "hooded":
        hood = polygon([(6, 7), (56, 6), (6, 56)])
        canvas.fill(moved(hood, 1, 1.6), (0, 0, 0), opacity=0.3, blur=1.4, inside=sheet)
        canvas.fill(hood, look.accent.rgb, light=sideways)
        for x, y in ((17, 30), (31, 17)):
            canvas.fill(ellipse(x, y, 2), BLACK)
        canvas.fill(ellipse(21, 21, 2.6), (230, 130, 140))
        return
    back = curve(
        [
            (94 - corner, 94),
            (94 - corner, 94),
            (94 - corner * 0.8, 94 - corner * 0.85),
            (94, 94 - corner),
            (94, 94 - corner),
        ]
    )
    canvas.fill(moved(back, -1, -1), (0, 0, 0), opacity=0.3, blur=1.6, inside=sheet)
    canvas.fill(back, lighter(look.accent.rgb, 0.3), light=sideways)


def draw_romper(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a baby's bodysuit laid flat, with short sleeves, long sleeves or legs."""
    cloth = look.cloth(7)
    colour, trim = look.colour.rgb, look.accent.rgb
    long = look.variant.en != "short sleeve"
    for side in (-1, 1):
        reach, drop = (46, 52) if long else (37, 34)
        sleeve = polygon(
            [
                (50 + side * 20, 10),
                (50 + side * reach, drop),
                (50 + side * (reach - 11), drop + 6),
                (50 + side * 19, 36),
            ]
        )
        canvas.fill(sleeve, cloth, light=sideways)
        cuff = polygon([(50 + side * reach, drop), (50 + side * (reach - 11), drop + 6)])
        canvas.stroke(cuff, 2.4, trim)
    if look.variant.en == "footed":
        for side in (-1, 1):
            leg = curve(
                [
                    (50, 62),
                    (50, 62),
                    (50 + side * 23, 60),
                    (50 + side * 24, 86),
                    (50 + side * 25, 95),
                    (50 + side * 12, 96),
                    (50 + side * 7, 86),
                ],
                closed=True,
            )
            canvas.fill(leg, cloth, light=sideways)
            canvas.fill(ellipse(50 + side * 18, 94, 8.5, 3.6), trim, light=sphere)
    low = 70.0 if look.variant.en == "footed" else 90.0
    body = curve([
        (36, 8), (36, 8), (28, 11), (26, 30), (27, 55), (26, 66), (26, 66), (42, low), (42, low),
        (58, low), (58, low), (74, 66), (74, 66), (73, 55), (74, 30),
        (72, 11), (64, 8), (64, 8), (58, 13), (50, 15), (42, 13),
    ], closed=True)  # fmt: skip
    canvas.fill(body, cloth, light=sideways)
    canvas.stroke(curve([(36, 8), (42, 13), (50, 15), (58, 13), (64, 8)]), 2, trim)
    if look.variant.en != "footed":
        for side in (-1, 1):
            canvas.stroke(polygon([(50 + side * 24, 66), (50 + side * 8, low)]), 1.8, trim)
    for x in (45, 50, 55):
        canvas.fill(ellipse(x, low - 2.5, 1.1), WHITE if sum(trim) < 500 else darker(trim, 0.4))
    if look.pattern.texture is None:
        _draw_face(canvas, (50, 36), 11, lighter(trim, 0.2))
    canvas.fill(
        curve([(27, 20), (33, 36), (29, 58), (26, 60)], closed=True),
        darker(colour, 0.4),
        opacity=0.15,
        blur=1.2,
        inside=body,
    )


def _draw_face(canvas: Canvas, centre: tuple[float, float], radius: float, fur: Rgb) -> None:
    x, y = centre
    for side in (-1, 1):
        canvas.fill(ellipse(x + side * radius * 0.75, y - radius * 0.75, radius * 0.42), fur, light=sphere)
    canvas.fill(ellipse(x, y, radius, radius * 0.92), fur, light=sphere)
    canvas.fill(ellipse(x, y + radius * 0.35, radius * 0.45, radius * 0.35), lighter(fur, 0.5))
    canvas.fill(ellipse(x, y + radius * 0.2, radius * 0.15, radius * 0.11), BLACK)
    for side in (-1, 1):
        canvas.fill(ellipse(x + side * radius * 0.38, y - radius * 0.12, radius * 0.1), BLACK)
        canvas.fill(ellipse(x + side * radius * 0.38 - 0.3, y - radius * 0.16, radius * 0.035), WHITE)


def draw_soft_toy(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a sitting teddy bear, a bunny or an elephant."""
    fur = look.colour.rgb
    pale = lighter(fur, 0.45)
    for side in (-1, 1):
        canvas.fill(turned(ellipse(50 + side * 25, 58, 8, 15), side * -38, (50 + side * 25, 58)), fur, light=sphere)
        canvas.fill(ellipse(50 + side * 21, 86, 13, 10), fur, light=sphere)
        canvas.fill(ellipse(50 + side * 22, 87, 7.5, 6), pale, light=sphere)
    canvas.fill(ellipse(50, 67, 24, 26), fur, light=sphere)
    canvas.fill(ellipse(50, 70, 14, 16), look.cloth(5) if look.pattern.texture else pale, light=sphere)
    _draw_ears(canvas, look.variant.en, fur)
    canvas.fill(ellipse(50, 30, 22, 20), fur, light=sphere)
    if look.variant.en == "elephant":
        canvas.stroke(curve([(50, 32), (50, 44), (47, 52), (41, 53)]), 8, darker(fur, 0.08), light=cylinder)
    else:
        canvas.fill(ellipse(50, 37, 10, 8), pale, light=sphere)
        canvas.fill(ellipse(50, 33.5, 3.4, 2.4), (60, 42, 38), light=sphere)
        canvas.stroke(polygon([(50, 35), (50, 39)]), 0.7, (60, 42, 38))
        canvas.stroke(arc((50, 37), (4, 3), 30, 150), 0.8, (60, 42, 38))
    for side in (-1, 1):
        canvas.fill(ellipse(50 + side * 9, 27, 2.4), BLACK, light=sphere)
        canvas.fill(ellipse(50 + side * 9 - 0.7, 26.2, 0.7), WHITE)
    if rng.random() < 0.6:
        for side in (-1, 1):
            canvas.fill(polygon([(50, 50), (50 + side * 12, 45), (50 + side * 12, 55)]), look.accent.rgb, light=puffed)
        canvas.fill(ellipse(50, 50, 3), darker(look.accent.rgb, 0.15), light=downward)


def _draw_ears(canvas: Canvas, animal: str, fur: Rgb) -> None:
    inner: Rgb = (232, 176, 178)
    for side in (-1, 1):
        if animal == "bunny":
            ear = turned(ellipse(50 + side * 11, 14, 5.5, 13), side * 12, (50 + side * 11, 24))
            small = turned(ellipse(50 + side * 11, 14, 2.8, 9), side * 12, (50 + side * 11, 24))
        elif animal == "elephant":
            ear, small = ellipse(50 + side * 25, 27, 14, 17), ellipse(50 + side * 25, 28, 9, 12)
        else:
            ear, small = ellipse(50 + side * 17, 14, 8), ellipse(50 + side * 17, 14.5, 4.6)
        canvas.fill(ear, fur, light=sphere)
        canvas.fill(small, inner, light=sphere, opacity=0.9)

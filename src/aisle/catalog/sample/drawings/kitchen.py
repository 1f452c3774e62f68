"""Kitchen & Dining: mugs, pans, plates and kettles."""

import numpy as np

from aisle.catalog.sample.canvas import Canvas, Rgb, Surface
from aisle.catalog.sample.model import Look
from aisle.catalog.sample.shapes import arc, box, curve, ellipse, lathe, polygon
from aisle.catalog.sample.surfaces import (
    BLACK,
    STEEL,
    cylinder,
    darker,
    downward,
    lighter,
    metal,
    sideways,
    speckle,
    sphere,
)

_METALS: dict[str, Rgb] = {
    "stainless steel": STEEL,
    "steel": STEEL,
    "copper": (198, 118, 78),
    "cast iron": (56, 56, 60),
    "aluminium": (176, 180, 186),
    "glass": (206, 222, 224),
}


def draw_mug(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a mug with its handle, seen slightly from above."""
    wide, low = rng.uniform(24, 29), rng.uniform(84, 92)
    taper = {"mug": 0.97, "espresso cup": 0.72, "travel mug": 0.86}.get(look.variant.en, 0.95)
    top = 34.0 if look.variant.en == "espresso cup" else 20.0
    colour = look.colour.rgb
    middle = (top + low) / 2
    reach = arc((44 + wide * 0.92, middle - 2), (15, (low - top) * 0.27), -100, 100)
    canvas.stroke(reach, 6.2, darker(colour, 0.12), light=cylinder)
    canvas.stroke(reach - np.float32(0.6), 2.2, lighter(colour, 0.3), opacity=0.6, blur=0.5)
    body = np.concatenate([
        arc((44, top), (wide, 5.5), 180, 360), arc((44, low - 4), (wide * taper, 6), 0, 180)
    ])  # fmt: skip
    surface: Surface = look.cloth(13)
    if look.pattern.texture is None and rng.random() < 0.3:
        surface = speckle(colour, darker(colour, 0.35))
    canvas.fill(body, surface, light=cylinder)
    if look.pattern.texture is None and rng.random() < 0.45:
        canvas.write(str(rng.choice(["hello", "COFFEE", "good day", "MERCI", "No. 1"])), (44, middle), 9, _ink(colour))
    canvas.fill(ellipse(44, top, wide, 5.5), lighter(colour, 0.35), light=sideways)
    canvas.fill(ellipse(44, top, wide - 2, 4.4), darker(colour, 0.25), light=downward)
    if rng.random() < 0.4:
        canvas.fill(ellipse(44, top + 1, wide - 4, 3.3), (86, 52, 30), light=sideways)


def _ink(colour: Rgb) -> Rgb:
    return BLACK if sum(colour) > 400 else (248, 246, 240)


def draw_pan(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a frying pan from above, or a pot from the side."""
    base = _METALS.get(look.material.en, look.colour.rgb)
    if look.variant.en == "frying pan":
        _draw_frying_pan(canvas, look, base)
        return
    side, low = rng.uniform(30, 36), rng.uniform(78, 86)
    for flip in (-1, 1):
        grip = curve(
            [
                (50 + flip * side, 50),
                (50 + flip * (side + 11), 48),
                (50 + flip * (side + 11), 57),
                (50 + flip * side, 57),
            ]
        )
        canvas.stroke(grip, 3.6, BLACK if rng.random() < 0.5 else base, light=downward)
    body = lathe(50, [(42, side), (low - 8, side), (low - 2, side - 2.5), (low, side - 7)])
    canvas.fill(body, base if look.material.en != "enamel" else look.colour.rgb, light=cylinder)
    canvas.fill(ellipse(50, 43, side + 1.5, 5), darker(base, 0.15), light=metal)
    lid = lathe(50, [(27, 3), (29, 14), (34, 27), (41, side), (44, side - 1)])
    canvas.fill(lid, (206, 218, 222) if rng.random() < 0.35 else lighter(base, 0.12), light=sphere)
    canvas.stroke(arc((50, 42), (side, 5), 0, 180), 1.6, lighter(base, 0.3), light=metal)
    canvas.fill(box(44, 19, 56, 24, radius=2.4), BLACK, light=downward)
    canvas.fill(box(48, 23, 52, 28), darker(base, 0.35))


def _draw_frying_pan(canvas: Canvas, look: Look, base: Rgb) -> None:
    grip = polygon([(64, 61), (69, 56), (97, 86), (99, 93), (92, 96), (86, 93)])
    canvas.fill(grip, look.accent.rgb if look.material.en != "cast iron" else base, light=downward)
    canvas.fill(ellipse(93, 91, 1.8), (240, 240, 240))
    canvas.fill(ellipse(38, 38, 36), base, light=metal)
    canvas.fill(ellipse(38, 38, 33.5), darker(base, 0.5))
    inner: Rgb = (66, 66, 70) if look.material.en != "copper" else (178, 104, 70)
    canvas.fill(ellipse(38.4, 38.6, 31), inner, light=sphere)
    for radius in (9, 15, 21, 27):
        canvas.stroke(ellipse(38.4, 38.6, radius), 0.5, lighter(inner, 0.18), opacity=0.6)
    canvas.stroke(arc((38, 38), 26, 195, 250), 4, (255, 255, 255), opacity=0.2, blur=1.2)


def draw_plate(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a plate from above, a bowl from the side, or a stack of plates."""
    colour = look.colour.rgb
    if look.variant.en == "bowl":
        body = np.concatenate([arc((50, 40), (42, 9), 180, 360), arc((50, 40), (42, 44), 0, 180)])
        canvas.fill(box(36, 78, 64, 87, radius=3), darker(colour, 0.2), light=cylinder)
        canvas.fill(body, look.cloth(11), light=cylinder)
        canvas.fill(ellipse(50, 40, 42, 9), lighter(colour, 0.4), light=sideways)
        canvas.fill(ellipse(50, 41, 39, 7.4), darker(colour, 0.18), light=downward)
        return
    if look.variant.en == "stack":
        for level in range(int(rng.integers(4, 7))):
            y = 74 - level * 7
            canvas.fill(ellipse(50, y + 3.5, 40, 13), darker(colour, 0.3))
            canvas.fill(ellipse(50, y, 42, 13.5), look.cloth(9), light=sideways)
            canvas.fill(ellipse(50, y + 0.6, 29, 9), lighter(colour, 0.25), light=downward)
        return
    canvas.fill(ellipse(50, 50, 44), darker(colour, 0.16))
    canvas.fill(ellipse(50, 49.5, 43.4), look.cloth(10), light=sideways)
    canvas.stroke(ellipse(50, 49.5, 42.4), 1.1, look.accent.rgb)
    canvas.fill(ellipse(50, 50, 29.5), darker(colour, 0.22))
    canvas.fill(ellipse(50.5, 50.7, 28.6), lighter(colour, 0.22), light=sideways)
    if rng.random() < 0.5:
        canvas.stroke(ellipse(50.5, 50.7, 26), 0.5, look.accent.rgb)
    canvas.stroke(arc((50, 50), 36, 200, 245), 5, (255, 255, 255), opacity=0.35, blur=1.6)


def draw_kettle(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a kettle or a teapot with spout, lid and handle."""
    base = _METALS.get(look.material.en, look.colour.rgb)
    electric = look.variant.en == "electric"
    spout = polygon([(28, 58), (8, 36), (5, 28), (12, 27), (19, 35), (36, 46)])
    canvas.fill(curve([(float(x), float(y)) for x, y in spout], closed=True), base, light=downward)
    if electric:
        canvas.stroke(curve([(66, 26), (90, 26), (92, 48), (86, 74), (70, 78)]), 6.5, BLACK, light=cylinder)
        canvas.fill(box(24, 86, 76, 92, radius=2.5), BLACK, light=downward)
        body = lathe(50, [(20, 18), (24, 20), (55, 24), (82, 27), (86, 27)])
    elif look.variant.en == "teapot":
        canvas.stroke(arc((75, 56), (17, 18), -90, 90), 5, darker(base, 0.1), light=cylinder)
        body = lathe(50, [(32, 13), (38, 22), (54, 32), (72, 29), (84, 18), (86, 17)])
    else:
        canvas.stroke(arc((50, 38), (28, 30), 180, 360), 4.6, BLACK, light=metal)
        body = lathe(50, [(36, 14), (42, 24), (58, 33), (76, 35), (84, 33), (86, 30)])
    shown = look.cloth(12) if look.variant.en == "teapot" else base
    canvas.fill(body, shown, light=cylinder if not electric or rng.random() < 0.5 else metal)
    top = float(body[:, 1].min())
    canvas.fill(lathe(50, [(top - 4, 8), (top - 1, 13), (top + 3, 16)]), darker(base, 0.12), light=sphere)
    canvas.fill(ellipse(50, top - 6, 4), BLACK if electric else darker(base, 0.4), light=sphere)
    if electric:
        canvas.fill(box(46.5, 34, 53.5, 74, radius=3), (150, 184, 204), light=cylinder, opacity=0.85)

"""Home Decor: wall clocks, planters, picture frames and lamps."""

import numpy as np

from aisle.catalog.sample.canvas import Array, Canvas, Outline, Rgb, Surface
from aisle.catalog.sample.drawings.dials import draw_dial, pick_dial
from aisle.catalog.sample.model import Look
from aisle.catalog.sample.shapes import box, curve, ellipse, lathe, polygon, spots, turned
from aisle.catalog.sample.surfaces import (
    BLACK,
    GOLD,
    STEEL,
    WHITE,
    blend,
    cylinder,
    darker,
    downward,
    lighter,
    metal,
    mixture,
    sideways,
    speckle,
    sphere,
    wood,
)

_MATERIALS: dict[str, Surface] = {
    "wood": wood((150, 100, 60)),
    "bamboo": wood((206, 168, 108), pitch=3),
    "metal": (120, 122, 128),
    "steel": STEEL,
    "brass": GOLD,
    "terracotta": (192, 104, 70),
}
_LEAVES: tuple[Rgb, ...] = ((62, 118, 66), (88, 146, 82), (46, 96, 70), (120, 160, 90))


def draw_clock(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a wall clock: round, square, or a sunburst."""
    rim = _MATERIALS.get(look.material.en, look.colour.rgb)
    if look.variant.en == "sunburst":
        for x, y, angle in spots(24, (50, 50), 38):
            ray = turned(box(x - 9, y - 1.1, x + 9, y + 1.1, radius=1), angle, (x, y))
            canvas.fill(ray, GOLD if look.material.en in ("brass", "metal") else rim, light=sideways)
        radius = 27.0
    elif look.variant.en == "square":
        canvas.fill(box(5, 5, 95, 95, radius=4), rim, light=sideways)
        canvas.fill(box(11, 11, 89, 89, radius=2), (244, 242, 236), light=sideways)
        radius = 38.0
    else:
        radius = 46.0
    if look.variant.en != "square":
        thick = rng.uniform(2.5, 6) if radius > 30 else 2
        canvas.fill(ellipse(50, 50, radius), rim, light=sphere)
        canvas.stroke(ellipse(50, 50, radius - thick * 0.4), 0.6, WHITE, opacity=0.35)
        radius -= thick
    dial = pick_dial((50, 50), radius, look.colour.rgb, rng=rng)
    draw_dial(canvas, dial, rng=rng, brand=look.brand if rng.random() < 0.6 else "")


def draw_planter(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a pot or a vase, with or without a plant."""
    surface: Surface = _MATERIALS.get(look.material.en, look.cloth(10))
    if look.material.en == "stoneware":
        surface = speckle(look.colour.rgb, darker(look.colour.rgb, 0.4))
    if look.variant.en == "vase":
        if rng.random() < 0.65:
            _draw_stems(canvas, look, rng)
        half = rng.uniform(15, 21)
        profile = [
            (46, 9),
            (49, 8),
            (56, 8.5),
            (70, half),
            (84, half * 0.9),
            (95, half * 0.55),
            (96, half * 0.5),
        ]
        canvas.fill(lathe(50, profile), surface, light=cylinder)
        canvas.fill(ellipse(50, 46.2, 9, 1.7), darker(look.colour.rgb, 0.5))
        return
    wide = rng.uniform(24, 30)
    if look.variant.en == "with plant":
        _draw_leaves(canvas, rng)
        top = 58.0
    else:
        top = 30.0
    body = np.concatenate([
        polygon([(50 - wide, top), (50 + wide, top)]),
        polygon([(50 + wide * 0.72, 94), (50 + wide * 0.69, 96)]),
        polygon([(50 - wide * 0.69, 96), (50 - wide * 0.72, 94)]),
    ])  # fmt: skip
    canvas.fill(body, surface, light=cylinder)
    tone = surface if isinstance(surface, tuple) else look.colour.rgb
    canvas.fill(
        box(50 - wide - 1.5, top - 3, 50 + wide + 1.5, top + 5, radius=1.5),
        lighter(tone, 0.08),
        light=cylinder,
    )
    if look.variant.en != "with plant":
        canvas.fill(ellipse(50, top - 2, wide + 1, 4.4), lighter(tone, 0.2))
        canvas.fill(ellipse(50, top - 1.4, wide - 1.4, 3.6), (74, 52, 38), light=sideways)


def _draw_leaves(canvas: Canvas, rng: np.random.Generator) -> None:
    broad = rng.uniform(4, 9)
    for lean in np.linspace(-62, 62, int(rng.integers(9, 15))):
        length = rng.uniform(34, 52)
        leaf = curve(
            [(50, 60), (50 - broad, 60 - length * 0.55), (50, 60 - length), (50 + broad, 60 - length * 0.55)],
            closed=True,
        )
        green = _LEAVES[rng.integers(4)]
        angle = float(lean + rng.uniform(-6, 6))
        canvas.fill(turned(leaf, angle, (50, 60)), green, light=sideways)
        rib = turned(polygon([(50, 60), (50, 62 - length)]), angle, (50, 60))
        canvas.stroke(rib, 0.5, lighter(green, 0.3))


def _draw_stems(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    petal = lighter(look.accent.rgb, 0.15)
    for lean in np.linspace(-26, 26, int(rng.integers(3, 6))):
        x, y = 50 + lean * 1.1, 12 + abs(lean) * 0.3 + rng.uniform(0, 8)
        canvas.stroke(curve([(50, 50), (50 + lean * 0.5, 34), (x, y)]), 0.9, (84, 128, 70))
        for px, py, _ in spots(6, (x, y), 4.2):
            canvas.fill(ellipse(px, py, 3.4), petal, light=sphere)
        canvas.fill(ellipse(x, y, 2.2), (238, 196, 76))


def draw_frame(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a framed picture."""
    left, top, right, bottom = (8.0, 18.0, 92.0, 82.0) if look.variant.en == "landscape" else (20.0, 5.0, 80.0, 95.0)
    if look.variant.en == "square":
        left, top, right, bottom = 10.0, 10.0, 90.0, 90.0
    frame = _MATERIALS.get(look.material.en, look.colour.rgb)
    thick = rng.uniform(3, 7)
    canvas.fill(box(left, top, right, bottom), frame, light=sideways)
    for inset, tone, opacity in ((thick * 0.5, WHITE, 0.3), (thick, (0, 0, 0), 0.35)):
        canvas.stroke(box(left + inset, top + inset, right - inset, bottom - inset), 0.5, tone, opacity=opacity)
    canvas.fill(box(left + thick, top + thick, right - thick, bottom - thick), WHITE, light=sideways)
    mat = thick + rng.uniform(4, 10)
    window = box(left + mat, top + mat, right - mat, bottom - mat)
    _draw_picture(canvas, look, window, rng=rng)
    shine = polygon([(left, top), (left + 30, top), (left + 6, bottom), (left, bottom)])
    canvas.fill(shine, (255, 255, 255), opacity=0.12)


def _draw_picture(canvas: Canvas, look: Look, window: Outline, *, rng: np.random.Generator) -> None:
    (left, top), (right, bottom) = window.min(axis=0).tolist(), window.max(axis=0).tolist()
    first, second = look.colour.rgb, look.accent.rgb
    wide, high = right - left, bottom - top
    if rng.random() < 0.5:

        def sky(x: Array, y: Array) -> Array:
            return mixture(lighter(second, 0.2), lighter(first, 0.7), (y - top) / high + 0 * x)

        canvas.fill(window, sky)
        canvas.fill(
            ellipse(left + wide * rng.uniform(0.2, 0.8), top + high * 0.3, wide * 0.1),
            (252, 236, 190),
            inside=window,
        )
        for depth in range(3):
            base = top + high * (0.5 + 0.15 * depth)
            ridge = [(left + wide * t, base + rng.uniform(-0.12, 0.05) * high) for t in np.linspace(0, 1, 6)]
            hill = np.concatenate([curve(ridge), polygon([(right, bottom), (left, bottom)])])
            canvas.fill(hill, blend(first, (30, 40, 50), 0.25 * depth + 0.1), inside=window, light=downward)
        return
    canvas.fill(window, lighter(second, 0.72))
    for _ in range(int(rng.integers(4, 8))):
        x, y = rng.uniform(left, right), rng.uniform(top, bottom)
        tone = (first, second, BLACK, (226, 190, 150))[rng.integers(4)]
        canvas.fill(
            ellipse(x, y, rng.uniform(0.1, 0.3) * wide, rng.uniform(0.1, 0.3) * high),
            tone,
            inside=window,
            opacity=0.85,
        )


def draw_lamp(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a table lamp: a shade on a foot, or a desk lamp on an arm."""
    foot = _MATERIALS.get(look.material.en, look.accent.rgb)
    glow = rng.random() < 0.6
    if look.variant.en == "desk":
        canvas.fill(ellipse(38, 92, 20, 4.5), look.colour.rgb, light=metal)
        canvas.stroke(polygon([(38, 90), (26, 52), (58, 22)]), 2.6, foot, light=metal)
        canvas.fill(ellipse(26, 52, 3), darker(look.colour.rgb, 0.2), light=sphere)
        canvas.fill(
            turned(lathe(60, [(14, 4), (18, 6), (34, 17), (36, 17)]), -28, (58, 22)),
            look.colour.rgb,
            light=sphere,
        )
        canvas.fill(turned(ellipse(60, 36, 16, 3.5), -28, (58, 22)), (255, 244, 200) if glow else (230, 230, 226))
        return
    if look.material.en in ("ceramic", "terracotta", "stoneware"):
        canvas.fill(
            lathe(50, [(50, 4), (56, 6), (66, 17), (80, 18), (90, 11), (94, 12), (95, 12)]),
            foot,
            light=cylinder,
        )
    else:
        canvas.fill(box(47.8, 46, 52.2, 92), foot, light=cylinder)
        canvas.fill(ellipse(50, 92, 17, 4.4), foot, light=cylinder)
        canvas.fill(ellipse(50, 74, 4.5), foot, light=sphere)
    slim = rng.uniform(14, 24)
    shade = polygon([(50 - slim, 8), (50 + slim, 8), (50 + 31, 50), (50 - 31, 50)])
    canvas.fill(shade, look.cloth(8), light=_glowing if glow else cylinder)
    for y, half in ((8, slim), (50, 31)):
        canvas.stroke(polygon([(50 - half, y), (50 + half, y)]), 1.1, darker(look.colour.rgb, 0.25))


def _glowing(u: Array, v: Array) -> Array:
    bulb = np.hypot((u - 0.5) / 0.33, (v - 0.6) / 0.5)
    brightness: Array = 0.78 + 0.62 * np.exp(-(bulb**2))
    return brightness

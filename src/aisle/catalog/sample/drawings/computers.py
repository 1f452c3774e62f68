"""Computers: laptops, mice, keyboards and routers."""

import numpy as np

from aisle.catalog.sample.canvas import Array, Canvas, Rgb
from aisle.catalog.sample.model import Look
from aisle.catalog.sample.shapes import arc, box, curve, ellipse, lathe, polygon
from aisle.catalog.sample.surfaces import (
    BLACK,
    STEEL,
    blend,
    cylinder,
    darker,
    downward,
    lighter,
    mixture,
    sideways,
    sphere,
)

_ROWS = ("1234567890-=", "QWERTYUIOP[]", "ASDFGHJKL;'", "ZXCVBNM,./")


def draw_laptop(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw an open laptop: a lit screen above its keyboard."""
    shell = look.colour.rgb
    first, second = look.accent.rgb, blend(look.accent.rgb, (30, 20, 70), rng.uniform(0.3, 0.8))
    tilt = rng.uniform(0.5, 2)

    def wallpaper(x: Array, y: Array) -> Array:
        return mixture(first, second, 0.5 + 0.5 * np.sin(x * 0.045 * tilt + y * 0.06 + 0.8 * np.sin(x * 0.05)))

    canvas.fill(box(14, 12, 86, 62, radius=2.5), shell, light=sideways)
    canvas.fill(box(15, 13, 85, 61, radius=2), BLACK)
    canvas.fill(box(17, 15.5, 83, 58, radius=0.5), wallpaper)
    _draw_desktop(canvas, look, rng)
    canvas.fill(polygon([(17, 15.5), (52, 15.5), (30, 58), (17, 58)]), (255, 255, 255), opacity=0.07)
    canvas.fill(box(13, 61, 87, 64), darker(shell, 0.45))
    canvas.fill(polygon([(13, 63.5), (87, 63.5), (98, 86), (2, 86)]), shell, light=downward)
    canvas.fill(polygon([(2, 86), (98, 86), (97, 89), (3, 89)]), darker(shell, 0.3))
    keys: Rgb = (44, 45, 50) if rng.random() < 0.7 else lighter(shell, 0.4)
    for row in range(5):
        top, bottom = 65 + row * 2.9, 67.4 + row * 2.9
        left = 50 - 34 - 3.8 * row / 4 * 1.4
        step = (2 * (50 - left)) / 14
        for column in range(14):
            x = left + column * step
            canvas.fill(polygon([(x, top), (x + step - 0.6, top), (x + step - 0.4, bottom), (x - 0.2, bottom)]), keys)
    canvas.fill(polygon([(38, 80.5), (62, 80.5), (64, 85), (36, 85)]), darker(shell, 0.12))


def _draw_desktop(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    if rng.random() < 0.5:
        canvas.write(look.brand, (50, 35), 9, (250, 250, 252))
        return
    left, top = rng.uniform(20, 36), rng.uniform(19, 26)
    canvas.fill(box(left, top, left + 38, top + 27, radius=1), (246, 247, 250))
    canvas.fill(box(left, top, left + 38, top + 3, radius=1), (206, 210, 218))
    for line in range(6):
        y = top + 7 + line * 3.2
        canvas.stroke(polygon([(left + 3, y), (left + rng.uniform(14, 34), y)]), 0.9, (150, 156, 168))


def draw_mouse(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a mouse from above."""
    colour = look.colour.rgb
    wide = rng.uniform(21, 26)
    if look.variant.en == "wired":
        canvas.stroke(curve([(50, 22), (50, 10), (60, 4), (74, 8), (84, 2)]), 1.8, darker(colour, 0.4))
    body = lathe(50, [(18, 6), (20, wide - 8), (30, wide - 2), (52, wide - 1), (72, wide), (88, wide - 8), (95, 6)])
    canvas.fill(body, darker(colour, 0.2))
    canvas.fill(body * np.float32(0.97) + np.float32(1.5), colour, light=sphere)
    if look.variant.en == "gaming":
        canvas.fill(polygon([(30, 46), (44, 58), (44, 84), (36, 80)]), look.accent.rgb, inside=body, light=downward)
        canvas.fill(polygon([(70, 46), (56, 58), (56, 84), (64, 80)]), look.accent.rgb, inside=body, light=downward)
        canvas.stroke(arc((50, 76), 7, 0, 360), 1, lighter(look.accent.rgb, 0.4))
    canvas.stroke(polygon([(50, 19), (50, 48)]), 0.9, darker(colour, 0.55))
    canvas.stroke(arc((50, 30), (wide, 22), 15, 165), 0.9, darker(colour, 0.5), inside=body)
    canvas.fill(box(46, 26, 54, 43, radius=4), darker(colour, 0.6))
    canvas.fill(
        box(47.5, 28, 52.5, 41, radius=2.5),
        look.accent.rgb if look.variant.en == "gaming" else (120, 122, 126),
        light=downward,
    )
    canvas.fill(ellipse(38, 36, 4, 9), (255, 255, 255), opacity=0.3, blur=2)
    if look.variant.en != "gaming":
        canvas.write(look.brand, (50, 78), 4.5, lighter(colour, 0.5) if sum(colour) < 380 else darker(colour, 0.5))


def draw_keyboard(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a keyboard from above, key by key."""
    colour = look.colour.rgb
    compact = look.variant.en == "compact"
    right = 80.0 if compact else 98.0
    left = 20.0 if compact else 2.0
    canvas.fill(box(left, 33, right, 68, radius=3), darker(colour, 0.25))
    canvas.fill(box(left, 32, right, 66.5, radius=3), colour, light=downward)
    keys = lighter(colour, 0.16) if sum(colour) < 300 else (250, 250, 250)
    glow = look.accent.rgb if look.variant.en == "mechanical" else None
    ink: Rgb = (60, 62, 68) if sum(keys) > 380 else (226, 228, 232)
    columns = 14 if compact else 19
    step = (right - left - 4) / columns
    for row in range(5):
        for column in range(columns):
            if (row == 4 and 4 <= column <= 8) or (not compact and column == 14):
                continue
            x, y = left + 2 + column * step, 34.5 + row * 6.1
            if glow:
                canvas.fill(box(x, y, x + step, y + 6, radius=1), glow, opacity=0.8)
            accent = (row, column) in ((0, 0), (2, columns - 1)) and rng.random() < 0.5
            canvas.fill(
                box(x + 0.4, y + 0.5, x + step - 0.4, y + 5.4, radius=0.8),
                look.accent.rgb if accent else keys,
                light=downward,
            )
            letters = _ROWS[row - 1] if 1 <= row <= 4 else ""
            if 1 <= column <= len(letters) and column < 13:
                canvas.write(letters[column - 1], (x + step / 2, y + 2.8), 2.6, ink)
    start, stop = left + 2 + 4 * step, left + 2 + 9 * step
    canvas.fill(box(start + 0.4, 59.4, stop - 0.4, 64.3, radius=0.8), keys, light=downward)


def draw_router(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a flat box with lamps and antennas."""
    colour = look.colour.rgb
    count = int(rng.integers(2, 5))
    for index in range(count):
        x = 16 + index * 68 / (count - 1)
        lean = rng.uniform(-5, 5) + (x - 50) * 0.12
        antenna = polygon([(x - 2, 62), (x - 1.5 + lean, 10), (x + 1.5 + lean, 10), (x + 2, 62)])
        canvas.fill(antenna, darker(colour, 0.15) if sum(colour) > 300 else BLACK, light=cylinder)
        canvas.fill(box(x - 3, 56, x + 3, 64, radius=1), darker(colour, 0.35), light=cylinder)
    canvas.fill(polygon([(14, 60), (86, 60), (96, 76), (4, 76)]), lighter(colour, 0.08), light=sideways)
    canvas.fill(box(4, 75, 96, 89, radius=2.5), colour, light=downward)
    for slot in range(9):
        x = 24 + slot * 6.5
        canvas.stroke(polygon([(x, 63), (x - (50 - x) * 0.1, 72)]), 0.9, darker(colour, 0.4))
    for index in range(6):
        lamp: Rgb = (80, 220, 120) if rng.random() < 0.75 else (240, 170, 60)
        canvas.fill(ellipse(12 + index * 5, 82, 2.2), lamp, opacity=0.4, blur=0.7)
        canvas.fill(ellipse(12 + index * 5, 82, 0.9), lamp)
    canvas.write(look.brand, (78, 82), 5, lighter(colour, 0.6) if sum(colour) < 380 else (90, 92, 98))
    if look.variant.en == "with cable":
        canvas.stroke(curve([(60, 89), (62, 95), (74, 96), (90, 93), (99, 97)]), 1.8, STEEL, light=downward)

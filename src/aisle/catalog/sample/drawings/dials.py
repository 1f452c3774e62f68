"""Round dials, which watches and wall clocks share."""

from dataclasses import dataclass

import numpy as np

from aisle.catalog.sample.canvas import Canvas, Rgb
from aisle.catalog.sample.shapes import arc, ellipse, polygon, spots, turned
from aisle.catalog.sample.surfaces import BLACK, darker, lighter, sideways

ROMAN = ("XII", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI")


@dataclass(frozen=True, kw_only=True)
class Dial:
    """A clock face.

    Attributes
    ----------
    centre, radius : float
        Where, in board units.
    face, ink, second : tuple of float
        Colours of the face, of marks and hands, and of the second hand.
    marks : {"ticks", "figures", "roman", "dots"}
        What stands for the hours.
    """

    centre: tuple[float, float]
    radius: float
    face: Rgb
    ink: Rgb
    second: Rgb
    marks: str


def draw_dial(canvas: Canvas, dial: Dial, *, rng: np.random.Generator, brand: str = "") -> None:
    """Draw a face with its hours, hands at some time, and a glint of the glass."""
    (x, y), r = dial.centre, dial.radius
    canvas.fill(ellipse(x, y, r), dial.face, light=sideways)
    canvas.fill(
        ellipse(x, y, r),
        (0, 0, 0),
        opacity=0.22,
        holes=[ellipse(x + 0.04 * r, y + 0.05 * r, r * 0.97)],
        blur=0.3,
    )
    for hour, (px, py, angle) in enumerate(spots(12, dial.centre, r * 0.8)):
        _draw_hour(canvas, dial, (px, py, angle, hour))
    if r > 14 and dial.marks != "dots":
        for px, py, angle in spots(60, dial.centre, r * 0.93):
            canvas.stroke(_ray((px, py), angle, 0.03 * r), 0.018 * r, dial.ink)
    if brand:
        canvas.write(brand, (x, y - 0.36 * r), 0.15 * r, dial.ink)
    _draw_hands(canvas, dial, rng)
    glint = arc((x, y), r * 0.93, 195, 255)
    canvas.stroke(glint, 0.12 * r, (255, 255, 255), opacity=0.28, blur=0.05 * r)


def _draw_hour(canvas: Canvas, dial: Dial, place: tuple[float, float, float, int]) -> None:
    px, py, angle, hour = place
    r = dial.radius
    if dial.marks == "figures":
        canvas.write(str(hour or 12), (px, py), 0.26 * r, dial.ink)
    elif dial.marks == "roman":
        canvas.write(ROMAN[hour], (px, py), 0.21 * r, dial.ink)
    elif dial.marks == "dots":
        canvas.fill(ellipse(px, py, (0.06 if hour % 3 else 0.085) * r), dial.ink)
    else:
        width = 0.045 if hour % 3 else 0.08
        canvas.stroke(_ray((px, py), angle, 0.09 * r), width * r, dial.ink)


def _draw_hands(canvas: Canvas, dial: Dial, rng: np.random.Generator) -> None:
    (x, y), r = dial.centre, dial.radius
    # Sellers set watches to about ten past ten: the hands frame the brand.
    minutes = 600 + rng.normal(9, 3) if rng.random() < 0.7 else rng.uniform(0, 720)
    hands = (
        (minutes / 2, 0.5, 0.05, dial.ink),
        (minutes * 6 % 360, 0.74, 0.035, dial.ink),
        (rng.uniform(0, 360), 0.82, 0.014, dial.second),
    )
    for angle, length, width, colour in hands:
        shape = polygon([
            (x - width * r, y + 0.14 * r), (x - width * r * 0.7, y - length * r),
            (x, y - (length + 0.05) * r), (x + width * r * 0.7, y - length * r),
            (x + width * r, y + 0.14 * r),
        ])  # fmt: skip
        hand = turned(shape, angle, (x, y))
        canvas.fill(hand + np.float32(0.025 * r), (0, 0, 0), opacity=0.25, blur=0.02 * r)
        canvas.fill(hand, colour)
    canvas.fill(ellipse(x, y, 0.06 * r), dial.second)
    canvas.fill(ellipse(x, y, 0.03 * r), lighter(dial.second, 0.5))


def pick_dial(centre: tuple[float, float], radius: float, colour: Rgb, *, rng: np.random.Generator) -> Dial:
    """Choose a face: white, cream, black or a colour, with marks that can be read on it."""
    face = ((248, 247, 243), (240, 232, 212), (30, 31, 36), darker(colour, 0.15))[
        rng.choice(4, p=(0.45, 0.15, 0.2, 0.2))
    ]
    ink = BLACK if sum(face) > 380 else (232, 230, 222)
    second = ((196, 40, 44), (212, 172, 88), ink)[rng.integers(3)]
    marks = ("ticks", "figures", "roman", "dots")[rng.integers(4)]
    return Dial(centre=centre, radius=radius, face=face, ink=ink, second=second, marks=marks)


def _ray(place: tuple[float, float], degrees: float, half: float) -> np.ndarray:
    angle = np.radians(degrees)
    step = np.array([np.cos(angle), np.sin(angle)], np.float32) * np.float32(half)
    middle = np.array(place, np.float32)
    return np.stack([middle - step, middle + step]).astype(np.float32)

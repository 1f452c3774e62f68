"""From an item on a transparent board to a photo: camera, floor, light and frame."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from aisle.catalog.sample.backdrops import hang_backdrop, pick_backdrop
from aisle.catalog.sample.canvas import Canvas, Rgb, lit, to_image
from aisle.catalog.sample.model import Good, Look
from aisle.catalog.sample.shapes import box, polygon
from aisle.catalog.sample.surfaces import GOLD, darker, downward, lighter, sideways

_ASPECTS = ((1, 1), (4, 5), (3, 4), (5, 4), (4, 3), (2, 3))
_ASPECT_ODDS = (0.42, 0.2, 0.14, 0.1, 0.08, 0.06)
_TILTS = {"standing": 5.0, "hung": 4.0, "flat": 28.0}
"""The most degrees that goods are turned, by how they are photographed."""


@dataclass(frozen=True)
class Shot:
    """One way to take a photo of an item: what the same item shares with nothing but its near-duplicates.

    Attributes
    ----------
    size : tuple of int
        Width and height in pixels; the longer is 480 to 640.
    backdrop : str
        A row of the table of backdrops.
    boxed : bool
        Only the parcel is shown, as careless sellers do: the photo tells nothing.
    """

    size: tuple[int, int]
    backdrop: str
    boxed: bool


def pick_shot(rng: np.random.Generator, *, boxed: bool = False) -> Shot:
    """Choose a format and a backdrop."""
    across, down = _ASPECTS[rng.choice(len(_ASPECTS), p=_ASPECT_ODDS)]
    longest = int(rng.integers(480, 641))
    size = (round(longest * across / max(across, down)), round(longest * down / max(across, down)))
    return Shot(size, pick_backdrop(rng), boxed)


def photograph(good: Good, look: Look, shot: Shot, *, rng: np.random.Generator) -> Image.Image:
    """Draw an item and take its photo.

    Parameters
    ----------
    good, look : Good, Look
        What is drawn.
    shot : Shot
        Format and backdrop.
    rng : numpy.random.Generator
        Decides angle, light and detail.

    Returns
    -------
    PIL.Image.Image
        RGB.
    """
    canvas = Canvas()
    if shot.boxed:
        _draw_parcel(canvas, look, rng)
    else:
        good.draw(canvas, look, rng)
    pose = "standing" if shot.boxed else good.pose_of(look)
    # Close to the size that it will have: turning costs by the pixel.
    near = canvas.image.resize((max(shot.size),) * 2, Image.Resampling.BILINEAR)
    item = _tilted(near, _TILTS[pose], rng=rng)
    photo = hang_backdrop(shot.backdrop, shot.size, look.accent.rgb, rng=rng)
    _place(photo, item, 1 if shot.boxed else look.count, pose, rng=rng)
    if rng.random() < 0.05:
        _add_badge(photo, rng)
    return _developed(photo, rng)


def _tilted(item: Image.Image, most: float, *, rng: np.random.Generator) -> Image.Image:
    """Turn the item, and look at it from a little aside: a projective map of its four corners."""
    angle = np.radians(np.clip(rng.normal(0, most / 2), -most, most))
    side = item.width
    corners = np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float64)
    centred = (corners - side / 2) * (1 + 0.42 * abs(np.sin(angle)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    squeeze = np.array([1 / rng.uniform(0.9, 1.0), 1.0])
    source = centred * squeeze @ turn.T + side / 2 + rng.uniform(-0.035, 0.035, (4, 2)) * side
    system, target = [], []
    for (x, y), (u, v) in zip(corners, source, strict=True):
        system += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        target += [u, v]
    weights = np.linalg.solve(np.array(system), np.array(target)).tolist()
    turned = item.transform(item.size, Image.Transform.PERSPECTIVE, weights, Image.Resampling.BILINEAR)
    return turned.crop(turned.getchannel("A").getbbox())


def _place(photo: Image.Image, item: Image.Image, count: int, pose: str, *, rng: np.random.Generator) -> None:
    """Set one or more copies of the item into the photo, each with its shadow."""
    width, height = photo.size
    fill = rng.uniform(0.66, 0.92) if rng.random() < 0.88 else rng.uniform(0.45, 0.6)
    spread = 1 + 0.55 * (count - 1)
    ratio = min(fill * width / (item.width * spread), fill * height / item.height)
    size = (max(8, round(item.width * ratio)), max(8, round(item.height * ratio)))
    small = item.resize(size, Image.Resampling.LANCZOS)
    jitter = rng.uniform(-0.035, 0.035, (count, 2))
    for index in range(count):
        shift = (index - (count - 1) / 2) * 0.55 * size[0] * (1.6 if spread * size[0] < 0.6 * width else 1)
        left = round((width - size[0]) / 2 + shift + jitter[0, 0] * width)
        top = round(
            (height - size[1]) / 2 + (0.03 * (pose == "standing") + jitter[0, 1] + 0.3 * jitter[index, 1]) * height
        )
        _cast_shadow(photo, small, (left, top), pose)
        photo.paste(small, (left, top), small)


def _cast_shadow(photo: Image.Image, item: Image.Image, place: tuple[int, int], pose: str) -> None:
    """Darken the floor below a standing item, or the ground around a flat one; drawn at a quarter size."""
    alpha = item.getchannel("A")
    wide, high = max(2, item.width // 4), max(2, item.height // 4)
    if pose == "standing":
        alpha = alpha.crop((0, int(item.height * 0.8), item.width, item.height))
        high = max(3, high // 7)
        offset = (0.02 * item.width, item.height - high * 2.6)
    else:
        offset = (0.02 * item.width + 2, 0.025 * item.height + 3)
    soft = max(1.5, item.width / 110) * (0.8 if pose == "standing" else 1)
    edge = round(soft * 3)
    small = Image.new("L", (wide + 2 * edge, high + 2 * edge), 0)
    small.paste(alpha.resize((wide, high)), (edge, edge))
    small = small.filter(ImageFilter.GaussianBlur(soft)).point([round(level * 0.42) for level in range(256)])
    shadow = small.resize((small.width * 4, small.height * 4), Image.Resampling.BILINEAR)
    spot = (round(place[0] + offset[0] - edge * 4), round(place[1] + offset[1] - edge * 4))
    photo.paste((22, 20, 24), spot, shadow)


def _add_badge(photo: Image.Image, rng: np.random.Generator) -> None:
    """Print what shops print on photos: a discount or a watermark."""
    pen = ImageDraw.Draw(photo)
    width, height = photo.size
    if rng.random() < 0.6:
        r = width * 0.1
        pen.ellipse((width - 2.2 * r, 0.2 * r, width - 0.2 * r, 2.2 * r), fill=(206, 38, 42))
        text = str(rng.choice(["-20%", "NEW", "SALE", "-50%"]))
        pen.text((width - 1.2 * r, 1.2 * r), text, font=ImageFont.load_default(r * 0.6), fill="white", anchor="mm")
    else:
        pen.text(
            (width / 2, height * 0.95),
            "www.example.com",
            font=ImageFont.load_default(width * 0.05),
            fill=(170, 170, 174),
            anchor="mm",
        )


def _developed(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Give the photo the light of a room: exposure, warmth, a falloff, the grain of a sensor."""
    exposure, warmth = rng.normal(1.0, 0.045), rng.normal(0, 0.018)
    gains = [exposure * (1 + warmth), exposure, exposure * (1 - warmth)]
    dim = 0.9 if rng.random() < 0.15 else 1.0
    developed = photo.point([min(255, round(level * gain * dim)) for gain in gains for level in range(256)])
    if rng.random() < 0.35:
        u = np.linspace(-1, 1, photo.width, dtype=np.float32)[None, :]
        v = np.linspace(-1, 1, photo.height, dtype=np.float32)[:, None]
        falloff = 1 + rng.uniform(-0.1, 0.1) * u + rng.uniform(-0.07, 0.07) * v - 0.05 * (u**2 + v**2)
        developed = to_image(lit(np.asarray(developed, np.float32), falloff))
    if rng.random() < 0.3:
        grain = rng.standard_normal((photo.height, photo.width, 1), np.float32) * np.float32(rng.uniform(1.5, 4))
        developed = to_image(np.asarray(developed, np.float32) + grain)
    if rng.random() < 0.1:
        developed = developed.filter(ImageFilter.GaussianBlur(rng.uniform(0.6, 1.3)))
    return developed


def _draw_parcel(canvas: Canvas, look: Look, rng: np.random.Generator) -> None:
    """Draw a carton, or a wrapped gift."""
    gift = rng.random() < 0.5
    front: Rgb = look.colour.rgb if gift else (190, 148, 104)
    canvas.fill(polygon([(8, 34), (28, 16), (92, 16), (76, 34)]), lighter(front, 0.2), light=sideways)
    canvas.fill(polygon([(76, 34), (92, 16), (92, 74), (76, 94)]), darker(front, 0.28), light=downward)
    canvas.fill(box(8, 34, 76, 94), front, light=sideways)
    ribbon: Rgb = GOLD if gift else (214, 190, 150)
    canvas.fill(box(38, 34, 46, 94), ribbon, light=downward)
    canvas.fill(polygon([(38, 34), (55, 16), (63, 16), (46, 34)]), lighter(ribbon, 0.2))
    if gift:
        canvas.fill(box(8, 60, 76, 68), ribbon, light=sideways)
    else:
        canvas.write(look.brand, (24, 84), 7, (90, 62, 40))

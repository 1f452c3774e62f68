"""A square drawing board with soft light, in units of a hundredth of its side."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

Array = NDArray[np.float32]
Rgb = tuple[float, float, float]
Outline = NDArray[np.float32]
Texture = Callable[[Array, Array], Array]
"""Colours (height, width, 3) from board coordinates x (1, width) and y (height, 1), both in 0..100."""
Surface = Rgb | Texture
Light = Callable[[Array, Array], Array]
"""Brightness (height, width) from the place in the shape's box, u and v in 0..1; 1 changes nothing."""

SIDE = 720
"""Pixels: close to twice the size that goods have in a photo, so that the reduction smooths every edge."""


class Canvas:
    """A transparent board to draw one item on.

    Parameters
    ----------
    side : int
        Width and height in pixels. All coordinates run from 0 to 100, left to right and top to bottom.
    """

    def __init__(self, side: int = SIDE) -> None:
        self.side = side
        self.scale = side / 100
        self.image = Image.new("RGBA", (side, side), (0, 0, 0, 0))

    def fill(
        self,
        outline: Outline,
        surface: Surface,
        *,
        light: Light | None = None,
        opacity: float = 1.0,
        holes: Sequence[Outline] = (),
        inside: Outline | None = None,
        blur: float = 0.0,
    ) -> None:
        """Paint the area within an outline.

        Parameters
        ----------
        outline : array of shape (points, 2)
            A polygon.
        surface : colour or texture
            What it is painted with.
        light : callable, optional
            Brightness over the box of the outline.
        opacity : float
            0 is invisible.
        holes : sequence of outlines
            Areas left out.
        inside : outline, optional
            Nothing is painted outside this one.
        blur : float
            Softness of the edge, in board units.
        """

        def shape(pen: ImageDraw.ImageDraw, origin: Outline) -> None:
            pen.polygon(_pixels(outline, self.scale, origin), fill=255)
            for hole in holes:
                pen.polygon(_pixels(hole, self.scale, origin), fill=0)

        low, high = outline.min(axis=0), outline.max(axis=0)
        self._stamp(shape, (low, high), surface, light, opacity, inside, blur)

    def stroke(
        self,
        points: Outline,
        width: float,
        surface: Surface,
        *,
        light: Light | None = None,
        opacity: float = 1.0,
        inside: Outline | None = None,
        blur: float = 0.0,
    ) -> None:
        """Paint a line with round ends; the parameters are those of `fill`."""

        def shape(pen: ImageDraw.ImageDraw, origin: Outline) -> None:
            path = _pixels(points, self.scale, origin)
            pen.line(path, fill=255, width=max(1, round(width * self.scale)), joint="curve")
            half = width * self.scale / 2
            for x, y in (path[0], path[-1]):
                pen.ellipse((x - half, y - half, x + half, y + half), fill=255)

        low, high = points.min(axis=0) - width / 2, points.max(axis=0) + width / 2
        self._stamp(shape, (low, high), surface, light, opacity, inside, blur)

    def write(self, text: str, place: tuple[float, float], height: float, colour: Rgb) -> None:
        """Write a line of text centred on a place; `height` is that of the letters' line, in board units."""
        pen = ImageDraw.Draw(self.image)
        ink = (round(colour[0]), round(colour[1]), round(colour[2]), 255)
        spot = (place[0] * self.scale, place[1] * self.scale)
        pen.text(spot, text, font=_font(max(6, round(height * self.scale))), fill=ink, anchor="mm")

    def _stamp(
        self,
        shape: Callable[[ImageDraw.ImageDraw, Outline], None],
        box: tuple[Outline, Outline],
        surface: Surface,
        light: Light | None,
        opacity: float,
        inside: Outline | None,
        blur: float,
    ) -> None:
        low = np.clip(np.floor((box[0] - 3 * blur) * self.scale), 0, self.side).astype(np.float32)
        high = np.clip(np.ceil((box[1] + 3 * blur) * self.scale) + 1, 0, self.side).astype(np.float32)
        width, height = int(high[0] - low[0]), int(high[1] - low[1])
        if width <= 0 or height <= 0:
            return
        mask = Image.new("L", (width, height), 0)
        shape(ImageDraw.Draw(mask), low)
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * self.scale))
        if inside is not None:
            limit = Image.new("L", (width, height), 0)
            ImageDraw.Draw(limit).polygon(_pixels(inside, self.scale, low), fill=255)
            mask = ImageChops.multiply(mask, limit)
        if opacity < 1:
            mask = mask.point([round(level * opacity) for level in range(256)])
        patch = self._paint(surface, light, low, (width, height), box)
        patch.putalpha(mask)
        self.image.alpha_composite(patch, (int(low[0]), int(low[1])))

    def _paint(
        self,
        surface: Surface,
        light: Light | None,
        low: Outline,
        size: tuple[int, int],
        box: tuple[Outline, Outline],
    ) -> Image.Image:
        if light is None and isinstance(surface, tuple):
            return Image.new("RGB", size, (round(surface[0]), round(surface[1]), round(surface[2])))
        x = ((low[0] + np.arange(size[0], dtype=np.float32)) / np.float32(self.scale))[None, :]
        y = ((low[1] + np.arange(size[1], dtype=np.float32)) / np.float32(self.scale))[:, None]
        brightness = None
        if light is not None:
            span = np.maximum(box[1] - box[0], 1e-3)
            brightness = light((x - box[0][0]) / span[0], (y - box[0][1]) / span[1])
        if isinstance(surface, tuple):
            colours = _shades(surface, np.broadcast_to(np.asarray(brightness), (size[1], size[0])))
        else:
            woven = surface(x, y) if brightness is None else lit(surface(x, y), brightness)
            colours = np.broadcast_to(np.clip(woven, 0, 255).astype(np.uint8), (size[1], size[0], 3))
        return Image.fromarray(np.ascontiguousarray(colours), "RGB")


_SHADES = 1024


def _shades(colour: Rgb, brightness: Array) -> NDArray[np.uint8]:
    """Light one colour through a table of its shades: a third of the time of arithmetic on three channels."""
    table = lit(np.asarray(colour, np.float32), np.linspace(0, 2, _SHADES, dtype=np.float32))
    levels = np.clip(brightness * np.float32((_SHADES - 1) / 2), 0, _SHADES - 1).astype(np.intp)
    shades: NDArray[np.uint8] = np.clip(table, 0, 255).astype(np.uint8).take(levels, axis=0)
    return shades


def lit(colours: Array, brightness: Array) -> Array:
    """Darken colours where the brightness is below 1 and bleach them toward white above it."""
    gain = brightness[..., None].astype(np.float32)
    dark: Array = colours * np.minimum(gain, 1)
    excess = np.clip(gain - 1, 0, 1)
    if excess.any():
        dark += (255 - dark) * excess
    return dark


def to_image(colours: Array) -> Image.Image:
    """Return colours in 0..255, of shape (height, width, 3), as a picture; what lies outside is clipped."""
    return Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8), "RGB")


def _pixels(outline: Outline, scale: float, origin: Outline) -> list[tuple[float, float]]:
    moved = outline * np.float32(scale) - origin
    return [(float(x), float(y)) for x, y in moved]


@lru_cache(maxsize=64)
def _font(pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(pixels)

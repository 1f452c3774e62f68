"""Textures and light: what a shape is painted with.

A texture maps board coordinates to colours, a light maps the place within a shape to brightness. All are
plain arithmetic on arrays that broadcast, so that a stripe costs a row and not a picture.
"""

import numpy as np

from aisle.catalog.sample.canvas import Array, Light, Rgb, Texture

WHITE: Rgb = (250, 250, 248)
BLACK: Rgb = (28, 28, 30)
STEEL: Rgb = (196, 199, 204)
GOLD: Rgb = (212, 172, 88)


def blend(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Return a colour between two: the first at 0, the second at 1."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def darker(colour: Rgb, share: float) -> Rgb:
    """Return a colour moved toward black."""
    return blend(colour, (0, 0, 0), share)


def lighter(colour: Rgb, share: float) -> Rgb:
    """Return a colour moved toward white."""
    return blend(colour, (255, 255, 255), share)


def mixture(first: Rgb, second: Rgb, share: Array) -> Array:
    """Return colours between two, by a field of shares."""
    steps = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    start, end = np.asarray(first, np.float32), np.asarray(second, np.float32)
    table = start + (end - start) * steps
    mixed: Array = table.take((np.clip(share, 0, 1) * 255).astype(np.intp), axis=0)
    return mixed


def stripes(first: Rgb, second: Rgb, pitch: float, *, degrees: float = 90, share: float = 0.5) -> Texture:
    """Return stripes that run at an angle: 0 lies flat, 90 stands."""
    turn = np.radians(degrees)

    def texture(x: Array, y: Array) -> Array:
        along = (x * np.sin(turn) + y * np.cos(turn)) / pitch
        return mixture(first, second, (along % 1 < share).astype(np.float32))

    return texture


def checks(first: Rgb, second: Rgb, pitch: float) -> Texture:
    """Return gingham: two sets of see-through bands that cross."""

    def texture(x: Array, y: Array) -> Array:
        bands: Array = (x / pitch % 1 < 0.5).astype(np.float32) + (y / pitch % 1 < 0.5).astype(np.float32)
        return mixture(first, second, bands * np.float32(0.5))

    return texture


def dots(first: Rgb, second: Rgb, pitch: float) -> Texture:
    """Return dots in rows that are set off against each other."""

    def texture(x: Array, y: Array) -> Array:
        across, down, _ = _cells(x, y, pitch)
        return mixture(first, second, (across**2 + down**2 < (0.24 * pitch) ** 2).astype(np.float32))

    return texture


def flowers(first: Rgb, second: Rgb, pitch: float) -> Texture:
    """Return five-petalled flowers with leaves and a light heart."""
    leaf = blend((96, 138, 84), first, 0.25)
    heart = lighter(blend(second, (250, 214, 90), 0.75), 0.1)

    def texture(x: Array, y: Array) -> Array:
        across, down, row = _cells(x, y, pitch)
        reach, angle = np.hypot(across, down) / pitch, np.arctan2(down, across)
        colours = mixture(first, leaf, (reach < 0.44 * np.abs(np.cos(1.5 * angle + row)) ** 3).astype(np.float32))
        petals = reach < 0.26 + 0.1 * np.cos(5 * angle + 1.7 * row)
        colours = np.where(petals[..., None], np.asarray(second, np.float32), colours)
        hearts: Array = np.where((reach < 0.085)[..., None], np.asarray(heart, np.float32), colours)
        return hearts

    return texture


def stars(first: Rgb, second: Rgb, pitch: float) -> Texture:
    """Return five-pointed stars."""

    def texture(x: Array, y: Array) -> Array:
        across, down, row = _cells(x, y, pitch)
        half = np.float32(np.pi / 5)
        angle = np.abs((np.arctan2(down, across) + np.pi / 2 + 0.3 * row) % (2 * half) - half)
        # The straight line from a notch (radius 0.16) to a tip (radius 0.4), in polar form.
        edge = 0.16 * 0.4 * np.sin(half) / (0.16 * np.sin(half - angle) + 0.4 * np.sin(angle))
        inside = np.hypot(across, down) / pitch < edge
        return mixture(first, second, inside.astype(np.float32))

    return texture


def zigzag(first: Rgb, second: Rgb, pitch: float) -> Texture:
    """Return chevrons."""

    def texture(x: Array, y: Array) -> Array:
        wave = np.abs(x / pitch % 2 - 1) * np.float32(0.9)
        return mixture(first, second, ((y / pitch + wave) % 1 < 0.45).astype(np.float32))

    return texture


def lattice(first: Rgb, second: Rgb, pitch: float) -> Texture:
    """Return a woven medallion pattern, as on damask."""

    def texture(x: Array, y: Array) -> Array:
        turn = 2 * np.pi / (1.4 * pitch)
        field = np.cos(turn * x) + np.cos(turn * y) + 0.6 * np.cos(2 * turn * x) * np.cos(2 * turn * y)
        return mixture(first, second, ((field > 0.35) & (field < 1.05) | (field > 1.7)).astype(np.float32))

    return texture


def wood(colour: Rgb, *, pitch: float = 6.0, upright: bool = False) -> Texture:
    """Return grained boards."""

    def texture(x: Array, y: Array) -> Array:
        along, across = (y, x) if upright else (x, y)
        plank = np.floor(across / (2.2 * pitch))
        shifted = along + 37 * plank
        sway = 0.5 * np.sin(shifted * 0.07) + 0.25 * np.sin(shifted * 0.19 + across * 0.2)
        grain = np.sin(across * 9 / pitch + 3 * plank + 2 * sway) + 0.6 * np.sin(across * 31 / pitch + 5 * sway)
        seam = across / (2.2 * pitch) % 1 < 0.03
        return mixture(darker(colour, 0.2), lighter(colour, 0.1), 0.55 + 0.2 * grain - 0.45 * seam)

    return texture


def speckle(colour: Rgb, other: Rgb, *, share: float = 0.12) -> Texture:
    """Return stoneware: specks strewn by a hash of the place, the same on every run."""

    def texture(x: Array, y: Array) -> Array:
        noise = np.sin(np.floor(x * 2.2) * 12.9898 + np.floor(y * 2.2) * 78.233) * np.float32(43758.547)
        return mixture(colour, other, (noise % 1 < share).astype(np.float32) * np.float32(0.8))

    return texture


def terry(colour: Rgb) -> Texture:
    """Return a looped, woven cloth."""

    def texture(x: Array, y: Array) -> Array:
        weave = np.sin(x * 9.5) * np.sin(y * 9.5) + 0.5 * np.sin(x * 3.1 + y * 1.3)
        return mixture(darker(colour, 0.1), lighter(colour, 0.08), 0.5 + 0.32 * weave)

    return texture


def cylinder(u: Array, v: Array) -> Array:
    """Light on an upright round body, from the left."""
    body = np.sqrt(np.clip(1 - (2 * u - 1) ** 2, 0, 1))
    brightness: Array = 0.56 + 0.44 * body + 0.28 * np.exp(-(((u - 0.27) / 0.07) ** 2)) + 0 * v
    return brightness


def glass(u: Array, v: Array) -> Array:
    """Light through a bottle: bright edges on both sides and a clear heart."""
    brightness: Array = (
        0.98
        - 0.3 * np.exp(-(((u - 0.03) / 0.06) ** 2))
        - 0.35 * np.exp(-(((u - 0.97) / 0.07) ** 2))
        + 0.5 * np.exp(-(((u - 0.18) / 0.045) ** 2))
        + 0.22 * np.exp(-(((u - 0.85) / 0.03) ** 2))
        - 0.12 * v
    )
    return brightness


def sphere(u: Array, v: Array) -> Array:
    """Light on a ball, from the upper left."""
    reach = np.hypot(u - 0.36, v - 0.3)
    brightness: Array = 1.16 - 0.78 * reach**1.6
    return brightness


def downward(u: Array, v: Array) -> Array:
    """Light from above."""
    brightness: Array = 1.08 - 0.24 * v + 0 * u
    return brightness


def sideways(u: Array, v: Array) -> Array:
    """Light from the upper left across a flat thing."""
    brightness: Array = 1.1 - 0.13 * u - 0.1 * v
    return brightness


def metal(u: Array, v: Array) -> Array:
    """Light on polished metal: broad bands that slant."""
    place = u + 0.25 * v
    brightness: Array = 0.86 + 0.2 * np.sin(9 * place + 0.6) + 0.1 * np.sin(23 * place)
    return brightness


def folds(count: float) -> Light:
    """Return light on cloth that hangs in a number of folds over its width."""

    def light(u: Array, v: Array) -> Array:
        wave = np.sin(2 * np.pi * count * u + 0.5 * np.sin(3 * v))
        brightness: Array = 0.9 + 0.17 * wave + 0.05 * np.sin(5.4 * np.pi * count * u) - 0.06 * v
        return brightness

    return light


def puffed(u: Array, v: Array) -> Array:
    """Light on a stuffed cushion: full in the middle, dark toward the seams."""
    edge = np.clip(16 * u * (1 - u) * v * (1 - v), 0, 1) ** 0.42
    brightness: Array = 0.62 + 0.44 * edge + 0.1 * (0.5 - v) + 0.06 * (0.5 - u)
    return brightness


def _cells(x: Array, y: Array, pitch: float) -> tuple[Array, Array, Array]:
    """Return the place in a brick-like cell, from its centre, and a number that differs by cell."""
    row = np.floor(y / pitch)
    shifted = x + (row % 2) * np.float32(pitch / 2)
    across = shifted % pitch - np.float32(pitch / 2)
    down = y % pitch - np.float32(pitch / 2) + 0 * x
    return across, down, row * 2 + np.floor(shifted / pitch) * 3

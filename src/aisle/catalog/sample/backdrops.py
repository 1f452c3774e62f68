"""What stands behind the goods: a table of backdrops, mostly the white studio of marketplaces."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from aisle.catalog.sample.canvas import Array, Rgb, to_image
from aisle.catalog.sample.surfaces import blend, darker, lighter, mixture, wood

_WOODS: tuple[Rgb, ...] = ((176, 128, 84), (206, 176, 140), (112, 78, 54))


@dataclass(frozen=True)
class Set:
    """The place of a photo.

    Attributes
    ----------
    u, v : array
        0..1 across, of shape (1, width), and down, of shape (height, 1).
    floor : array of shape (height, width)
        From 0, the wall, to 1, the floor.
    accent : tuple of float
        A colour to dress it with.
    """

    u: Array
    v: Array
    floor: Array
    accent: Rgb


def pick_backdrop(rng: np.random.Generator) -> str:
    """Choose a backdrop by name."""
    odds = [share for share, _ in _BACKDROPS.values()]
    return list(_BACKDROPS)[int(rng.choice(len(odds), p=odds))]


def hang_backdrop(name: str, size: tuple[int, int], accent: Rgb, *, rng: np.random.Generator) -> Image.Image:
    """Return the empty set as an RGB picture of a size (width, height) in pixels."""
    width, height = size
    u = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    v = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    floor = 1 / (1 + np.exp((rng.uniform(0.62, 0.76) - v) * 26)) + 0 * u
    return to_image(_BACKDROPS[name][1](Set(u, v, floor, accent), rng))


def _white(place: Set, rng: np.random.Generator) -> Array:
    return np.full((*place.floor.shape, 3), 255, np.float32)


def _studio(place: Set, rng: np.random.Generator) -> Array:
    corner = np.hypot(place.u - 0.5, place.v - 0.45)
    return mixture((252, 252, 252), (232, 233, 235), 0.75 * place.floor * (1.3 - place.v) + 0.25 * corner)


def _paper(place: Set, rng: np.random.Generator) -> Array:
    tone = blend((236, 232, 226), place.accent, 0.06)
    return mixture(lighter(tone, 0.4), darker(tone, 0.06), 0.7 * place.v + 0.3 * np.abs(place.u - 0.4))


def _coloured(place: Set, rng: np.random.Generator) -> Array:
    tone = blend(place.accent, (180, 180, 180), 0.35)
    return mixture(lighter(tone, 0.35), darker(tone, 0.15), place.floor * 0.8 + 0.2 * place.u)


def _pastel(place: Set, rng: np.random.Generator) -> Array:
    return mixture(lighter(place.accent, 0.78), lighter(place.accent, 0.7), place.v + 0 * place.u)


def _wooden(place: Set, rng: np.random.Generator) -> Array:
    tone = _WOODS[int(rng.integers(len(_WOODS)))]
    height, width = place.floor.shape
    boards = wood(tone, pitch=9)(place.u * 100, place.v * np.float32(100 * height / width))
    if rng.random() < 0.5:  # seen from above, the table fills the frame
        return boards
    wall = np.asarray(lighter(tone, 0.82), np.float32)
    table: Array = wall + (boards - wall) * place.floor[..., None]
    return table


def _dark(place: Set, rng: np.random.Generator) -> Array:
    reach: Array = np.hypot(place.u - 0.5, place.v - 0.4)
    return mixture((74, 76, 82), (22, 23, 26), 1.25 * reach)


_BACKDROPS: dict[str, tuple[float, Callable[[Set, np.random.Generator], Array]]] = {
    "studio": (0.36, _studio),
    "white": (0.24, _white),
    "paper": (0.12, _paper),
    "coloured": (0.10, _coloured),
    "pastel": (0.08, _pastel),
    "wooden": (0.07, _wooden),
    "dark": (0.03, _dark),
}

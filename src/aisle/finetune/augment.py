"""Photos and texts varied as product photos and texts vary, so that a network learns what does not matter."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class PhotoVariation:
    """How much photos are varied.

    Attributes
    ----------
    least_area : float
        Of the photo, that a crop keeps.
    stretch : float
        A crop's sides differ at most by this factor from the photo's.
    colour : float
        Brightness, contrast and saturation change by up to this share.
    border : float
        Share of photos shrunk onto a white sheet, as many shops show them.
    erase : float
        Share of photos of which a rectangle is wiped out (Zhong et al. 2020).
    """

    least_area: float = 0.35
    stretch: float = 1.28
    colour: float = 0.25
    border: float = 0.15
    erase: float = 0.25


def vary_photos(pixels: Tensor, *, size: int, variation: PhotoVariation, rng: np.random.Generator) -> Tensor:
    """Crop, flip, colour, frame and erase photos.

    Parameters
    ----------
    pixels : Tensor of float32, shape (n, 3, height, width)
        From 0 to 255.
    size : int
        Height and width of the result.
    variation : PhotoVariation
    rng : Generator

    Returns
    -------
    Tensor of float32, shape (n, 3, size, size)
        From 0 to 255.
    """
    count = len(pixels)
    area = np.sqrt(rng.uniform(variation.least_area, 1.0, count))
    ratio = np.exp(rng.uniform(-1.0, 1.0, count) * np.log(variation.stretch) / 2)
    sides = np.minimum(np.stack([area * ratio, area / ratio], axis=1), 1.0)
    framed = rng.random(count) < variation.border
    sides[framed] = rng.uniform(1.0, 1.4, (count, 1))[framed]
    offsets = rng.uniform(-1.0, 1.0, (count, 2)) * np.abs(1.0 - sides)
    flips = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    places = np.zeros((count, 2, 3), dtype=np.float32)
    places[:, 0, 0], places[:, 1, 1] = sides[:, 0] * flips, sides[:, 1]
    places[:, :, 2] = offsets
    grid = functional.affine_grid(
        torch.from_numpy(places).to(pixels.device), [count, 3, size, size], align_corners=False
    )
    # Around a photo there is white: it is sampled as what is missing to 255, of which there is none outside.
    found = 255.0 - functional.grid_sample(255.0 - pixels, grid, align_corners=False)
    return _erase(_colour(found, variation.colour, rng), variation.erase, rng)


def _colour(pixels: Tensor, most: float, rng: np.random.Generator) -> Tensor:
    factors = torch.from_numpy(rng.uniform(1 - most, 1 + most, (3, len(pixels), 1, 1, 1)).astype(np.float32))
    brightness, contrast, saturation = factors.to(pixels.device)
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    pixels = (pixels - mean) * contrast + mean * brightness
    grey = pixels.mean(dim=1, keepdim=True)
    return (grey + (pixels - grey) * saturation).clamp(0.0, 255.0)


def _erase(pixels: Tensor, share: float, rng: np.random.Generator) -> Tensor:
    size = pixels.shape[2]
    for row in np.flatnonzero(rng.random(len(pixels)) < share).tolist():
        height, width = rng.integers(max(1, size // 8), max(2, size * 2 // 5), 2).tolist()
        top, left = rng.integers(0, size - height), rng.integers(0, size - width)
        pixels[row, :, top : top + height, left : left + width] = 255.0 if rng.random() < 0.5 else 127.0
    return pixels


def vary_tokens(
    tokens: Sequence[NDArray[np.int64]], *, drop: float, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Leave out tokens at random; the special ones at both ends stay, and so does a text that would lose all.

    Parameters
    ----------
    tokens : sequence of ndarray of int64
        Each with its special tokens.
    drop : float
        Share of the tokens left out.
    rng : Generator
    """
    varied = []
    for text in tokens:
        inner = text[1:-1]
        kept = inner[rng.random(len(inner)) >= drop]
        inner = kept if kept.size else inner
        varied.append(np.concatenate([text[:1], inner, text[-1:]]))
    return varied

"""A 64-bit fingerprint of what a photo looks like.

Two files of the same picture, saved again, made smaller, brighter or slightly cut, get fingerprints that
differ in few bits. Source: the DCT hash of C. Zauner, "Implementation and Benchmarking of Perceptual Image
Hash Functions" (2010): grey, 32 x 32, DCT-II, the 8 x 8 lowest frequencies without the constant row and
column, one bit each for above the median. Brightness is the constant term, contrast a common factor: as long
as nothing is clipped, neither moves a bit.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aisle.catalog.photos import PixelShape, decode_photo

HASH_SHAPE = PixelShape(width=32, height=32, fit="stretch", grey=True)
"""What `perceptual_hash` wants: with these pixels from `decode_all` nothing is decoded twice."""

_SIDE = 32
_KEPT = 8
_FLAT = 4.0  # below this root mean square, in grey levels, the coefficients are noise


def _dct_rows() -> NDArray[np.float64]:
    """Return rows 1 to 8 of the orthonormal DCT-II matrix of 32 points."""
    frequency = np.arange(1, _KEPT + 1)[:, None]
    point = np.arange(_SIDE)[None, :]
    rows: NDArray[np.float64] = np.cos(np.pi * (2 * point + 1) * frequency / (2 * _SIDE))
    return rows * float(np.sqrt(2 / _SIDE))


_ROWS = _dct_rows()
_BITS = np.uint64(1) << np.arange(_KEPT * _KEPT, dtype=np.uint64)


def perceptual_hash(photo: Path | bytes | NDArray[np.uint8]) -> int:
    """Return the 64-bit DCT hash of a photo; 0 for one without structure, e.g. a white sheet.

    Parameters
    ----------
    photo : Path, bytes or ndarray of uint8
        A photo, or its pixels: grey (height, width) or RGB (height, width, 3) of any size.

    Returns
    -------
    int
        From 0 to 2**64 - 1. Compare by the number of differing bits; unrelated photos differ in about 32.

    Raises
    ------
    PhotoError
        The photo cannot be decoded.
    """
    pixels = photo if isinstance(photo, np.ndarray) else decode_photo(photo, shape=HASH_SHAPE)
    if pixels.shape != (_SIDE, _SIDE):
        small = Image.fromarray(pixels).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
        pixels = np.asarray(small)
    waves = (_ROWS @ pixels.astype(np.float64) @ _ROWS.T).ravel()
    if np.sqrt(np.mean(waves**2)) < _FLAT:
        return 0
    return int(_BITS[waves > np.median(waves)].sum())

"""Vectors as an index keeps them: of unit length, in half precision, a block at a time in single precision."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.errors import NearestError

Vectors = NDArray[np.float16]
Floats = NDArray[np.float32]
Ids = NDArray[np.int64]

BLOCK = 8192
"""Vectors that are in single precision at once: 12 MB of 384 numbers."""


def halved(vectors: Any, *, dimension: int | None = None) -> Vectors:
    """Check vectors and return them with unit length in half precision; one of zeros stays as it is.

    Parameters
    ----------
    vectors : array of numbers, shape (n, d)
    dimension : int, optional
        What d has to be.

    Raises
    ------
    NearestError
        They are no such array, have no dimension or another one, or hold what is no finite number.
    """
    rows = check_shape(vectors, dimension=dimension)
    out = np.empty(rows.shape, dtype=np.float16)
    for start in range(0, len(rows), BLOCK):
        out[start : start + BLOCK] = unit_rows(rows[start : start + BLOCK], first=start)
    return out


def check_shape(vectors: Any, *, dimension: int | None = None) -> NDArray[Any]:
    """Return vectors as an array of numbers with a row each.

    Raises
    ------
    NearestError
        They are none, have no dimension, or another than asked.
    """
    rows = np.asarray(vectors)
    if rows.ndim != 2 or rows.dtype.kind not in "fiu":
        raise NearestError(
            f"vectors are an array of numbers with a row each, not {rows.dtype} of shape {rows.shape}; "
            "a single one is vector[None]"
        )
    if not rows.shape[1]:
        raise NearestError("these vectors have no numbers; give at least one column")
    if dimension is not None and rows.shape[1] != dimension:
        raise NearestError(
            f"these vectors have {rows.shape[1]} numbers and those of the index {dimension}; make both with one encoder"
        )
    return rows


def unit_rows(rows: NDArray[Any], *, first: int = 0) -> Floats:
    """Bring some rows to unit length; one of zeros stays as it is.

    Raises
    ------
    NearestError
        One holds what is no finite number; it is named by its place, counted from `first`.
    """
    exact = rows.astype(np.float64)
    largest = np.abs(exact).max(axis=1, keepdims=True)
    if not np.isfinite(largest).all():
        broken = first + int(np.flatnonzero(~np.isfinite(largest))[0])
        raise NearestError(f"vector {broken} holds NaN or an infinity; give zeros for what is like nothing")
    # By the largest number first: the square of a huge one is infinite, that of a tiny one zero.
    exact /= np.where(largest > 0, largest, 1.0)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    return np.asarray(exact / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def blocks(vectors: Vectors, *, size: int = BLOCK) -> Iterator[tuple[int, Floats]]:
    """Yield vectors in single precision, a block at a time, each with the row that it starts at."""
    for start in range(0, len(vectors), size):
        yield start, np.asarray(vectors[start : start + size], dtype=np.float32)

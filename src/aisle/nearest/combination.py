"""One vector for a product: its texts and its photo side by side, each with half of the say."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.errors import NearestError
from aisle.nearest.rows import Floats, unit_rows

KINDS = {"text": ("title", "description"), "photo": ("photo",)}
"""Fields that are embedded by one encoder are added up, and make one part of the vector."""

WIDTH = 384
"""Numbers of a vector at most, shared evenly: about as many neighbours are of the same category as with all 2,944
numbers (docs/nearest.md), in an eighth of the memory."""


@dataclass(frozen=True, eq=False)
class Combination:
    """How the embeddings of a product become one vector.

    Attributes
    ----------
    directions : mapping of str to ndarray of float32, shape (d, w)
        Kind to the orthonormal directions that its embeddings are seen along.
    """

    directions: Mapping[str, Floats]

    @classmethod
    def learn(cls, examples: Mapping[str, Floats]) -> "Combination":
        """Choose the directions along which examples differ most.

        Parameters
        ----------
        examples : mapping of str to ndarray, shape (m, d)
            Field to centred unit vectors of some products.

        Raises
        ------
        NearestError
            There are none.
        """
        found = {kind: [examples[name] for name in names if name in examples] for kind, names in KINDS.items()}
        present = {kind: np.concatenate(rows) for kind, rows in found.items() if rows}
        if not present:
            raise NearestError(
                "this engine embeds neither texts nor photos, so it cannot say what is like what; train another one"
            )
        return cls({kind: _directions(rows, WIDTH // len(present)) for kind, rows in present.items()})

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return sum(each.shape[1] for each in self.directions.values())

    def combine(self, vectors: Mapping[str, Floats]) -> Floats:
        """Return one unit vector for each product.

        Parameters
        ----------
        vectors : mapping of str to ndarray, shape (n, d)
            Field to centred unit vectors; zero where a product lacks the field.

        Returns
        -------
        ndarray of float32, shape (n, width)
            Zero in the place of a kind that a product lacks: it is compared by the other alone then, and at most 0.71
            like one that has both.
        """
        parts = [
            unit_rows(sum(vectors[name] for name in KINDS[kind] if name in vectors) @ directions)
            for kind, directions in self.directions.items()
        ]
        return unit_rows(np.concatenate(parts, axis=1))


def _directions(rows: Floats, width: int) -> Floats:
    """Return the principal directions of some rows; where these are too few, random ones after them."""
    dimension = rows.shape[1]
    if dimension <= width:
        return np.eye(dimension, dtype=np.float32)
    exact = rows.astype(np.float64)
    if len(rows) < dimension:
        values, left = np.linalg.eigh(exact @ exact.T)
        vectors = exact.T @ left
    else:
        values, vectors = np.linalg.eigh(exact.T @ exact)
    principal = vectors[:, values > values[-1] * 1e-9][:, ::-1][:, :width]
    others = np.random.default_rng(0).standard_normal((dimension, width - principal.shape[1]))
    orthonormal: NDArray[np.float64] = np.linalg.qr(np.concatenate([_unit_columns(principal), others], axis=1))[0]
    return orthonormal.astype(np.float32)


def _unit_columns(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=0)
    return found

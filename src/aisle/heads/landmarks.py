"""Embeddings seen through their likeness to landmarks: curved boundaries at a cost that grows linearly.

The Gaussian kernel is approximated on a fixed number of training products (Williams & Seeger, "Using the Nyström method
to speed up kernel machines", 2001). With as many landmarks as products it is exact. Imported to predict: numpy only.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

MOST_LANDMARKS = 1500
GAMMA = 0.5
"""On unit vectors: likeness is ``exp(-GAMMA * squared distance)``, from exp(-2) for opposites to 1."""


@dataclass(frozen=True, eq=False)
class Landmarks:
    """What an embedding is compared with.

    Attributes
    ----------
    centre : ndarray of float32, shape (d,)
        Taken off before the length is made 1.
    points : ndarray of float32, shape (m, d)
        The landmarks, centred and of unit length.
    """

    centre: Array
    points: Array

    @cached_property
    def _squares(self) -> Array:
        """The squared length of each landmark: for one product at a time this is as much work as the rest."""
        return np.asarray((self.points * self.points).sum(axis=1))

    def unit(self, embeddings: Array) -> Array:
        """Centre embeddings (n, d) and bring them to unit length; one at the very centre stays zero."""
        rows = embeddings - self.centre
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.maximum(lengths, np.float32(1e-12)), dtype=np.float32)

    def likeness(self, embeddings: Array) -> Array:
        """Return the Gaussian kernel of embeddings (n, d) with every landmark, shape (n, m)."""
        rows = self.unit(embeddings)
        squared = (rows * rows).sum(axis=1)[:, None] + self._squares - 2 * rows @ self.points.T
        return np.asarray(np.exp(-GAMMA * squared), dtype=np.float32)


def choose_landmarks(embeddings: Array, *, seed: int, most: int = MOST_LANDMARKS) -> Landmarks:
    """Choose landmarks among embeddings (n, d): all of them, or a draw without repetition."""
    if len(embeddings) > most:
        chosen = np.sort(np.random.default_rng(seed).choice(len(embeddings), size=most, replace=False))
    else:
        chosen = np.arange(len(embeddings))
    centre = embeddings.mean(axis=0, dtype=np.float64).astype(np.float32)
    bare = Landmarks(centre, embeddings[:0])
    points = np.unique(bare.unit(embeddings[chosen]), axis=0)
    return Landmarks(centre, points)


def kernel_root(landmarks: Landmarks) -> Array:
    """Return R, (m, m), with which ``likeness @ R`` has the kernel as its inner products.

    The inverse square root of the landmarks' own kernel; directions that are rounding noise are left out.
    """
    own = landmarks.likeness(landmarks.points + landmarks.centre).astype(np.float64)
    values, vectors = np.linalg.eigh(own)
    kept = values > values[-1] * 1e-6
    return np.asarray(vectors[:, kept] / np.sqrt(values[kept]), dtype=np.float32)

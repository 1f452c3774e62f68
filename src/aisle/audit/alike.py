"""Products that are like one another: near-duplicates, and the nearest labelled products."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from aisle.catalog.duplicates import near_duplicate_groups
from aisle.engine.gather import hash_photos, whole_texts
from aisle.heads.expert import Fields
from aisle.heads.fused import FusedClassifier
from aisle.heads.landmarks import Landmarks
from aisle.product import Product

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]

NEAREST = 3
COMPARED = ("title", "photo")
_ROWS = 512


@dataclass(frozen=True, eq=False)
class Groups:
    """Near-duplicates share a number, each array of shape (n,); a product like no other has one of its own.

    Attributes
    ----------
    by_text, by_photo, by_either : ndarray of int
    """

    by_text: Ids
    by_photo: Ids
    by_either: Ids


def group_by_likeness(products: Sequence[Product], *, threads: int) -> Groups:
    """Group near-duplicates by text, by photo, and by either."""
    texts = whole_texts(products)
    by_text = near_duplicate_groups(texts)
    hashes = hash_photos(products, threads=threads)
    by_photo = near_duplicate_groups([""] * len(texts), photo_hashes=hashes)
    size = len(texts)
    links = coo_array((np.ones(size, dtype=np.bool_), (by_text, size + by_photo)), shape=(2 * size, 2 * size))
    joined = connected_components(links, directed=False)[1][by_text]
    return Groups(by_text, by_photo, np.unique(joined, return_inverse=True)[1].astype(np.int64))


class Neighbours:
    """Finds the labelled products that are most like some of them, by title and photo.

    Parameters
    ----------
    fields : mapping of str to FieldData
        Of all labelled products.
    classifier : FusedClassifier
        Knows where the middle of each embedding lies.
    """

    def __init__(self, fields: Fields, classifier: FusedClassifier) -> None:
        self._size = len(next(iter(fields.values())).present)
        self._units = []
        for expert in classifier.experts:
            data = fields[expert.field]
            if expert.field in COMPARED and isinstance(expert.view, Landmarks) and data.embeddings is not None:
                self._units.append(expert.view.unit(data.embeddings) * data.present[:, None])
        self._known = [np.asarray(unit.any(axis=1)) for unit in self._units]

    def find(self, rows: Ids, *, count: int = NEAREST) -> list[list[tuple[int, float]]]:
        """Return, for each of the rows, the nearest others with their mean cosine, the most similar first."""
        found: list[list[tuple[int, float]]] = []
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS]
            likeness = self._compare(part, slice(None))
            likeness[np.arange(len(part)), part] = -np.inf
            found += [self._order(row, np.arange(len(row)), count) for row in likeness]
        return found

    def sort(self, row: int, others: Ids) -> list[tuple[int, float]]:
        """Return some products with their mean cosine to one, the most similar first."""
        return self._order(self._compare(np.array([row]), others)[0], others, len(others), bare=True)

    def _compare(self, rows: Ids, others: Ids | slice) -> Floats:
        """Return mean cosines over what both of a pair have; minus infinity where they share nothing."""
        likeness = np.full((len(rows), len(np.arange(self._size)[others])), 0.0)
        shared = np.zeros_like(likeness)
        for unit, known in zip(self._units, self._known, strict=True):
            likeness += unit[rows] @ unit[others].T
            shared += known[rows][:, None] & known[others]
        return np.where(shared > 0, likeness / np.maximum(shared, 1), -np.inf)

    def _order(self, likeness: Floats, names: Ids, count: int, *, bare: bool = False) -> list[tuple[int, float]]:
        """Return the names of the greatest likenesses; those that share nothing only where `bare` asks for them."""
        chosen = np.argsort(-likeness, kind="stable")[:count].tolist()
        return [
            (int(names[place]), float(np.clip(likeness[place], 0.0, 1.0)))
            for place in chosen
            if bare or np.isfinite(likeness[place])
        ]

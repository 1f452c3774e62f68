"""An expert: scores of every category from one field of a product, seen in one way.

Imported to predict: numpy only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aisle.heads.landmarks import Landmarks
from aisle.heads.lexicon import Lexicon

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]
Kind = Literal["terms", "embedding"]


@dataclass(frozen=True, eq=False)
class FieldData:
    """One field of many products.

    Attributes
    ----------
    present : ndarray of bool, shape (n,)
        Which products have it.
    texts : tuple of str or None
        One per product, where the field is text.
    embeddings : ndarray of float32, shape (n, d), or None
        One row per product, where an encoder reads the field.
    seen : ndarray of bool, shape (n,), or None
        Products that the encoder was tuned on, or on a near-duplicate of theirs: their embeddings give their category
        away, and no held-out score is made of them. None: no product.
    untuned : ndarray of float32, shape (n, e), or None
        What the encoder made of the products before it was tuned. Held-out scores of seen products are made of it.
    """

    present: Mask
    texts: tuple[str, ...] | None = None
    embeddings: Array | None = None
    seen: Mask | None = None
    untuned: Array | None = None

    def take(self, rows: NDArray[np.int64]) -> "FieldData":
        """Return some of the products."""
        texts = None if self.texts is None else tuple(self.texts[row] for row in rows.tolist())
        embeddings, untuned = (None if part is None else part[rows] for part in (self.embeddings, self.untuned))
        return FieldData(self.present[rows], texts, embeddings, None if self.seen is None else self.seen[rows], untuned)


Fields = Mapping[str, FieldData]
"""Field name to its data; all of the same length."""


@dataclass(frozen=True, eq=False)
class Expert:
    """A linear head on the terms of a text, or on the likeness of an embedding to landmarks.

    Attributes
    ----------
    field : str
        ``title``, ``description``, ``attributes`` or ``photo``.
    view : Lexicon or Landmarks
        What it sees of the field.
    weights : ndarray of float32, shape (features, nodes)
    bias : ndarray of float32, shape (nodes,)
        Scores of a tree's nodes are ``features @ weights + bias``.
    """

    field: str
    view: Lexicon | Landmarks
    weights: Array
    bias: Array

    @property
    def kind(self) -> Kind:
        """What it sees: terms or an embedding."""
        return "terms" if isinstance(self.view, Lexicon) else "embedding"

    @property
    def name(self) -> str:
        """``title, terms`` and the like."""
        return f"{self.field}, {self.kind}"

    def score(self, data: FieldData) -> Array:
        """Score products, shape (n, nodes). Rows that do not have the field are meaningless."""
        if isinstance(self.view, Landmarks):
            if data.embeddings is None:
                raise ValueError(f"the expert {self.name!r} needs embeddings")
            return np.asarray(self.view.likeness(data.embeddings) @ self.weights + self.bias)
        if data.texts is None:
            raise ValueError(f"the expert {self.name!r} needs texts")
        return self._score_texts(data.texts, self.view)

    def _score_texts(self, texts: Sequence[str], lexicon: Lexicon) -> Array:
        found = np.empty((len(texts), len(self.bias)), dtype=np.float32)
        values, columns, starts = lexicon.rows(texts)
        for row, (start, stop) in enumerate(pairwise(starts.tolist())):
            found[row] = values[start:stop] @ self.weights[columns[start:stop]] + self.bias
        return found

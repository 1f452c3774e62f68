"""Features of several kinds side by side, each learned on the training rows of a split only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import eigh
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize

Array = NDArray[np.float32]
Indices = NDArray[np.int64]

LATENT_DIMENSIONS = 300
_MAX_GRAMS = 100_000
_EXACT_ROWS = 4000
_NEGLIGIBLE = 1e-6  # of the largest eigenvalue: below this, float32 holds only rounding noise


@dataclass(frozen=True)
class DenseBlock:
    """An embedding: centred on the training rows, rows of unit length; rows without it stay zero.

    Parameters
    ----------
    matrix : ndarray of float32, shape (n, d)
        One row per product.
    present : ndarray of bool, shape (n,)
        Where the product has it.
    """

    matrix: Array
    present: NDArray[np.bool_]

    def split(self, train: Indices, test: Indices) -> tuple[Array, Array]:
        """Return the features of the training and the test rows."""
        seen = train[self.present[train]]
        mean = self.matrix[seen].mean(axis=0) if seen.size else np.zeros(self.matrix.shape[1], dtype=np.float32)

        def rows(which: Indices) -> Array:
            return np.asarray(normalize(self.matrix[which] - mean) * self.present[which, None], dtype=np.float32)

        return rows(train), rows(test)


class LexicalBlock:
    """Latent semantic analysis of word and character n-grams (Deerwester et al. 1990), learned on the training rows.

    Words (of two letters and more) and word pairs, and character 2- to 5-grams within words, sublinear TF-IDF, reduced
    to 300 dimensions. A text without any of them is a row of zeros.

    Parameters
    ----------
    texts : sequence of str
        One per product.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        # n-grams are only counted here; which of them exist, and what they weigh, is learned in `split`.
        words = CountVectorizer(ngram_range=(1, 2), dtype=np.float32)
        letters = CountVectorizer(analyzer="char_wb", ngram_range=(2, 5), dtype=np.float32)
        self._counts = [_count(vectoriser, texts) for vectoriser in (words, letters)]

    def split(self, train: Indices, test: Indices) -> tuple[Array, Array]:
        """Return the features of the training and the test rows."""
        known, new = [], []
        for counts in self._counts:
            frequency = counts[train].getnnz(axis=0)
            columns = np.flatnonzero(frequency >= 2)
            if columns.size > _MAX_GRAMS:
                columns = np.sort(columns[np.argsort(-frequency[columns], kind="stable")[:_MAX_GRAMS]])
            if columns.size:
                weigh = TfidfTransformer(sublinear_tf=True)
                known.append(weigh.fit_transform(counts[train][:, columns]))
                new.append(weigh.transform(counts[test][:, columns]))
        if not known:  # no two texts share anything
            return _zeros(train), _zeros(test)
        return _reduce(sparse.hstack(known, format="csr"), sparse.hstack(new, format="csr"))


Block = DenseBlock | LexicalBlock
"""Rows of unit length, so that side by side no block drowns another because it has more columns."""


def _count(vectoriser: CountVectorizer, texts: Sequence[str]) -> sparse.csr_matrix:
    try:
        return vectoriser.fit_transform(texts)
    except ValueError:  # no text has a word
        return sparse.csr_matrix((len(texts), 1), dtype=np.float32)


def _reduce(seen: sparse.csr_matrix, unseen: sparse.csr_matrix) -> tuple[Array, Array]:
    """Project both on the leading singular directions of the first.

    Few rows: from the eigenvectors of their inner products, which is exact. Many: randomised (Halko et al. 2011).
    """
    dimensions = min(LATENT_DIMENSIONS, *seen.shape)
    if seen.shape[0] > _EXACT_ROWS:
        latent = TruncatedSVD(dimensions, n_iter=2, random_state=0)
        reduced = latent.fit_transform(seen)
        return _unit(reduced), _unit(latent.transform(unseen))
    last = seen.shape[0] - 1
    values, vectors = eigh((seen @ seen.T).toarray(), subset_by_index=(last - dimensions + 1, last))
    kept = values > values[-1] * _NEGLIGIBLE
    spread = np.sqrt(values[kept])
    return _unit(vectors[:, kept] * spread), _unit((unseen @ seen.T) @ (vectors[:, kept] / spread))


def _zeros(rows: Indices) -> Array:
    return np.zeros((len(rows), 1), dtype=np.float32)


def _unit(rows: NDArray[np.float32]) -> Array:
    return np.asarray(normalize(rows), dtype=np.float32)

"""Regularised least-squares classifiers, one among the children of each category: solved, not searched for.

Targets are 1 for a product's own category among its siblings and 0 for the others (Rifkin, Yeo & Poggio, "Regularized
least-squares classification", 2003). The cost grows with the products and hardly with the categories: one matrix is
factorised for all of them. Up to a few thousand products it is that of their inner products; above, conjugate
gradients need only products with the features, which grow linearly.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from aisle.heads.tree import CategoryTree

Array = NDArray[np.float32]
Ids = NDArray[np.int64]
Features = Any
"""ndarray or csr_matrix of float32, shape (n, d), rows of length 1 at most."""

RIDGE_PER_ROW = 3e-5
LEAST_RIDGE, MOST_RIDGE = 0.03, 0.3
"""On features whose rows have about unit length. A thousand products want little, ten thousand ten times as much; a
factor of three hardly matters (`benchmarks/engine_choices.py`)."""

EXACT_ROWS = 6_000
_SHARED = 50  # a term that more than one in so many products has is a common one
_ROWS_AT_ONCE = 1000
_TOLERANCE = 1e-2
_ITERATIONS = 100


class Ridge:
    """Fits linear scores of a tree's nodes to products.

    Parameters
    ----------
    features : ndarray or csr_matrix of float32, shape (n, d)
        One row per product.
    terminals : ndarray of int, shape (n,)
        The terminal node of each product.
    tree : CategoryTree
        Its nodes are what is scored.
    ridge : float, optional
        What is added to the inner products; by default it grows with the products, see `usual_ridge`.
    """

    def __init__(self, features: Features, terminals: Ids, *, tree: CategoryTree, ridge: float | None = None) -> None:
        self._features = features
        self._ways = tree.indicator(terminals)
        self._tree = tree
        self._ridge = ridge
        self._products: Array | None = None

    def fit(self, rows: Ids) -> tuple[Array, Array]:
        """Fit to some of the products.

        Returns
        -------
        weights : ndarray of float32, shape (d, nodes)
        bias : ndarray of float32, shape (nodes,)
            Scores are ``features @ weights + bias``. Siblings of which no product is among the rows have bias 0.
        """
        dimensions = self._features.shape[1]
        weights = np.zeros((dimensions, len(self._tree)), dtype=np.float32)
        bias = np.zeros(len(self._tree), dtype=np.float32)
        for _, run in self._tree.siblings():
            targets = self._ways[rows, run].astype(np.float32)
            here = targets.any(axis=1)
            if not here.any() or targets.shape[1] < 2:
                continue
            targets = targets[here]
            bias[run] = targets.mean(axis=0)
            ridge = usual_ridge(int(here.sum())) if self._ridge is None else self._ridge
            weights[:, run] = self._solve(rows[here], targets - bias[run], ridge)
        return weights, bias

    def score(self, weights: Array, bias: Array, rows: Ids) -> Array:
        """Return the scores of some of the products, shape (len(rows), nodes)."""
        return np.asarray(self._features[rows] @ weights + bias, dtype=np.float32)

    def _solve(self, rows: Ids, targets: Array, ridge: float) -> Array:
        features = self._features[rows]
        count, dimensions = features.shape
        if not sparse.issparse(features) and dimensions < count:
            inner = features.T @ features
            inner[np.diag_indices(dimensions)] += ridge
            return np.asarray(_factorised(inner, features.T @ targets))
        if count > EXACT_ROWS:
            return np.asarray(features.T @ _conjugate_gradients(features, targets, ridge=ridge))
        inner = self._inner(rows)
        inner[np.diag_indices(count)] += ridge
        return np.asarray(features.T @ _factorised(inner, targets))

    def _inner(self, rows: Ids) -> Array:
        """Return the inner products of some rows; those of all are computed once where they fit."""
        if self._features.shape[0] > EXACT_ROWS:
            return inner_products(self._features[rows])
        if self._products is None:
            self._products = inner_products(self._features)
        return self._products[np.ix_(rows, rows)]


def usual_ridge(rows: int) -> float:
    """Return the ridge for so many products.

    >>> usual_ridge(500), usual_ridge(100_000)
    (0.03, 0.3)
    """
    return min(MOST_RIDGE, max(LEAST_RIDGE, RIDGE_PER_ROW * rows))


def inner_products(features: Features) -> Array:
    """Return the inner products of all pairs of rows, shape (n, n).

    The terms that many products share go through a dense product, which is the faster one for them; what they cost a
    sparse one grows with the square of how many share them.
    """
    if not sparse.issparse(features):
        return np.asarray(features @ features.T)
    shared = features.getnnz(axis=0) * _SHARED > features.shape[0]
    dense = features[:, shared].toarray()
    found = dense @ dense.T
    rare = features[:, ~shared]
    transposed = rare.T.tocsr()
    for at in range(0, len(found), _ROWS_AT_ONCE):
        found[at : at + _ROWS_AT_ONCE] += (rare[at : at + _ROWS_AT_ONCE] @ transposed).toarray()
    return np.asarray(found)


def _factorised(inner: Array, targets: Array) -> Array:
    factor = linalg.cho_factor(inner, lower=True, overwrite_a=True, check_finite=False)
    return np.asarray(linalg.cho_solve(factor, targets, check_finite=False), dtype=np.float32)


def _conjugate_gradients(features: Features, targets: Array, *, ridge: float) -> Array:
    """Solve ``(features features' + ridge) x = targets`` for all columns side by side (Hestenes & Stiefel 1952)."""
    transposed = features.T.tocsr() if sparse.issparse(features) else features.T
    solution = np.zeros_like(targets)
    residual = targets.copy()
    direction = residual.copy()
    size = (residual**2).sum(axis=0)
    goal = size * np.float32(_TOLERANCE**2)
    for _ in range(_ITERATIONS):
        if (size <= goal).all():
            break
        image = features @ (transposed @ direction) + np.float32(ridge) * direction
        step = size / np.maximum((direction * image).sum(axis=0), np.float32(1e-30))
        solution += step * direction
        residual -= step * image
        fresh = (residual**2).sum(axis=0)
        direction = residual + (fresh / np.maximum(size, np.float32(1e-30))) * direction
        size = fresh
    return solution

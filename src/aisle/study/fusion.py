"""Text and photo in one space, without labels.

A view is one encoder's matrix over all products. Side by side, two views already cluster better than either;
what k-means then still gets wrong are products whose own text or photo is unusual although their neighbours'
is not. So the views are first smoothed over the graph of nearest neighbours: each product takes over part of
what products like it, in text and photo together, look like. Nothing here sees a label.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from aisle.errors import AisleError

Matrix = NDArray[np.float32]
Presence = NDArray[np.bool_]

_BLOCK_BYTES = 64 << 20
_NEGLIGIBLE = 1e-5  # of a unit vector: below this, float32 holds only rounding noise


class ViewShapeError(AisleError, ValueError):
    """The views do not describe the same products."""


def concatenate(views: Sequence[Matrix], *, presence: Sequence[Presence]) -> Matrix:
    """Scale each view and put the views side by side.

    Every row of a view is scaled to unit length, so that each view counts the same whatever the units and the
    number of its columns, and a distance between rows is a cosine distance. A product that a view lacks takes
    that view's mean, which draws it neither way. A row of zeros (a text without a known word) has no
    direction and counts as lacking.

    Parameters
    ----------
    views : sequence of ndarray of float32, shape (n, d_i)
        The same n products in each, in the same order.
    presence : sequence of ndarray of bool, shape (n,)
        For each view, which rows hold a product; the others are not read.

    Returns
    -------
    ndarray of float32, shape (n, sum of d_i)
        Every view, scaled.

    Raises
    ------
    ViewShapeError
        There is no view, or the views differ in their number of rows.
    """
    _check(views, presence)
    return np.hstack([_fill(view, present) for view, present in zip(views, presence, strict=True)])


def diffuse(
    views: Sequence[Matrix],
    *,
    presence: Sequence[Presence],
    neighbours: int = 10,
    restart: float = 0.1,
    steps: int = 10,
) -> Matrix:
    """Smooth the views over the graph of nearest neighbours that they share, and put them side by side.

    Each view is scaled as in `concatenate`, centred, and scaled again, so that similar means more alike than
    any two products of this catalogue. Each product is joined to its nearest neighbours by the cosine over
    all views. Personalised PageRank then spreads every view's rows over that one graph, as in a graph network
    without weights: what the photo says reaches the text of similar products, and the reverse. Last, each
    view's rows are scaled to unit length again: smoothing shrinks a product whose neighbours disagree and not
    one among near-duplicates, and k-means would take that length for a difference between products.

    The defaults are customary: restart and steps as in Gasteiger et al., ten neighbours as in scikit-learn's
    spectral clustering. The kind of graph and the last scaling were chosen by their score on the study's
    catalogue, among the variants that `docs/results.md` lists.

    Parameters
    ----------
    views : sequence of ndarray of float32, shape (n, d_i)
        The same n products in each, in the same order.
    presence : sequence of ndarray of bool, shape (n,)
        For each view, which rows hold a product. One that a view lacks takes over its neighbours' rows there.
    neighbours : int
        Nearest neighbours of each product; an edge holds in both directions.
    restart : float
        The weight, in (0, 1], of a product's own row at each step: 1 leaves the rows as they are.
    steps : int
        Steps of the power iteration that approximates PageRank.

    Returns
    -------
    ndarray of float32, shape (n, sum of d_i)
        Features for k-means. A product that is present in no view keeps a row of zeros, the centre.

    Raises
    ------
    ViewShapeError
        There is no view, or the views differ in their number of rows.

    Notes
    -----
    Memory is that of the result a few times over, and of n × neighbours edges; the search for neighbours is a
    matrix product in blocks, so its time grows with n squared.

    References
    ----------
    Gasteiger, Bojchevski & Günnemann, "Predict then propagate", ICLR 2019: PageRank in place of layers, with
    restart 0.1 and 10 steps. Wu et al., "Simplifying graph convolutional networks", ICML 2019, and Zhang et
    al., "Attributed graph clustering via adaptive graph convolution", IJCAI 2019: smoothing without weights
    before k-means. Zhou et al., "Learning with local and global consistency", NIPS 2003: the symmetric
    normalisation. Ng, Jordan & Weiss, "On spectral clustering", NIPS 2001: unit rows before k-means.
    """
    _check(views, presence)
    parts = [_centre(_fill(view, present)) for view, present in zip(views, presence, strict=True)]
    own = np.hstack(parts)
    spread = _propagation(_unit(own), neighbours)
    smoothed = own
    for _ in range(steps):
        smoothed = spread @ smoothed
        smoothed *= np.float32(1 - restart)
        smoothed += np.float32(restart) * own
    edges = np.cumsum([part.shape[1] for part in parts])[:-1]
    return np.hstack([_unit(part) for part in np.split(smoothed, edges, axis=1)])


def _check(views: Sequence[Matrix], presence: Sequence[Presence]) -> None:
    """Raise unless there are views, all of the same products, each with its presence."""
    if not views:
        raise ViewShapeError("there is no view to fuse; give at least one matrix")
    if len(presence) != len(views):
        raise ViewShapeError(
            f"{len(views)} views came with {len(presence)} presence masks; give one mask for each view"
        )
    rows = [view.shape[0] for view in views]
    masks = [mask.shape[0] for mask in presence]
    if len({*rows, *masks}) != 1:
        raise ViewShapeError(
            f"the views have {rows} rows and their presence masks {masks}; each must have one row per product"
        )


def _unit(rows: Matrix) -> Matrix:
    """Scale rows to unit length; a row without direction becomes zero."""
    lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]
    scaled: Matrix = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > _NEGLIGIBLE)
    return scaled


def _fill(view: Matrix, present: Presence) -> Matrix:
    """Scale the rows that are there to unit length and put their mean where there is none."""
    X = np.zeros(view.shape, dtype=np.float32)
    X[present] = view[present]
    peaks = np.abs(X).max(axis=1, initial=0)[:, None]
    np.divide(X, peaks, out=X, where=peaks > 0)  # first by the largest entry, whose square cannot overflow
    X = _unit(X)
    found = peaks[:, 0] > 0
    if found.any():
        X[~found] = X[found].mean(axis=0, dtype=np.float64)
    return X


def _centre(rows: Matrix) -> Matrix:
    """Turn unit rows into unit rows about their mean."""
    if not rows.size:
        return rows
    return _unit(rows - rows.mean(axis=0, dtype=np.float64).astype(np.float32))


def _propagation(own: Matrix, neighbours: int) -> sp.csr_array:
    """Return the symmetrically normalised graph of nearest neighbours, each product also joined to itself.

    Products that are no more alike than any two (cosine 0 or less, after centring) are not joined.
    """
    n = own.shape[0]
    pairs = list(_nearest(own, min(neighbours, n - 1))) if n > 1 and neighbours > 0 else []
    rows = np.concatenate([np.arange(n), *(rows for rows, _ in pairs)])
    columns = np.concatenate([np.arange(n), *(columns for _, columns in pairs)])
    directed = sp.csr_array((np.ones(rows.size, dtype=np.float32), (rows, columns)), shape=(n, n))
    graph = sp.csr_array(directed.maximum(directed.T))
    scale = 1 / np.sqrt(graph.sum(axis=1))
    graph.data *= (np.repeat(scale, np.diff(graph.indptr)) * scale[graph.indices]).astype(np.float32)
    return graph


def _nearest(own: Matrix, neighbours: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield, block by block, rows and the rows nearest to them by inner product."""
    n = own.shape[0]
    block = max(1, _BLOCK_BYTES // (n * 8))  # 4 bytes for the product, and as much again to partition it
    for first in range(0, n, block):
        likeness = own[first : first + block] @ own.T
        rows = np.arange(first, first + likeness.shape[0])
        likeness[rows - first, rows] = -np.inf
        nearest = np.argpartition(likeness, n - neighbours, axis=1)[:, n - neighbours :]
        alike = np.take_along_axis(likeness, nearest, axis=1) > _NEGLIGIBLE
        yield np.repeat(rows, neighbours)[alike.ravel()], nearest[alike]

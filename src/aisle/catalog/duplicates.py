"""Products that are, or are nearly, the same as another one.

A near-duplicate on both sides of a split lets an evaluation flatter itself: the group ids made here keep it
on one side.

Texts are compared by the cosine of their TF-IDF vectors. All pairs above a threshold are found without
comparing all pairs: the commonest terms of each text, as long as their part of the vector is shorter than the
threshold, cannot make a pair on their own, so two texts can only match if they share one of the other, rarer
terms. Source: Bayardo, Ma and Srikant, "Scaling up all pairs similarity search" (WWW 2007), with the prefix
rule on both sides. Photos are compared by the differing bits of their hashes, each distinct hash with each
other: n * n / 2 comparisons of 64 bits.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import TfidfVectorizer

from aisle.files import sha256_bytes, sha256_file

Ids = NDArray[np.int64]

MAX_DISTANCE = 8
"""Differing bits of two photo hashes that still count as the same picture."""

MIN_BITS = 8
"""A hash with fewer bits set, or fewer bits clear, is of a photo without structure and matches nothing."""

_BLOCK_PRODUCTS = 4_000_000  # multiplications whose results are in memory at once, about 100 MB
_BLOCK_PAIRS = 100_000  # pairs compared exactly at once
_BLOCK_HASHES = 512  # a square of them fits a cache
_ROUNDING = 1e-6


def near_duplicate_groups(
    texts: Sequence[str],
    *,
    threshold: float = 0.7,
    photo_hashes: Sequence[int | None] | None = None,
    max_distance: int = MAX_DISTANCE,
) -> Ids:
    """Find the groups of products that are alike in text or in photo.

    Groups are connected components: two products may share a group through a third. A product like no other
    has a group of its own. A text without a word is like no other, and so is a photo without structure.

    Parameters
    ----------
    texts : sequence of str
        One per product; name and description, joined by a blank, separate best.
    threshold : float
        Two texts are alike if the cosine of their TF-IDF vectors (words, sublinear counts) is above it.
    photo_hashes : sequence of int or None, optional
        One `aisle.catalog.photo_hash.perceptual_hash` per product; None where there is no photo.
    max_distance : int
        Two photos are alike if at most so many of the 64 bits differ.

    Returns
    -------
    ndarray of int64, shape (len(texts),)
        Group ids 0, 1, 2, ... in the order of first appearance.

    Raises
    ------
    ValueError
        The threshold is not between 0 and 1, or there is not one hash per text.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"threshold is between 0 and 1, not {threshold}")
    if photo_hashes is not None and len(photo_hashes) != len(texts):
        raise ValueError(f"{len(photo_hashes)} photo hashes for {len(texts)} texts: there must be one each")
    groups = np.arange(len(texts), dtype=np.int64)
    for one, other in _alike_texts(texts, threshold, groups):
        _join(groups, one, other)
    if photo_hashes is not None:
        for one, other in _alike_hashes(photo_hashes, max_distance):
            _join(groups, one, other)
    return _numbered(groups)


def exact_duplicates(texts: Sequence[str], photos: Sequence[Path | bytes | None] | None = None) -> Ids:
    """Find the groups of products with the same text and the same photo file.

    Texts are the same if they agree after Unicode normalisation (NFKC), case folding and joining of blanks;
    photos if their bytes have the same SHA-256. A product with neither a text nor a photo is like no other.

    Parameters
    ----------
    texts : sequence of str
        One per product.
    photos : sequence of Path, bytes or None, optional
        One per product. A file that cannot be read is like no other.

    Returns
    -------
    ndarray of int64, shape (len(texts),)
        Group ids 0, 1, 2, ... in the order of first appearance.

    Raises
    ------
    ValueError
        There is not one photo per text.
    """
    if photos is not None and len(photos) != len(texts):
        raise ValueError(f"{len(photos)} photos for {len(texts)} texts: there must be one each, or None")
    seen: dict[tuple[str, str] | int, int] = {}
    groups = np.empty(len(texts), dtype=np.int64)
    for row, text in enumerate(texts):
        words = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
        photo = "" if photos is None else _content(photos[row])
        known = photo is not None and (words or photo)
        groups[row] = seen.setdefault((words, photo or "") if known else row, len(seen))
    return groups


def _content(photo: Path | bytes | None) -> str | None:
    if photo is None:
        return ""
    try:
        return sha256_bytes(photo) if isinstance(photo, bytes) else sha256_file(photo)
    except (OSError, ValueError):
        return None


def _join(groups: Ids, one: Ids, other: Ids) -> None:
    """Give both ends of every pair the same id, in place."""
    left, right = groups[one], groups[other]
    apart = left != right
    if apart.any():
        pairs = coo_array((np.ones(int(apart.sum()), bool), (left[apart], right[apart])), shape=(groups.size,) * 2)
        groups[:] = connected_components(pairs, directed=False)[1][groups]


def _numbered(groups: Ids) -> Ids:
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _alike_texts(texts: Sequence[str], threshold: float, groups: Ids) -> Iterator[tuple[Ids, Ids]]:
    """Yield pairs of alike texts; `groups` is read to leave out what is together already."""
    try:
        vectors = TfidfVectorizer(sublinear_tf=True, dtype=np.float32).fit_transform(texts)
    except ValueError:  # not one text has a word
        return
    vectors = _common_first(csr_array(vectors))
    rows, same = _distinct(vectors)
    yield same
    vectors = vectors[rows]
    rare, tails = _rare_part(vectors, threshold)
    transposed = rare.T.tocsr()
    for start, stop in _blocks(rare):
        found = (rare[start:stop] @ transposed).tocoo()
        one, other = found.row.astype(np.int64) + start, found.col.astype(np.int64)
        likely = found.data + np.maximum(tails[one], tails[other]) > threshold - _ROUNDING
        likely &= one < other
        one, other = one[likely], other[likely]
        for at in range(0, one.size, _BLOCK_PAIRS):
            left, right = one[at : at + _BLOCK_PAIRS], other[at : at + _BLOCK_PAIRS]
            apart = groups[rows[left]] != groups[rows[right]]
            left, right = left[apart], right[apart]
            alike = (vectors[left] * vectors[right]).sum(axis=1) > threshold
            yield rows[left[alike]], rows[right[alike]]


def _common_first(vectors: csr_array) -> csr_array:
    """Order the terms from the commonest to the rarest, and sort each row by that."""
    frequency = np.bincount(vectors.indices, minlength=vectors.shape[1])
    rank = np.argsort(np.argsort(-frequency, kind="stable"))
    ordered = csr_array((vectors.data, rank[vectors.indices], vectors.indptr), shape=vectors.shape)
    ordered.sort_indices()
    return ordered


def _distinct(vectors: csr_array) -> tuple[Ids, tuple[Ids, Ids]]:
    """Return the first row of each distinct vector with a word, and the pairs that tie others to it."""
    first: dict[bytes, int] = {}
    one, other = [], []
    for row in range(vectors.shape[0]):
        part = slice(vectors.indptr[row], vectors.indptr[row + 1])
        if part.start == part.stop:
            continue
        leader = first.setdefault(vectors.indices[part].tobytes() + vectors.data[part].tobytes(), row)
        if leader != row:
            one.append(leader)
            other.append(row)
    rows = np.fromiter(first.values(), dtype=np.int64, count=len(first))
    return rows, (np.array(one, dtype=np.int64), np.array(other, dtype=np.int64))


def _rare_part(vectors: csr_array, threshold: float) -> tuple[csr_array, NDArray[np.float64]]:
    """Leave out of each row its commonest terms while they stay shorter than the threshold.

    Returns
    -------
    rare : csr_array
        What is left; never nothing.
    tails : ndarray of float, shape (rows,)
        The length of what was left out.
    """
    squares = vectors.data.astype(np.float64) ** 2
    running = np.cumsum(squares)
    lengths = np.diff(vectors.indptr)
    running -= np.repeat((running - squares)[vectors.indptr[:-1]], lengths)
    kept = running >= threshold**2 - _ROUNDING
    row = np.repeat(np.arange(lengths.size), lengths)
    tails = np.sqrt(np.bincount(row[~kept], weights=squares[~kept], minlength=lengths.size))
    shape = vectors.shape
    return csr_array(coo_array((vectors.data[kept], (row[kept], vectors.indices[kept])), shape=shape)), tails


def _blocks(rare: csr_array) -> Iterator[tuple[int, int]]:
    """Cut the rows into runs that cost about the same, and are at least one row each."""
    frequency = np.bincount(rare.indices, minlength=rare.shape[1])
    cost = np.append(0, np.cumsum(frequency[rare.indices]))[rare.indptr]
    start = 0
    while start < rare.shape[0]:
        most = cost[start] + _BLOCK_PRODUCTS
        stop = max(start + 1, int(np.searchsorted(cost, most, side="right")) - 1)
        yield start, stop
        start = stop


def _alike_hashes(hashes: Sequence[int | None], max_distance: int) -> Iterator[tuple[Ids, Ids]]:
    """Yield pairs of rows whose hashes differ in few bits."""
    usable = [row for row, value in enumerate(hashes) if value is not None and _has_structure(value)]
    rows = np.array(usable, dtype=np.int64)
    values, first, inverse = np.unique(
        np.array([hashes[row] for row in usable], dtype=np.uint64), return_index=True, return_inverse=True
    )
    yield rows[first][inverse], rows
    for top in range(0, values.size, _BLOCK_HASHES):
        block = values[top : top + _BLOCK_HASHES, None]
        for left in range(top, values.size, _BLOCK_HASHES):
            differing = np.bitwise_count(block ^ values[None, left : left + _BLOCK_HASHES])
            one, other = np.nonzero(differing <= max_distance)
            if one.size:
                yield rows[first[one + top]], rows[first[other + left]]


def _has_structure(value: int) -> bool:
    return MIN_BITS <= value.bit_count() <= 64 - MIN_BITS

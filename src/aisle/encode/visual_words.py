"""Bags of visual words: local features, grouped into a vocabulary (Sivic & Zisserman 2003)."""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits

from aisle.extras import require

KEYPOINTS = 500
SEED = 0

_TRAINING_FEATURES = 40_000
_PASSES = 10
_BATCH = 4096
_BLOCK = 16_384
_LEAST_SIDE = 8  # ORB shrinks a photo until nothing is left of less, and fails

Features = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class LocalFeatures:
    """A kind of local feature.

    Attributes
    ----------
    describe : callable
        From a grey photo to its features, uint8 (at most 500, width); several threads may call it at once.
    width : int
        Bytes of one feature.
    binary : bool
        Whether a feature is a string of bits. Bits become columns of 0 and 1 before features are compared:
        their squared distance is then the Hamming distance that such features are made for.
    """

    describe: Callable[[NDArray[np.uint8]], Features]
    width: int
    binary: bool = False

    def points(self, features: Features) -> NDArray[np.float32]:
        """Return features as points of a Euclidean space, one row each."""
        columns = np.unpackbits(features, axis=1) if self.binary else features
        return columns.astype(np.float32)


def open_sift() -> LocalFeatures:
    """Return SIFT (Lowe 2004): scale-invariant keypoints, histograms of gradients."""
    cv2 = require("cv2", extra="study")
    return _local_features(lambda: cv2.SIFT_create(nfeatures=KEYPOINTS), width=128)


def open_orb() -> LocalFeatures:
    """Return ORB (Rublee et al. 2011): corners, 256 comparisons of brightness."""
    cv2 = require("cv2", extra="study")
    return _local_features(lambda: cv2.ORB_create(nfeatures=KEYPOINTS), width=32, binary=True)


def _local_features(make: Callable[[], object], *, width: int, binary: bool = False) -> LocalFeatures:
    cv2 = require("cv2", extra="study")

    def describe(grey: NDArray[np.uint8]) -> Features:
        if min(grey.shape) < _LEAST_SIDE:
            return np.zeros((0, width), dtype=np.uint8)
        # One detector per call: OpenCV's keep a state, and making one costs microseconds.
        found = make().detectAndCompute(cv2.equalizeHist(grey), None)[1]  # type: ignore[attr-defined]
        if found is None:
            return np.zeros((0, width), dtype=np.uint8)
        return np.ascontiguousarray(found[:KEYPOINTS], dtype=np.uint8)

    return LocalFeatures(describe=describe, width=width, binary=binary)


@contextlib.contextmanager
def one_thread_per_photo() -> Iterator[None]:
    """Keep OpenCV to the calling thread while photos are described in parallel.

    OpenCV has one setting for the whole process; it is put back afterwards.
    """
    cv2 = require("cv2", extra="study")
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def bag_of_visual_words(photos: Sequence[Features], *, kind: LocalFeatures, threads: int = 1) -> NDArray[np.float32]:
    """Learn a vocabulary from local features and describe each photo by how often it uses each word.

    The vocabulary has as many words as the square root of the number of features, learned by mini-batch
    k-means (Sculley 2010) on at most 40,000 of them. What counts is the square root of a word's share (the
    Hellinger map; Arandjelovic & Zisserman 2012): otherwise the few words that occur everywhere drown the
    others. The same features give the same numbers, whatever the number of threads.

    Parameters
    ----------
    photos : sequence of ndarray of uint8, each (features of the photo, width)
        Local features; a photo may have none.
    kind : LocalFeatures
        How features are compared.
    threads : int
        Cores to use.

    Returns
    -------
    ndarray of float32, shape (n, words)
        Rows of unit length; zero for a photo without features.
    """
    counts = np.array([len(found) for found in photos], dtype=np.int64)
    total = int(counts.sum())
    if total == 0:
        return np.zeros((len(photos), 1), dtype=np.float32)
    with threadpool_limits(limits=1):  # more would change the order of sums, and so the words
        centres = _learn_words(photos, counts, kind=kind)
        blocks = [photos[block] for block in _blocks(counts)]
        with ThreadPoolExecutor(threads) as pool:
            parts = pool.map(lambda block: _count_words(block, centres, kind=kind), blocks)
            shares = np.concatenate(list(parts)) / np.maximum(counts, 1)[:, None]
    return np.asarray(np.sqrt(shares), dtype=np.float32)


def _learn_words(photos: Sequence[Features], counts: NDArray[np.int64], *, kind: LocalFeatures) -> NDArray[np.float32]:
    total = int(counts.sum())
    words = max(1, round(total**0.5))
    size = min(total, max(_TRAINING_FEATURES, words))
    chosen = np.sort(np.random.default_rng(SEED).choice(total, size=size, replace=False))
    starts = np.cumsum(counts) - counts
    owners = np.searchsorted(starts, chosen, side="right") - 1
    sample = [photos[owner][row] for owner, row in zip(owners, chosen - starts[owners], strict=True)]
    model = MiniBatchKMeans(words, batch_size=_BATCH, n_init=1, max_iter=_PASSES, random_state=SEED)
    model.fit(kind.points(np.stack(sample)))
    return np.asarray(model.cluster_centers_, dtype=np.float32)


def _blocks(counts: NDArray[np.int64]) -> list[slice]:
    """Cut the photos into runs of about equally many features."""
    number = (np.cumsum(counts) - counts) // _BLOCK
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(counts)]
    return [slice(first, stop) for first, stop in itertools.pairwise(edges)]


def _count_words(
    photos: Sequence[Features], centres: NDArray[np.float32], *, kind: LocalFeatures
) -> NDArray[np.float32]:
    """Count, for each photo, the features nearest to each centre: shape (photos, words)."""
    words = len(centres)
    points = kind.points(np.concatenate(photos))
    nearest = ((centres**2).sum(axis=1) - 2 * (points @ centres.T)).argmin(axis=1)
    owner = np.repeat(np.arange(len(photos)), [len(found) for found in photos])
    counted = np.bincount(owner * words + nearest, minlength=len(photos) * words)
    return counted.reshape(len(photos), words).astype(np.float32)

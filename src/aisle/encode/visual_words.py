"""Bags of visual words: local features, grouped into a vocabulary (Sivic & Zisserman 2003)."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans

from aisle.extras import require

KEYPOINTS = 500
SEED = 0

_TRAINING_FEATURES = 100_000
_BLOCK = 16_384

Describe = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


def sift_describer() -> Describe:
    """Return a function from a grey photo to its SIFT descriptors, uint8 (at most 500, 128) (Lowe 2004)."""
    cv2 = require("cv2", extra="study")

    def describe(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
        sift = cv2.SIFT_create(nfeatures=KEYPOINTS)
        found = sift.detectAndCompute(cv2.equalizeHist(grey), None)[1]
        return _no_features(128) if found is None else found[:KEYPOINTS].astype(np.uint8)

    return describe


def orb_describer() -> Describe:
    """Return a function from a grey photo to its ORB descriptors, uint8 (at most 500, 256): one column a bit.

    Bits, not bytes: the squared distance of two rows is then the Hamming distance that ORB is made for (Rublee et
    al. 2011).
    """
    cv2 = require("cv2", extra="study")

    def describe(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
        orb = cv2.ORB_create(nfeatures=KEYPOINTS)
        found = orb.detectAndCompute(cv2.equalizeHist(grey), None)[1]
        return _no_features(256) if found is None else np.unpackbits(found[:KEYPOINTS], axis=1)

    return describe


def bag_of_visual_words(features: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Learn a vocabulary from local features and count how often each photo uses each word.

    The vocabulary has as many words as the square root of the number of features, learned by mini-batch k-means on at
    most 100,000 of them.

    Parameters
    ----------
    features : sequence of ndarray, each (features of the photo, d)
        Descriptors; a photo may have none.

    Returns
    -------
    ndarray of float32, shape (n, words)
        Shares of each photo's features; zero for a photo without any.
    """
    counts = np.array([len(found) for found in features])
    total = int(counts.sum())
    if total == 0:
        return np.zeros((len(features), 1), dtype=np.float32)
    everything = np.concatenate(features)
    words = max(1, round(total**0.5))
    rng = np.random.default_rng(SEED)
    chosen = rng.choice(total, size=min(total, max(_TRAINING_FEATURES, words)), replace=False)
    model = MiniBatchKMeans(words, batch_size=4096, n_init=1, max_iter=20, random_state=SEED)
    model.fit(everything[np.sort(chosen)].astype(np.float32))
    found = _nearest(everything, model.cluster_centers_)
    owner = np.repeat(np.arange(len(features)), counts)
    histogram: Any = np.zeros((len(features), words), dtype=np.float32)
    np.add.at(histogram, (owner, found), 1)
    return np.asarray(histogram / np.maximum(counts, 1)[:, None], dtype=np.float32)


def _nearest(features: NDArray[np.uint8], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the nearest centre of each feature, a block at a time."""
    centres = centres.astype(np.float32)
    norms = (centres**2).sum(axis=1)
    blocks = range(0, len(features), _BLOCK)
    return np.concatenate(
        [
            (norms - 2 * (features[at : at + _BLOCK].astype(np.float32) @ centres.T)).argmin(axis=1)
            for at in blocks
        ]
    )


def _no_features(dimension: int) -> NDArray[np.uint8]:
    return np.zeros((0, dimension), dtype=np.uint8)

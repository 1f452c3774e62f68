"""Bags of visual words."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from aisle.encode.visual_words import (
    LocalFeatures,
    bag_of_visual_words,
    one_thread_per_photo,
    open_orb,
    open_sift,
)

POINTS = LocalFeatures(describe=lambda grey: grey, width=2)
BITS = LocalFeatures(describe=lambda grey: grey, width=1, binary=True)


def grey(photo):
    return np.asarray(Image.open(io.BytesIO(photo)).convert("L"))


def cluster(centre, number):
    return np.tile(np.array(centre, dtype=np.uint8), (number, 1))


def test_a_row_is_the_root_of_the_shares():
    # 16 features in all: four words, and four places where features lie
    a, b, c, d = (0, 0), (200, 0), (0, 200), (200, 200)
    photos = [cluster(a, 4), np.vstack([cluster(a, 1), cluster(b, 3)]), cluster(c, 4), cluster(d, 4)]
    found = bag_of_visual_words(photos, kind=POINTS)
    assert found.shape == (4, 4)
    np.testing.assert_allclose(sorted(found[0]), [0, 0, 0, 1])
    np.testing.assert_allclose(sorted(found[1]), [0, 0, 0.5, np.sqrt(0.75)])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)
    assert found[0] @ found[1] == pytest.approx(0.5)  # one feature of four in common
    assert found[2] @ found[3] == 0


def test_bits_are_compared_by_hamming_distance():
    points = BITS.points(np.array([[0b1010_0000], [0b1010_0001], [0b0101_1111]], dtype=np.uint8))
    assert ((points[0] - points[1]) ** 2).sum() == 1
    assert ((points[0] - points[2]) ** 2).sum() == 8


def test_a_photo_without_features_has_a_row_of_zeros():
    nothing = np.zeros((0, 2), dtype=np.uint8)
    found = bag_of_visual_words([nothing, cluster((1, 1), 9), nothing], kind=POINTS)
    assert not found[[0, 2]].any()
    assert np.linalg.norm(found[1]) == pytest.approx(1)
    assert bag_of_visual_words([nothing, nothing], kind=POINTS).tolist() == [[0], [0]]
    assert bag_of_visual_words([], kind=POINTS).shape == (0, 1)


@pytest.mark.parametrize("kind", [open_sift, open_orb])
def test_the_number_of_threads_changes_nothing(kind, tiny):
    features = kind()
    photos = [grey(tiny.drawing(seed)) for seed in range(12)]
    described = [features.describe(photo) for photo in photos]
    assert all(found.shape[1] == features.width and 0 < len(found) <= 500 for found in described)
    with one_thread_per_photo():
        again = [features.describe(photo) for photo in photos]
    assert all(map(np.array_equal, described, again))
    one = bag_of_visual_words(described, kind=features, threads=1)
    assert np.array_equal(one, bag_of_visual_words(described, kind=features, threads=3))


@pytest.mark.parametrize("kind", [open_sift, open_orb])
def test_turning_a_photo_changes_it_less_than_another_photo_does(kind, tiny):
    features = kind()
    photos = [grey(tiny.drawing(seed, size=200)) for seed in range(10)]
    described = [features.describe(photo) for photo in (*photos, np.rot90(photos[0]).copy())]
    rows = bag_of_visual_words(described, kind=features)
    alike = rows[:-1] @ rows[-1]
    assert alike.argmax() == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (7, 300), (8, 8), (300, 9)])
@pytest.mark.parametrize("kind", [open_sift, open_orb])
def test_photos_too_small_for_features(kind, size):
    features = kind()
    assert features.describe(np.zeros(size, dtype=np.uint8)).shape == (0, features.width)


def test_the_threads_of_opencv_are_put_back():
    before = cv2.getNumThreads()
    with one_thread_per_photo():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == before

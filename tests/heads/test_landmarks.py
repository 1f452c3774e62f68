"""Landmarks: with all of them it is kernel ridge regression, with some it comes near."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import normalize

from aisle.heads.landmarks import GAMMA, Landmarks, choose_landmarks, kernel_root


def points(rows=60, width=8, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width)).astype(np.float32)


def unit(embeddings, known):
    """Centre and scale by scikit-learn's own means."""
    return normalize((embeddings - known.mean(axis=0)).astype(np.float64))


def test_likeness_is_the_gaussian_kernel():
    known, new = points(), points(20, seed=1)
    landmarks = choose_landmarks(known, seed=0)
    expected = rbf_kernel(unit(new, known), landmarks.points.astype(np.float64), gamma=GAMMA)
    np.testing.assert_allclose(landmarks.likeness(new), expected, atol=1e-5)


def test_with_all_points_it_is_exact_kernel_ridge():
    known, new = points(), points(20, seed=1)
    targets = np.random.default_rng(2).standard_normal((len(known), 3))
    landmarks = choose_landmarks(known, seed=0)
    root = kernel_root(landmarks)
    features, others = landmarks.likeness(known) @ root, landmarks.likeness(new) @ root
    weights = np.linalg.solve(features.T @ features + 0.2 * np.eye(features.shape[1]), features.T @ targets)
    exact = KernelRidge(alpha=0.2, kernel="rbf", gamma=GAMMA).fit(unit(known, known), targets)
    np.testing.assert_allclose(others @ weights, exact.predict(unit(new, known)), atol=1e-3)


def test_inner_products_of_features_are_the_kernel():
    known = points()
    landmarks = choose_landmarks(known, seed=0)
    features = landmarks.likeness(known) @ kernel_root(landmarks)
    own = unit(known, known)
    np.testing.assert_allclose(features @ features.T, rbf_kernel(own, gamma=GAMMA), atol=1e-3)


def test_a_part_of_the_points_comes_near_and_more_come_nearer():
    rng = np.random.default_rng(0)
    known = (rng.standard_normal((300, 3)) @ rng.standard_normal((3, 16))).astype(np.float32)
    kernel = rbf_kernel(unit(known, known), gamma=GAMMA)
    errors = []
    for most in (5, 20, 80):
        landmarks = choose_landmarks(known, seed=0, most=most)
        assert len(landmarks.points) == most
        features = landmarks.likeness(known) @ kernel_root(landmarks)
        errors.append(np.abs(features @ features.T - kernel).max())
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.01


def test_the_draw_is_seeded():
    known = points(200)
    one, same, other = (choose_landmarks(known, seed=seed, most=20) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.points, same.points)
    assert not np.array_equal(one.points, other.points)


def test_equal_points_count_once():
    known = np.repeat(points(5), 4, axis=0)
    landmarks = choose_landmarks(known, seed=0)
    assert len(landmarks.points) == 5
    assert np.isfinite(kernel_root(landmarks)).all()


def test_all_points_equal():
    """Nothing to tell apart is no reason to break: every photo of a shop may be the same placeholder."""
    known = np.ones((30, 8), np.float32)
    landmarks = choose_landmarks(known, seed=0)
    features = landmarks.likeness(known) @ kernel_root(landmarks)
    assert np.isfinite(features).all()
    np.testing.assert_allclose(features, np.repeat(features[:1], 30, axis=0))


@pytest.mark.parametrize("row", [np.zeros(8), np.full(8, 1e-30), np.full(8, 1e30)])
def test_odd_embeddings_stay_finite(row):
    landmarks = choose_landmarks(points(), seed=0)
    with np.errstate(over="ignore"):
        assert np.isfinite(landmarks.likeness(row[None].astype(np.float32))).all()


def test_one_at_the_very_centre_has_no_direction():
    landmarks = Landmarks(np.ones(4, np.float32), np.eye(4, dtype=np.float32))
    np.testing.assert_array_equal(landmarks.unit(np.ones((1, 4), np.float32)), np.zeros((1, 4)))

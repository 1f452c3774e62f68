"""Calibration error, its interval and its diagram; scores against scikit-learn and MAPIE."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.metrics.calibration import expected_calibration_error as mapie_error
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from aisle.heads.intervals import wilson_interval
from aisle.heads.reliability import brier_score, expected_calibration_error, negative_log_likelihood, reliability


def answers(seed, *, count=500, excess=0.0):
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.3, 1, size=count)
    return confidence, rng.random(count) < confidence - excess


def by_hand(confidence, right, edges):
    """Return the error as the papers write it: a loop over bins (low, high]."""
    total = 0.0
    for low, high in pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), bins=st.integers(1, 40))
def test_bins_of_equal_width(seed, bins):
    confidence, right = answers(seed, count=60)
    found = expected_calibration_error(confidence, right, bins=bins, resamples=2)
    assert found.value == pytest.approx(by_hand(confidence, right, np.linspace(0, 1, bins + 1)))


def test_bins_of_equal_mass_hold_equally_many():
    confidence, right = answers(2, count=600)
    order = np.argsort(confidence)
    parts = np.split(order, 12)
    expected = sum(abs(right[part].mean() - confidence[part].mean()) for part in parts) / 12
    assert expected_calibration_error(confidence, right, bins=12, mass="equal").value == pytest.approx(expected)
    assert [row.count for row in reliability(confidence, right, bins=12, mass="equal")] == [50] * 12


@pytest.mark.parametrize(
    ("confidence", "counts"),
    [([0.5] * 6, [6]), ([0.5, 0.5, 0.5, 0.5, 0.8, 0.9], [4, 2]), ([0.1, 0.2, 0.9, 0.9, 0.9, 0.9], [2, 4])],
)
def test_equal_confidences_stay_in_one_bin(confidence, counts):
    for order in (confidence, confidence[::-1]):
        assert [row.count for row in reliability(order, [True] * 6, bins=3, mass="equal")] == counts


def test_the_error_is_that_of_mapie():
    confidence, right = answers(4)
    # MAPIE counts the ends of the bins, of which there are one more.
    expected = mapie_error(right.astype(int), confidence, num_bins=16, split_strategy="uniform")
    assert expected_calibration_error(confidence, right).value == pytest.approx(expected)


@pytest.mark.parametrize("excess", [0.0, 0.15])
@pytest.mark.parametrize("mass", ["width", "equal"])
def test_the_interval_holds_the_true_error(excess, mass):
    held = 0
    for seed in range(60):
        confidence, right = answers(seed, count=800, excess=excess)
        found = expected_calibration_error(confidence, right, bins=10, mass=mass, resamples=200)
        assert 0 <= found.low <= found.value
        assert found.low <= found.high <= 1
        held += found.low <= excess <= found.high
    assert held >= stats.binom.ppf(0.001, 60, 0.95)


def test_the_interval_is_the_same_every_time():
    assert expected_calibration_error(*answers(1)) == expected_calibration_error(*answers(1))


def test_the_diagram_is_that_of_scikit_learn():
    confidence, right = answers(7)
    shares, means = calibration_curve(right, confidence, n_bins=15)
    rows = reliability(confidence, right)
    np.testing.assert_allclose([row.right for row in rows], shares)
    np.testing.assert_allclose([row.confidence for row in rows], means)
    for row in rows:
        assert row.low < row.confidence <= row.high
        wilson = wilson_interval(round(row.right * row.count), row.count)
        assert (row.right_low, row.right_high) == pytest.approx((wilson.low, wilson.high), abs=1e-12)


def test_the_ends_belong_to_bins():
    rows = reliability([0.0, 0.5, 1.0], [False, True, True], bins=2)
    assert [(row.low, row.high, row.count) for row in rows] == [(0.0, 0.5, 2), (0.5, 1.0, 1)]


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.integers(3, 6))
def test_scores_of_probabilities_are_those_of_scikit_learn(seed, classes):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), size=20)
    labels = rng.integers(classes, size=20)
    names = np.arange(classes)
    expected = brier_score_loss(labels, probabilities, labels=names, scale_by_half=False)
    assert brier_score(probabilities, labels) == pytest.approx(expected)
    assert negative_log_likelihood(probabilities, labels) == pytest.approx(
        log_loss(labels, probabilities, labels=names)
    )


def test_scores_at_the_ends():
    sure = [[1.0, 0.0], [1.0, 0.0]]
    assert (brier_score(sure, [0, 0]), brier_score(sure, [1, 1])) == (0, 2)
    assert negative_log_likelihood(sure, [0, 0]) == 0
    assert negative_log_likelihood(sure, [1, 1]) == pytest.approx(52 * np.log(2))  # epsilon is 2 ** -52


@pytest.mark.parametrize(
    ("confidence", "right"), [([], []), ([0.5], [True, False]), ([1.5], [True]), ([float("nan")], [True])]
)
def test_answers_that_cannot_be(confidence, right):
    for measure in (expected_calibration_error, reliability):
        with pytest.raises(ValueError, match="confidence"):
            measure(confidence, right)


@pytest.mark.parametrize(("probabilities", "labels"), [(np.zeros((0, 2)), []), ([[0.5, 0.5]], [2]), ([0.5, 0.5], [0])])
def test_probabilities_that_do_not_fit(probabilities, labels):
    for measure in (brier_score, negative_log_likelihood):
        with pytest.raises(ValueError, match=r"must be|at least one"):
            measure(probabilities, labels)


def test_no_bins():
    with pytest.raises(ValueError, match="at least one"):
        reliability([0.5], [True], bins=0)

"""Temperatures against scipy's own minimiser and against known truth."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax as reference_log_softmax

from aisle.heads.calibration import TEMPERATURES, fit_temperature, log_softmax

NEVER = -math.inf


def loss(logits, labels, temperature, weights=None):
    chances = reference_log_softmax(np.asarray(logits) / temperature, axis=1)
    return -np.average(chances[np.arange(len(labels)), labels], weights=weights)


def items(seed, *, count=300, classes=6, temperature=1.0):
    """Draw logits, and labels that follow from them at a temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=3, size=(count, classes))
    noise = rng.gumbel(size=logits.shape)
    return logits, (logits / temperature + noise).argmax(axis=1)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), temperature=st.floats(0.05, 20))
def test_log_softmax_is_that_of_scipy(seed, temperature):
    logits = np.random.default_rng(seed).normal(scale=300, size=(4, 5))
    expected = reference_log_softmax(logits / temperature, axis=1)
    np.testing.assert_allclose(log_softmax(logits, temperature=temperature), expected, rtol=1e-12, atol=1e-12)


def test_log_softmax_of_classes_that_cannot_be():
    found = np.exp(log_softmax([[0.0, NEVER, 0.0], [NEVER, NEVER, NEVER], [1e308, -1e308, NEVER]]))
    np.testing.assert_allclose(found, [[0.5, 0, 0.5], [1 / 3, 1 / 3, 1 / 3], [1, 0, 0]])


def test_log_softmax_of_one_row_and_of_none():
    np.testing.assert_allclose(log_softmax([0.0, 0.0]), [-math.log(2)] * 2)
    assert log_softmax(np.zeros((0, 3))).shape == (0, 3)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), temperature=st.floats(0.3, 8), weighted=st.booleans())
def test_the_minimum_is_the_one_that_scipy_finds(seed, temperature, weighted):
    logits, labels = items(seed, temperature=temperature)
    weights = np.random.default_rng(seed).random(len(labels)) if weighted else None
    found = fit_temperature(logits, labels, weights=weights)
    bracket = [math.log(bound) for bound in TEMPERATURES]
    best = minimize_scalar(lambda log: loss(logits, labels, math.exp(log), weights), bounds=bracket, method="bounded")
    assert loss(logits, labels, found, weights) <= best.fun + 1e-9
    assert found == pytest.approx(math.exp(best.x), rel=1e-3)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found(temperature):
    logits, labels = items(1, count=20_000, temperature=temperature)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.05)


def test_a_weight_counts_as_so_many_items():
    logits, labels = items(3, count=50)
    weights = np.arange(50) % 4
    repeated = np.repeat(np.arange(50), weights)
    expected = fit_temperature(logits[repeated], labels[repeated])
    assert fit_temperature(logits, labels, weights=weights) == pytest.approx(expected)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(0, 12), classes=st.integers(1, 4), scale=st.floats(0, 1e4))
def test_it_is_never_worse_than_leaving_things_alone(seed, count, classes, scale):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(count, classes)) * scale
    labels = rng.integers(classes, size=count)
    found = fit_temperature(logits, labels)
    assert TEMPERATURES[0] * (1 - 1e-9) <= found <= TEMPERATURES[1] * (1 + 1e-9)
    if count:
        assert loss(logits, labels, found) <= loss(logits, labels, 1.0) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        ([], []),
        (np.zeros((0, 3)), []),
        ([[3.0], [1.0]], [0, 0]),
        ([[2.0, 2.0], [0.0, 0.0]], [0, 1]),
        ([[1.0, NEVER], [2.0, NEVER]], [0, 0]),
        ([[1.0, NEVER]], [1]),
    ],
    ids=["none", "no rows", "one class", "all equal", "one class seen", "only a class never seen"],
)
def test_nothing_to_learn_from_leaves_the_logits(logits, labels):
    assert fit_temperature(logits, labels) == 1.0


def test_items_without_weight_are_no_items():
    assert fit_temperature([[0.0, 1.0]] * 2, [0, 0], weights=[0, 0]) == 1.0


def test_all_right_is_not_taken_for_certainty():
    """Logits two apart and 60 of 60 right: as though 60 of 61 were, i.e. log-odds of 60 at two apart."""
    found = fit_temperature([[2.0, 0.0]] * 60, [0] * 60)
    assert found == pytest.approx(2 / math.log(60), rel=0.02)


def test_one_right_item_is_no_reason_to_doubt_either():
    assert fit_temperature([[2.0, 0.0]], [0]) == 1.0


def test_all_wrong_knows_almost_nothing():
    assert fit_temperature([[5.0, 0.0]] * 20, [1] * 20) == pytest.approx(TEMPERATURES[1], rel=1e-6)


def test_a_class_never_seen_changes_nothing():
    logits, labels = items(5)
    wider = np.hstack([logits, np.full((len(logits), 1), NEVER)])
    expected = fit_temperature(logits, labels)
    assert fit_temperature(wider, labels) == pytest.approx(expected)
    assert fit_temperature(np.vstack([wider, wider[:1]]), [*labels, 6]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("logits", "labels", "weights"),
    [
        ([[0.0, 1.0]], [2], None),
        ([[0.0, 1.0]], [-1], None),
        ([[0.0, 1.0]], [0.5], None),
        ([[0.0, 1.0]], [0, 1], None),
        ([0.0, 1.0], [0], None),
        ([[0.0, math.nan]], [0], None),
        ([[0.0, math.inf]], [0], None),
        ([[0.0, 1.0]], [0], [-1.0]),
        ([[0.0, 1.0]], [0], [math.inf]),
        ([[0.0, 1.0]], [0], [1.0, 1.0]),
    ],
)
def test_what_cannot_be_fitted(logits, labels, weights):
    with pytest.raises(ValueError, match=r"must be"):
        fit_temperature(logits, labels, weights=weights)

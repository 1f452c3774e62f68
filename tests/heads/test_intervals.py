"""Intervals against published figures and formulas."""

import math

import pytest

from aisle.heads.intervals import cross_validation_interval, wilson_interval


def test_wilson_gives_the_interval_of_the_original_study():
    interval = wilson_interval(199, 210)
    assert interval.mean == 199 / 210
    assert (interval.low, interval.high) == pytest.approx((0.909, 0.970), abs=0.0006)


@pytest.mark.parametrize(("right", "ends"), [(0, (0.0, 0.2775)), (10, (0.7225, 1.0))])
def test_wilson_at_the_ends(right, ends):
    interval = wilson_interval(right, 10)  # z^2 / (n + z^2) = 0.2775
    assert (interval.low, interval.high) == pytest.approx(ends, abs=1e-4)


def test_the_corrected_interval_follows_the_formula():
    scores = [0.8, 0.9, 0.7, 0.8, 0.8, 0.9, 0.8, 0.7, 0.9, 0.7]  # two repeats of five folds
    variance = sum((score - 0.8) ** 2 for score in scores) / 9
    half = 2.262157 * math.sqrt((1 / 10 + 1 / 4) * variance)  # t(0.975, 9) from a printed table; test / train = 1 / 4
    interval = cross_validation_interval(scores, folds=5)
    assert interval.mean == pytest.approx(0.8)
    assert interval.low == pytest.approx(0.8 - half, abs=1e-6)
    assert interval.high == pytest.approx(0.8 + half, abs=1e-6)


def test_an_interval_stays_between_0_and_1():
    interval = cross_validation_interval([0.0, 1.0, 0.0, 1.0], folds=2)
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_one_score_has_no_spread():
    interval = cross_validation_interval([0.7], folds=5)
    assert (interval.low, interval.mean, interval.high) == (0.7, 0.7, 0.7)


@pytest.mark.parametrize(("scores", "folds"), [([], 5), ([0.5, 0.6], 1)])
def test_what_has_no_interval(scores, folds):
    with pytest.raises(ValueError, match="at least one score and two folds"):
        cross_validation_interval(scores, folds=folds)


def test_a_share_of_nothing():
    with pytest.raises(ValueError, match="n"):
        wilson_interval(1, 0)

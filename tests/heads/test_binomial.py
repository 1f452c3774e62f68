"""Tails and bounds against scipy."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aisle.heads.binomial import binomial_log_cdf, precision_lower_bound


@settings(deadline=None)
@given(trials=st.integers(1, 3000), share=st.floats(0, 1), probability=st.floats(1e-6, 1 - 1e-6))
def test_the_tail_is_that_of_scipy(trials, share, probability):
    successes = round(share * trials)
    expected = stats.binom.logcdf(successes, trials, probability)
    if expected > -600:  # beyond, scipy's own figure is minus infinity
        assert binomial_log_cdf(successes, trials, probability) == pytest.approx(expected, rel=1e-8, abs=1e-11)


@pytest.mark.parametrize(
    ("successes", "trials", "probability"),
    [(19_700, 1_000_000, 0.02), (20_400, 1_000_000, 0.02), (500, 1_000_000, 0.0005), (999_000, 1_000_000, 0.9991)],
)
def test_the_tail_of_a_million(successes, trials, probability):
    expected = stats.binom.cdf(successes, trials, probability)
    assert math.exp(binomial_log_cdf(successes, trials, probability)) == pytest.approx(expected, rel=1e-6)


def test_a_tail_too_small_for_a_float_keeps_its_logarithm():
    assert binomial_log_cdf(0, 1_000_000, 0.5) == pytest.approx(1_000_000 * math.log(0.5))


@pytest.mark.parametrize(
    ("case", "expected"),
    [((-1, 5, 0.5), 0), ((5, 5, 0.5), 1), ((0, 0, 0.5), 1), ((3, 5, 0.0), 1), ((3, 5, 1.0), 0), ((5, 5, 1.0), 1)],
)
def test_ends_of_the_tail(case, expected):
    assert math.exp(binomial_log_cdf(*case)) == expected


@settings(deadline=None)
@given(total=st.integers(1, 3000), share=st.floats(0, 1), level=st.floats(1e-6, 0.5))
def test_the_bound_is_that_of_clopper_and_pearson(total, share, level):
    right = round(share * total)
    expected = stats.beta.ppf(level, right, total - right + 1) if right else 0.0
    assert precision_lower_bound(right, total, level=level) == pytest.approx(expected, rel=1e-7, abs=1e-12)


def test_the_bound_is_the_test_turned_round():
    bound = precision_lower_bound(1970, 2000, level=0.05)
    assert 1 - bound == pytest.approx(0.0203, abs=5e-5)  # 30 errors in 2000
    assert stats.binomtest(30, 2000, 1 - bound, alternative="less").pvalue == pytest.approx(0.05, rel=1e-6)


def test_nothing_right_bounds_nothing():
    assert precision_lower_bound(0, 10, level=0.05) == 0
    assert precision_lower_bound(0, 0, level=0.05) == 0

"""What a look is worth."""

import math

import pytest
from tests.posted import evidence

from aisle.errors import ReviewError
from aisle.product import Evidence
from aisle.review.policy import ReviewPolicy
from aisle.review.value import novelty, value


@pytest.mark.parametrize(
    ("probability", "volume", "unlike", "expected"),
    [
        (0.75, 8.0, 0.5, 1.0),
        (1.0, 1e300, 1.0, 0.0),
        (0.0, 3.0, 1.0, 3.0),
        (0.5, 0.0, 1.0, 0.0),
        (0.0, 1e308, 1.0, 1e308),
    ],
)
def test_value_is_risk_times_volume_times_novelty(probability, volume, unlike, expected):
    assert value(probability, volume, unlike) == expected


@pytest.mark.parametrize("volume", [-1.0, -1e-300, math.nan, math.inf, -math.inf])
def test_a_volume_that_is_none_is_refused(volume):
    with pytest.raises(ReviewError, match="must be a finite number of at least 0; give 1 where it is unknown"):
        value(0.5, volume, 0.5)


@pytest.mark.parametrize(
    ("probability", "unlike"), [(math.nan, 0.5), (1.1, 0.5), (-0.1, 0.5), (0.5, math.nan), (0.5, 2.0)]
)
def test_a_share_that_is_none_is_refused(probability, unlike):
    with pytest.raises(ReviewError, match="must lie between 0 and 1"):
        value(probability, 1.0, unlike)


@pytest.mark.parametrize(("similarity", "expected"), [(0.25, 0.75), (1.0, 0.05), (0.99, 0.05), (0.0, 1.0), (-0.5, 1.0)])
def test_novelty_is_what_the_nearest_leaves(similarity, expected):
    assert novelty(evidence(similarity)) == expected


def test_without_anything_alike_all_is_new():
    assert novelty(Evidence()) == 1.0


def test_the_nearest_counts_wherever_it_stands():
    near = (*evidence(0.25).nearest, *evidence(0.75).nearest)
    assert novelty(Evidence(nearest=near)) == 0.25


@pytest.mark.parametrize(
    ("name", "bad"),
    [("audit_share", -0.1), ("audit_share", 1.1), ("influence_cap", 0.0), ("influence_cap", 1.5), ("lease_seconds", 0)],
)
def test_a_policy_that_cannot_be_is_refused(name, bad):
    with pytest.raises(ReviewError):
        ReviewPolicy(**{name: bad})

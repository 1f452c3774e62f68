"""Splits: every row tested once, groups on one side, categories spread."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.heads.folds import repeated_folds


def deal(sizes, seed):
    """Return labels of the given sizes, shuffled, and near-duplicate groups across them."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return labels, rng.integers(len(labels) // 2 + 1, size=len(labels))


@given(sizes=st.lists(st.integers(5, 12), min_size=2, max_size=5), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_each_row_is_tested_once_per_repeat(sizes, seed):
    labels, groups = deal(sizes, seed)
    for given_groups in (None, groups):
        pairs = list(repeated_folds(labels, folds=5, repeats=2, groups=given_groups, seed=seed))
        tested = np.bincount(np.concatenate([test for _, test in pairs]), minlength=len(labels))
        assert (tested == 2).all()
        for train, test in pairs:
            assert sorted([*train, *test]) == list(range(len(labels)))


@given(sizes=st.lists(st.integers(5, 12), min_size=2, max_size=5), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_group_is_never_split(sizes, seed):
    labels, groups = deal(sizes, seed)
    for train, test in repeated_folds(labels, folds=5, repeats=2, groups=groups, seed=seed):
        assert not set(groups[train]) & set(groups[test])


def test_every_fold_tests_every_category_in_proportion():
    labels = np.repeat([0, 1, 2], [50, 25, 10])
    for _, test in repeated_folds(labels, folds=5, repeats=3):
        assert np.bincount(labels[test]).tolist() == [10, 5, 2]


def test_seeds_repeat_and_repeats_differ():
    labels = np.repeat([0, 1], 20)

    def tests(**options):
        return [test.tolist() for _, test in repeated_folds(labels, folds=5, **options)]

    twice = tests(repeats=2)
    assert twice == tests(repeats=2)
    assert twice[:5] != twice[5:]
    assert tests(repeats=1, seed=1) == twice[5:]


@pytest.mark.parametrize(("groups", "folds"), [([0] * 10, 0), ([0] * 5 + [1] * 5, 2)])
def test_fewer_groups_than_folds_leave_folds_out(groups, folds):
    pairs = list(repeated_folds(np.repeat([0, 1], 5), folds=5, repeats=1, groups=np.array(groups)))
    assert len(pairs) == folds
    assert all(train.size and test.size for train, test in pairs)

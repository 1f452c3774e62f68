"""What a threshold answers, counted by hand and by a plain loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.heads.answers import GRID, AnswerCounts, answer_depths, count_answers

NAN = float("nan")
CHAINS = [[0.99, 0.95, 0.60], [0.97, 0.97, NAN], [0.90, 0.40, 0.30], [0.50, NAN, NAN]]
RIGHT = [[True, True, False], [True, False, False], [True, False, False], [False, False, False]]


def test_the_deepest_node_that_is_sure_enough_is_the_answer():
    assert answer_depths(CHAINS, 0.9).tolist() == [1, 1, 0, -1]
    assert answer_depths(CHAINS, 0.0).tolist() == [2, 1, 2, 0]
    assert answer_depths(CHAINS, 0.995).tolist() == [-1, -1, -1, -1]


def test_a_threshold_is_met_by_what_equals_it():
    assert answer_depths(np.array([[0.5]], dtype=np.float32), 0.5).tolist() == [0]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_nothing_to_answer(shape):
    assert answer_depths(np.zeros(shape), 0.5).tolist() == [-1] * shape[0]
    counts = count_answers(np.zeros(shape), np.zeros(shape, dtype=bool))
    assert (counts.items, counts.answered.sum()) == (shape[0], 0)


def test_answers_are_counted_by_hand():
    counts = count_answers(CHAINS, RIGHT, grid=[0.2, 0.55, 0.96])
    assert counts.answered.tolist() == [4, 3, 2]
    assert counts.wrong.tolist() == [4, 2, 1]
    assert counts.by_depth.tolist() == [[1, 1, 2], [1, 1, 1], [1, 1, 0]]
    assert counts.items == 4


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), items=st.integers(0, 30), depths=st.integers(1, 4))
def test_counts_are_those_of_a_plain_loop(seed, items, depths):
    rng = np.random.default_rng(seed)
    chains = np.sort(rng.random((items, depths)).round(1), axis=1)[:, ::-1].copy()
    for chain in chains:
        chain[rng.integers(1, depths + 1) :] = NAN
    right = rng.random((items, depths)) < 0.7
    counts = count_answers(chains, right, grid=[0.0, 0.3, 0.9])
    for place, threshold in enumerate([0.0, 0.3, 0.9]):
        answers = [[depth for depth in range(depths) if chain[depth] >= threshold] for chain in chains]
        given_at = [(row, depth[-1]) for row, depth in enumerate(answers) if depth]
        assert counts.answered[place] == len(given_at)
        assert counts.wrong[place] == sum(not right[where] for where in given_at)
        assert counts.by_depth[place].tolist() == [sum(d == depth for _, d in given_at) for depth in range(depths)]


def test_the_grid_is_fixed_ascending_and_dense_near_1():
    assert (np.diff(GRID) > 0).all()
    assert GRID[0] == 0
    assert GRID[-1] < 1
    assert (GRID > 0.99).sum() > 30
    with pytest.raises(ValueError, match="read-only"):
        GRID[0] = 0.5


def test_counts_survive_a_file():
    counts = count_answers(CHAINS, RIGHT)
    again = AnswerCounts.from_arrays({name: array.copy() for name, array in counts.arrays().items()})
    for name, array in counts.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)


@pytest.mark.parametrize(
    "change",
    [
        {"wrong": [9, 9, 9]},
        {"wrong": [-1, 0, 0]},
        {"items": [1]},
        {"items": [4, 4]},
        {"thresholds": [0.5, 0.4, 0.9]},
        {"thresholds": [0.5, NAN, 0.9]},
        {"thresholds": []},
        {"answered": [4, 3]},
        {"by_depth": [[4], [3], [1]]},
        {"by_depth": [4, 3, 2]},
    ],
)
def test_counts_that_cannot_be(change):
    arrays = dict(count_answers(CHAINS, RIGHT, grid=[0.2, 0.55, 0.96]).arrays())
    with pytest.raises(ValueError, match="counts of answers"):
        AnswerCounts.from_arrays({**arrays, **change})


def test_a_missing_count_is_named():
    arrays = count_answers(CHAINS, RIGHT).arrays()
    del arrays["wrong"]
    with pytest.raises(ValueError, match="lack wrong"):
        AnswerCounts.from_arrays(arrays)


@pytest.mark.parametrize(("confidence", "right"), [([0.5], [True]), ([[0.5]], [[True, False]])])
def test_shapes_that_do_not_fit(confidence, right):
    with pytest.raises(ValueError, match="one shape"):
        count_answers(confidence, right)

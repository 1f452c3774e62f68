"""A cascade answers early where it is sure, and counts what it then gets wrong."""

import numpy as np
import pytest

from aisle.heads.answers import count_answers
from aisle.heads.fit_tiers import LOSS, fit_cascade
from aisle.heads.tiers import NEVER, check_tier, count_cascade, leaf_confidence, stage_taken
from aisle.heads.tree import CategoryTree

NAN = np.nan
TREE = CategoryTree.grow([("A",), ("B",)] * 5)


def logs(confidence_in_first):
    """Return log-probabilities of the two categories."""
    shares = np.stack([confidence_in_first, 1 - confidence_in_first], axis=1)
    return np.log(np.clip(shares, 1e-9, 1)).astype(np.float32)


def fitted(*stages, terminals, folds=3, groups=None):
    rows = np.arange(len(terminals))
    held_out = [None if stage is None else logs(np.asarray(stage, dtype=float)) for stage in stages]
    groups = rows if groups is None else groups
    return fit_cascade(held_out, terminals, tree=TREE, folds=[rows[at::folds] for at in range(folds)], groups=groups)


def test_the_confidence_of_a_terminal_is_the_last_number():
    chains = np.array([[0.9, 0.7, NAN], [0.8, NAN, NAN], [0.9, 0.6, 0.2]])
    assert leaf_confidence(chains).tolist() == [0.7, 0.8, 0.2]
    assert np.isnan(leaf_confidence(np.full((1, 2), NAN)))


def test_a_stage_answers_from_its_exit_on_and_never_below_the_threshold():
    sure = np.array([[0.95, 0.85, 0.1, NAN], [0.1, 0.1, 0.9, 0.9]])
    exits = np.array([0.8, 0.9])
    assert stage_taken(sure, exits, 0.0).tolist() == [0, 0, 1, 1]
    assert stage_taken(sure, exits, 0.9).tolist() == [0, 2, 1, 1]
    assert stage_taken(sure, np.array([NEVER, NEVER]), 0.0).tolist() == [2, 2, 2, 2]


def test_counts_of_a_cascade_that_never_exits_are_those_of_its_last_stage():
    rng = np.random.default_rng(0)
    confidence = np.sort(rng.uniform(size=(3, 50, 2)))[:, :, ::-1]
    right = rng.uniform(size=(3, 50, 2)) < confidence
    right[:, :, 1] &= right[:, :, 0]
    found = count_cascade(confidence, right, np.full((2, 50), NEVER))
    expected = count_answers(confidence[2], right[2])
    assert found.items == expected.items
    np.testing.assert_array_equal(found.by_depth, expected.by_depth)
    np.testing.assert_array_equal(found.wrong, expected.wrong)


def test_counts_of_a_cascade_one_product_at_a_time():
    """Every product goes through the stages by hand, at every threshold."""
    rng = np.random.default_rng(1)
    confidence = np.sort(rng.uniform(size=(3, 40, 2)))[:, :, ::-1].copy()
    confidence[1, :10] = NAN
    right = rng.uniform(size=(3, 40, 2)) < 0.7
    exits = rng.uniform(0.3, 1, size=(2, 40))
    grid = np.array([0.1, 0.4, 0.6, 0.9])
    found = count_cascade(confidence, right, exits, grid=grid)
    for place, threshold in enumerate(grid):
        answered = wrong = 0
        for product in range(40):
            for stage in (0, 1, 2):
                chain = confidence[stage, product]
                if stage < 2 and not chain[1] >= max(exits[stage, product], threshold):
                    continue
                steps = [step for step in (0, 1) if chain[step] >= threshold]
                answered += bool(steps)
                wrong += bool(steps) and not right[stage, product, steps[-1]]
                break
        assert (found.answered[place], found.wrong[place]) == (answered, wrong)


def test_terms_that_are_as_right_as_everything_answer():
    terminals = np.tile([0, 1], 300)
    sure = np.where(terminals == 0, 0.97, 0.03)
    found = fitted(sure, None, sure, terminals=terminals)
    assert found.cascade.exits[0] == 0.5
    assert set(found.stages.tolist()) == {0}
    assert found.right_in_the_end.all()
    assert found.cascade.counts.items == 600


def test_terms_that_are_sure_and_wrong_never_answer():
    terminals = np.tile([0, 1], 300)
    everything = np.where(terminals == 0, 0.97, 0.03)
    terms = everything.copy()
    terms[:30] = 1 - terms[:30]  # 30 of 600 lost is twenty times what may be
    terms[:30] += np.where(terms[:30] > 0.5, 0.02, -0.02)
    found = fitted(terms, None, everything, terminals=terminals)
    assert found.cascade.exits[0] == NEVER
    assert set(found.stages.tolist()) == {2}


def test_where_the_terms_are_sure_of_what_they_know_only_the_rest_goes_on():
    rng = np.random.default_rng(2)
    terminals = np.tile([0, 1], 1000)
    everything = np.where(terminals == 0, 0.97, 0.03)
    easy = rng.uniform(size=2000) < 0.6
    doubtful = np.where(rng.uniform(size=2000) < 0.5, 0.7, 0.3)  # a coin that is tossed and shown with 0.7
    found = fitted(np.where(easy, everything, doubtful), None, everything, terminals=terminals)
    assert 0.7 < found.cascade.exits[0] <= 0.97
    np.testing.assert_array_equal(found.stages == 0, easy)
    assert found.right_in_the_end.all()


def test_few_products_give_no_exit():
    terminals = np.tile([0, 1], int(1 / LOSS) // 2 - 1)
    sure = np.where(terminals == 0, 0.97, 0.03)
    found = fitted(sure, None, sure, terminals=terminals)
    assert found.cascade.exits.tolist() == [NEVER, NEVER]


def test_products_that_were_not_judged_count_nowhere():
    terminals = np.tile([0, 1], 300)
    sure = np.where(terminals == 0, 0.97, 0.03)
    gaps = sure.copy()
    gaps[:100] = NAN
    found = fitted(gaps, None, sure, terminals=terminals)
    assert found.rows.tolist() == list(range(100, 600))
    groups = np.arange(600) // 2
    assert fitted(sure, None, sure, terminals=terminals, groups=groups).cascade.counts.items == 300
    assert fitted(np.full(600, NAN), None, sure, terminals=terminals) is None


def test_what_is_no_tier_is_refused():
    check_tier("balanced")
    with pytest.raises(ValueError, match="'cheap' is none of fast, balanced, full"):
        check_tier("cheap")

"""Weights of experts: the useful ones heard, the useless ones not, and surer where they are right."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax

from aisle.heads.fused import POOLED_STEPS, pooled_log_probability
from aisle.heads.pool import fit_pool
from aisle.heads.tree import CategoryTree

FLAT = CategoryTree.grow([(name,) for name in "abcde"])
DEEP = CategoryTree.grow([("A", "x"), ("A", "y"), ("B", "u"), ("B", "v"), ("B", "w")], least=1)


def experts(tree, *, noise, rows=1500, seed=0):
    """Return scores that are 1 for what is right and 0 else, each expert with noise of its own, and the truth."""
    rng = np.random.default_rng(seed)
    terminals = rng.choice(tree.terminals, rows)
    right = tree.indicator(terminals).astype(np.float32)
    scores = np.stack([right * (level < 5) + rng.normal(0, level, right.shape) for level in noise])
    return scores.astype(np.float32), terminals


def loss(weights, scores, terminals, tree):
    logs = pooled_log_probability(scores, weights, tree=tree)
    return -logs[np.arange(len(terminals)), terminals].mean()


@pytest.mark.parametrize("tree", [FLAT, DEEP], ids=["flat", "deep"])
def test_fitted_weights_beat_equal_ones_on_other_products(tree):
    scores, terminals = experts(tree, noise=(0.3, 0.6, 9.0))
    weights = fit_pool(scores[:, :700], terminals[:700], tree=tree)
    assert weights.shape == (3, POOLED_STEPS)
    test = scores[:, 700:], terminals[700:], tree
    equal = min(loss(np.full((3, POOLED_STEPS), size), *test) for size in (0.5, 1.0, 2.0, 4.0, 8.0))
    assert loss(weights, *test) < equal


@pytest.mark.parametrize("tree", [FLAT, DEEP], ids=["flat", "deep"])
def test_an_expert_that_guesses_is_not_heard(tree):
    scores, terminals = experts(tree, noise=(0.4, 9.0), rows=4000)
    weights = fit_pool(scores, terminals, tree=tree)
    assert (weights[0, :2] > 1).all()
    assert (weights[1, :2] < 0.05).all()


def test_an_expert_that_is_wrong_on_purpose_is_not_heard():
    scores, terminals = experts(FLAT, noise=(0.4, 0.4))
    scores[1] *= -1
    weights = fit_pool(scores, terminals, tree=FLAT)
    assert weights[1, 0] < 1e-6
    assert (weights >= 0).all()


def test_the_weights_are_those_of_greatest_likelihood():
    """Noise of standard deviation s on scores of 0 and 1: Bayes gives the weight 1 / s²."""
    scores, terminals = experts(FLAT, noise=(0.5, 1.0), rows=20_000)
    weights = fit_pool(scores, terminals, tree=FLAT)[:, 0]
    np.testing.assert_allclose(weights, [4.0, 1.0], rtol=0.06)

    def total(candidate):
        return -log_softmax(np.tensordot(candidate, scores, 1), axis=1)[np.arange(len(terminals)), terminals].mean()

    best = minimize(total, [1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-9})
    assert total(weights) <= best.fun + 1e-3


def test_each_depth_has_weights_of_its_own():
    scores, terminals = experts(DEEP, noise=(0.4, 0.4))
    top = DEEP.parents < 0
    rng = np.random.default_rng(1)
    scores[0][:, top] = rng.normal(0, 9, (len(terminals), top.sum()))
    scores[1][:, ~top] = rng.normal(0, 9, (len(terminals), (~top).sum()))
    weights = fit_pool(scores, terminals, tree=DEEP)
    assert weights[0, 0] < 0.05 < 1 < weights[1, 0]
    assert weights[1, 1] < 0.05 < 1 < weights[0, 1]


def test_sure_experts_are_believed_and_vague_ones_calibrated():
    """The sum of the weights is the temperature: confidence must be as often right as it says."""
    scores, terminals = experts(FLAT, noise=(0.7, 0.9), rows=6000)
    weights = fit_pool(scores[:, :3000], terminals[:3000], tree=FLAT)
    shares = np.exp(pooled_log_probability(scores[:, 3000:], weights, tree=FLAT))
    best = shares.argmax(axis=1)
    assert shares.max(axis=1).mean() == pytest.approx((best == terminals[3000:]).mean(), abs=0.03)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_hardly_any_products(rows):
    scores, terminals = experts(DEEP, noise=(0.4, 0.6), rows=rows)
    weights = fit_pool(scores, terminals, tree=DEEP)
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()


def test_scores_that_tell_nothing_apart():
    scores = np.zeros((2, 50, len(DEEP)), np.float32)
    weights = fit_pool(scores, np.resize(DEEP.terminals, 50), tree=DEEP)
    assert np.isfinite(weights).all()

"""Least squares among siblings: as scikit-learn and the normal equations have it, by every way of solving."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge as Peer

from aisle.heads import ridge as module
from aisle.heads.ridge import LEAST_RIDGE, MOST_RIDGE, Ridge, inner_products, usual_ridge
from aisle.heads.tree import CategoryTree

TREE = CategoryTree.grow([("A", "x"), ("A", "y"), ("A",), ("B",), ("C", "z")], least=1)


def draw(rows=80, width=12, seed=0, *, tree=TREE):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((rows, width)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features, rng.choice(tree.terminals, rows)


RIDGE = 0.15


def expected(features, terminals, *, tree=TREE):
    """Fit scikit-learn's ridge to each run of siblings on its own products, targets centred, no intercept."""
    weights = np.zeros((features.shape[1], len(tree)))
    bias = np.zeros(len(tree))
    ways = tree.indicator(terminals)
    for _, run in tree.siblings():
        here = ways[:, run].any(axis=1)
        if run.stop - run.start < 2 or not here.any():
            continue
        targets = ways[here, run].astype(float)
        bias[run] = targets.mean(axis=0)
        peer = Peer(alpha=RIDGE, fit_intercept=False, tol=1e-8, solver="cholesky")
        weights[:, run] = peer.fit(features[here].astype(float), targets - bias[run]).coef_.T
    return weights, bias


@pytest.mark.parametrize("shape", [(80, 12), (30, 90)], ids=["tall", "wide"])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
def test_weights_are_those_of_scikit_learn(shape, kind):
    features, terminals = draw(*shape)
    weights, bias = Ridge(kind(features), terminals, tree=TREE, ridge=RIDGE).fit(np.arange(len(terminals)))
    for found, wanted in zip((weights, bias), expected(features, terminals), strict=True):
        np.testing.assert_allclose(found, wanted, atol=2e-4)


def test_some_of_the_rows_are_fitted_as_if_there_were_no_others():
    features, terminals = draw()
    rows = np.arange(0, 80, 3)
    found = Ridge(sparse.csr_matrix(features), terminals, tree=TREE, ridge=RIDGE).fit(rows)
    for one, other in zip(found, expected(features[rows], terminals[rows]), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


def test_many_rows_give_nearly_the_same_as_few(monkeypatch):
    """Above some size nothing is factorised any more: steps are taken until hardly anything is left.

    What is left, r, moves the weights by features' (features features' + ridge)^-1 r, of which the length is at most
    that of r / (2 sqrt(ridge)).
    """
    features, terminals = draw(rows=120, width=400)
    rows = np.arange(120)
    exact = Ridge(sparse.csr_matrix(features), terminals, tree=TREE, ridge=RIDGE)
    monkeypatch.setattr(module, "EXACT_ROWS", 20)
    stepped = Ridge(sparse.csr_matrix(features), terminals, tree=TREE, ridge=RIDGE)
    (one, bias), (other, same) = expected(features, terminals), stepped.fit(rows)
    np.testing.assert_allclose(same, bias, atol=1e-6)
    left = module._TOLERANCE * np.sqrt(len(rows))  # targets are 1 at most
    assert (np.linalg.norm(one - other, axis=0) <= left / (2 * np.sqrt(RIDGE))).all()
    assert module._TOLERANCE <= 0.01
    scores = [exact.score(weights, bias, rows) for weights in (one, other)]
    for _, run in TREE.siblings():
        agree = scores[0][:, run].argmax(axis=1) == scores[1][:, run].argmax(axis=1)
        assert agree.mean() > 0.97


def test_scores_are_features_times_weights():
    features, terminals = draw()
    head = Ridge(sparse.csr_matrix(features), terminals, tree=TREE, ridge=RIDGE)
    weights, bias = head.fit(np.arange(40))
    rows = np.arange(40, 80)
    np.testing.assert_allclose(head.score(weights, bias, rows), features[rows] @ weights + bias, atol=1e-6)


def test_targets_of_siblings_sum_to_one_so_do_the_scores():
    features, terminals = draw()
    head = Ridge(features, terminals, tree=TREE, ridge=RIDGE)
    scores = head.score(*head.fit(np.arange(80)), np.arange(80))
    for _, run in TREE.siblings():
        if run.stop - run.start > 1:
            np.testing.assert_allclose(scores[:, run].sum(axis=1), 1, atol=1e-4)


def test_siblings_without_products_and_only_children_score_nothing():
    features, terminals = draw()
    b = TREE.terminal(("B",))
    rows = np.flatnonzero((terminals == b) | (terminals == TREE.terminal(("C", "z"))))
    weights, bias = Ridge(features, terminals, tree=TREE, ridge=RIDGE).fit(rows)
    below = [node for node in range(len(TREE)) if TREE.parents[node] >= 0]
    assert not weights[:, below].any()
    assert not bias[below].any()
    assert weights[:, b].any()


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("exact", [10_000, 0], ids=["factorised", "stepped"])
def test_rows_without_any_feature_fit(kind, exact, monkeypatch):
    monkeypatch.setattr(module, "EXACT_ROWS", exact)
    _, terminals = draw(20, 30)
    weights, bias = Ridge(kind(np.zeros((20, 30), np.float32)), terminals, tree=TREE, ridge=RIDGE).fit(np.arange(20))
    assert not weights.any()
    assert np.isfinite(bias).all()


@pytest.mark.parametrize("exact", [10_000, 0], ids=["factorised", "stepped"])
def test_equal_rows_fit(exact, monkeypatch):
    monkeypatch.setattr(module, "EXACT_ROWS", exact)
    features, terminals = draw(40, 60)
    features[:] = features[0]
    weights, _ = Ridge(sparse.csr_matrix(features), terminals, tree=TREE, ridge=RIDGE).fit(np.arange(40))
    np.testing.assert_allclose(weights, expected(features, terminals)[0], atol=1e-3)


@pytest.mark.parametrize("density", [1.0, 0.2, 0.005])
def test_inner_products_are_of_all_pairs(density):
    """Terms of many products and terms of few are multiplied in different ways."""
    features = sparse.random_array(
        (150, 300), density=density, rng=np.random.default_rng(0), dtype=np.float32
    ).toarray()
    features[:100, 0] = 1
    for kind in (np.asarray, sparse.csr_matrix):
        np.testing.assert_allclose(inner_products(kind(features)), features @ features.T, rtol=1e-4, atol=1e-5)


def test_the_usual_ridge_grows_with_the_products_and_stays_within_bounds():
    ridges = [usual_ridge(rows) for rows in (1, 500, 3000, 8000, 10**6)]
    assert ridges == sorted(ridges)
    assert (ridges[0], ridges[-1]) == (LEAST_RIDGE, MOST_RIDGE)
    assert LEAST_RIDGE < ridges[2] < ridges[3] < MOST_RIDGE

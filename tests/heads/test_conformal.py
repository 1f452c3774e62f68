"""Sets against MAPIE, and coverage against the law that it follows."""

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin

from aisle.heads.conformal import fit_conformal


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose features are its probabilities."""

    def __init__(self, classes=4):
        self.classes = classes
        self.classes_ = np.arange(classes)

    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        return X

    def predict(self, X):
        return X.argmax(axis=1)

    def __sklearn_is_fitted__(self):
        return True


def draw(seed, count, *, classes=4):
    """Return probabilities, and labels that follow them."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(classes, 0.5), size=count)
    return shares, (shares.cumsum(axis=1) > rng.random((count, 1))).argmax(axis=1)


def uniform_scores(rng, count):
    """Return two classes' probabilities with labels 0, whose scores are even between 0 and 1: a set covers with q."""
    truth = rng.random(count)
    return np.column_stack([truth, 1 - truth]), np.zeros(count, dtype=int)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("count", [99, 200, 1000])
def test_sets_are_those_of_mapie(count, alpha):
    known, labels = draw(1, count)
    new, _ = draw(2, 500)
    peer = SplitConformalClassifier(Given(), confidence_level=1 - alpha, conformity_score="lac", prefit=True)
    _, expected = peer.conformalize(known, labels).predict_set(new)
    expected = expected[:, :, 0]
    found = fit_conformal(known, labels, alpha=alpha).sets(new)
    empty = ~expected.any(axis=1)
    np.testing.assert_array_equal(found[~empty], expected[~empty])
    np.testing.assert_array_equal(found[empty], np.eye(4, dtype=bool)[new[empty].argmax(axis=1)])


@pytest.mark.parametrize(("count", "alpha", "rank"), [(1000, 0.1, 901), (9, 0.1, 9), (9, 0.3, 7), (24, 0.44, 14)])
def test_the_quantile_is_the_score_of_its_rank(count, alpha, rank):
    scores = np.random.default_rng(0).permutation(np.arange(1, count + 1) / (count + 1))
    rule = fit_conformal(np.column_stack([1 - scores, scores]), np.zeros(count, dtype=int), alpha=alpha)
    assert rule.quantiles[0] == pytest.approx(rank / (count + 1))


def test_coverage_follows_its_beta_law():
    rng = np.random.default_rng(3)
    coverage = [fit_conformal(*uniform_scores(rng, 1000), alpha=0.1).quantiles[0] for _ in range(200)]
    law = stats.beta(901, 100)
    assert law.ppf([0.001, 0.999]) == pytest.approx([0.869, 0.927], abs=0.001)
    assert stats.kstest(coverage, law.cdf).pvalue > 0.001
    assert np.mean((np.array(coverage) > 0.869) & (np.array(coverage) < 0.927)) >= 0.985


def test_sets_cover_on_new_items():
    rng = np.random.default_rng(5)
    held = []
    for _ in range(100):
        rule = fit_conformal(*uniform_scores(rng, 1000), alpha=0.1)
        shares, labels = uniform_scores(rng, 1000)
        held.append(rule.sets(shares)[np.arange(1000), labels].mean())
    # The mean of 100 draws lies within 4 standard errors of 901 / 1001.
    assert np.mean(held) == pytest.approx(901 / 1001, abs=4 * 0.0134 / 10)


def test_class_by_class_each_class_is_covered():
    """Class 1 is hard: all items together cover it too seldom, its own quantile does not."""

    def items(rng, count):
        labels = (rng.random(count) < 0.15).astype(int)
        truth = np.where(labels == 0, rng.uniform(0.5, 1, count), rng.uniform(0, 0.6, count))
        shares = np.zeros((count, 2))
        shares[np.arange(count), labels], shares[np.arange(count), 1 - labels] = truth, 1 - truth
        return shares, labels

    rng = np.random.default_rng(7)
    covered = {False: [], True: []}
    for _ in range(60):
        known, new = items(rng, 1000), items(rng, 1000)
        for class_wise, shares in covered.items():
            inside = fit_conformal(*known, alpha=0.1, class_wise=class_wise).sets(new[0])
            shares.append(inside[np.flatnonzero(new[1] == 1), 1].mean())
    assert np.mean(covered[False]) < 0.75
    assert 0.89 <= np.mean(covered[True]) <= 0.93


def test_a_class_with_too_few_items_shares_the_quantile_of_all():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [50, 9, 8])  # ceil(1 / 0.1) - 1 = 9
    shares = rng.dirichlet(np.ones(4), size=67)
    rule = fit_conformal(shares, labels, alpha=0.1, class_wise=True)
    assert rule.own.tolist() == [True, True, False, False]
    assert rule.counts.tolist() == [50, 9, 8, 0]
    scores = np.sort(1 - shares[np.arange(67), labels])
    assert rule.quantiles[2:].tolist() == [scores[61]] * 2  # rank ceil(68 * 0.9) = 62
    assert rule.quantiles[1] == (1 - shares[50:59, 1]).max()  # rank ceil(10 * 0.9) = 9 of 9
    assert "2 of 4 categories" in rule.note
    assert "fewer than 9 calibration items" in rule.note


def test_too_few_items_leave_every_class_in():
    rule = fit_conformal([[0.9, 0.1]] * 8, [0] * 8, alpha=0.1)
    assert rule.sets([[1.0, 0.0], [0.3, 0.7]]).all()
    assert rule.note == "90 % needs at least 9 calibration items; there were 8, so every set holds everything"


def test_notes_of_what_is_promised():
    shares, labels = draw(1, 400)
    assert fit_conformal(shares, labels, alpha=0.1).note.endswith(
        "of at least 90 % of all products, not of each category"
    )
    assert fit_conformal(shares, labels, alpha=0.1, class_wise=True).note.endswith("products of each category")


def test_no_set_is_empty_and_the_top_class_is_in():
    rule = fit_conformal([[0.99, 0.005, 0.005]] * 100, [0] * 100, alpha=0.1)
    new = [[0.4, 0.35, 0.25], [0.995, 0.005, 0.0], [0.25, 0.25, 0.5], [0.4, 0.4, 0.2]]
    assert rule.sets(new).astype(int).tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]]
    assert rule.sets(np.zeros((0, 3))).shape == (0, 3)


def test_what_cannot_be_fitted():
    for alpha in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match="alpha"):
            fit_conformal([[1.0]], [0], alpha=alpha)
    with pytest.raises(ValueError, match="no items"):
        fit_conformal(np.zeros((0, 2)), [], alpha=0.1)
    with pytest.raises(ValueError, match="labels"):
        fit_conformal([[0.5, 0.5]], [2], alpha=0.1)


def test_another_number_of_classes():
    rule = fit_conformal([[0.5, 0.5]] * 20, [0] * 20, alpha=0.1)
    with pytest.raises(ValueError, match="2 classes"):
        rule.sets([[0.2, 0.3, 0.5]])

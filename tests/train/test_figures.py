"""Figures of predictions that can be worked out by hand, or that scikit-learn works out."""

import numpy as np
import pytest
from sklearn import metrics

from aisle.heads.tree import CategoryTree
from aisle.train.figures import TARGETS, figures, judge, most_confident, rate

MUGS, LAMPS, TOYS = ("Home", "Mugs"), ("Home", "Lamps"), ("Toys",)


@pytest.fixture
def tree():
    # The nodes, in order: Home, Toys, Home > Lamps, Home > Mugs.
    return CategoryTree.grow([MUGS] * 5 + [LAMPS] * 5 + [TOYS] * 5)


def logs(rows):
    """Log-probabilities of the four nodes from (toys, lamps, mugs)."""
    toys, lamps, mugs = np.array(rows, dtype=float).T
    return np.log(np.column_stack([lamps + mugs, toys, lamps, mugs]))


@pytest.fixture
def shown():
    return logs([(0.1, 0.2, 0.7), (0.1, 0.5, 0.4), (0.8, 0.1, 0.1), (0.3, 0.3, 0.4), (0.6, 0.2, 0.2)])


def test_an_answer_is_right_at_the_top_and_wrong_below(tree, shown):
    found = figures(shown, [MUGS, MUGS, TOYS, LAMPS, MUGS], tree=tree)
    # Answers: Mugs, Lamps, Toys, Mugs, Toys.
    assert found["products"] == 5
    assert (found["accuracy"]["level_1"]["right"], found["accuracy"]["leaf"]["right"]) == (4, 2)
    assert found["accuracy"]["level_1"]["share"] == 0.8
    assert found["accuracy"]["level_1"]["low"] == pytest.approx(0.3755, abs=1e-3)  # Wilson: 4 of 5
    assert "level_2" not in found["accuracy"]  # it is the leaf here


def test_a_category_that_is_not_known_counts_as_wrong_and_costs(tree, shown):
    found = figures(shown[:1], [("Music", "Flutes")], tree=tree)
    assert found["accuracy"]["level_1"]["right"] == found["accuracy"]["leaf"]["right"] == 0
    after = found["calibration"]["after"]["level_1"]
    assert after["nll"] == pytest.approx(-np.log(np.finfo(float).eps))
    assert after["brier"] == pytest.approx(0.9**2 + 0.1**2 + 1)
    # The top is known and the leaf is not:
    found = figures(shown[:1], [("Home", "Sofas")], tree=tree)
    assert (found["accuracy"]["level_1"]["right"], found["accuracy"]["leaf"]["right"]) == (1, 0)
    assert found["top_3"]["leaf"] == 0


def test_figures_agree_with_scikit_learn(tree):
    rng = np.random.default_rng(1)
    shares = rng.dirichlet([0.5, 0.5, 0.5], size=300)
    truth = np.array([rng.choice(3, p=row) for row in shares])
    paths = [(TOYS, LAMPS, MUGS)[place] for place in truth]
    found = figures(logs(shares), paths, tree=tree)
    top = np.column_stack([shares[:, 1] + shares[:, 2], shares[:, 0]])
    top_truth = (truth == 0).astype(int)
    after = found["calibration"]["after"]
    assert after["leaf"]["nll"] == pytest.approx(metrics.log_loss(truth, shares), abs=1e-6)
    assert after["level_1"]["nll"] == pytest.approx(metrics.log_loss(top_truth, top), abs=1e-6)
    assert after["level_1"]["brier"] == pytest.approx(2 * metrics.brier_score_loss(top_truth, top[:, 1]), abs=1e-6)
    assert found["macro_f1"]["level_1"] == pytest.approx(
        metrics.f1_score(top_truth, top.argmax(axis=1), average="macro"), abs=1e-6
    )
    by_name = {row["category"][0]: row for row in found["categories"]}
    assert by_name["Toys"]["recall"] == pytest.approx(metrics.recall_score(top_truth, top.argmax(axis=1)), abs=1e-6)
    assert by_name["Toys"]["support"] == int((truth == 0).sum())


def test_calibrated_probabilities_have_a_small_error_and_sharpened_ones_a_large_one(tree):
    rng = np.random.default_rng(2)
    shares = rng.dirichlet([1, 1, 1], size=4000)
    paths = [(TOYS, LAMPS, MUGS)[rng.choice(3, p=row)] for row in shares]
    sharp = shares**4 / (shares**4).sum(axis=1, keepdims=True)
    found = figures(logs(shares), paths, tree=tree, before=logs(sharp))["calibration"]
    assert found["after"]["leaf"]["ece"] < 0.03
    assert found["before"]["leaf"]["ece_low"] > 0.1
    assert found["before"]["leaf"]["nll"] > found["after"]["leaf"]["nll"]


def test_coverage_is_the_largest_at_which_the_precision_holds(tree):
    # Ten products by falling confidence; the sixth and the tenth are wrong: 5 of 5, 8 of 9, 8 of 10.
    confidence = np.linspace(0.95, 0.6, 10)
    shares = [(1 - top, top * 0.9, top * 0.1) for top in confidence]
    truths = [TOYS if place in (5, 9) else LAMPS for place in range(10)]
    found = figures(logs(shares), truths, tree=tree)
    by_target = {row["precision"]: row["coverage"] for row in found["coverage"]}
    assert set(by_target) == set(TARGETS)
    assert (by_target[0.8], by_target[0.85], by_target[0.9], by_target[0.99]) == (1.0, 0.9, 0.5, 0.5)
    assert found["curve"][0] == [0.1, 1.0]
    assert found["curve"][-1] == [1.0, 0.8]


def test_the_most_confident_part_is_counted_by_confidence():
    right = np.array([True, False, True, False])
    found = most_confident(np.array([0.9, 0.2, 0.8, 0.7]), right, share=0.5)
    assert (found["right"], found["of"], found["share"]) == (2, 2, 1.0)


def test_the_way_to_an_answer_is_right_as_far_as_it_goes(tree, shown):
    confidence, right = judge(shown, [LAMPS] * 5, tree=tree).chains()
    assert right[0].tolist() == [True, False]  # Home is right, Mugs is not
    assert confidence[0] == pytest.approx([0.9, 0.7])
    assert np.isnan(confidence[2, 1])  # Toys has no second step
    assert not right[2].any()


def test_of_nothing_there_is_no_share(tree):
    assert rate(0, 0)["share"] is None
    with pytest.raises(ValueError, match="do not fit"):
        figures(np.empty((0, 4)), [], tree=tree)

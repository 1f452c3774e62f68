"""Scores of answers against scikit-learn, sets of ancestors, and averages over all orders."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, precision_recall_fscore_support, top_k_accuracy_score

from aisle.heads.metrics import (
    accuracy,
    area_under_risk_coverage,
    coverage_curve,
    hierarchical_scores,
    macro_f1,
    per_category,
    top_k_accuracy,
)

MUGS, LAMPS, CARS, HOME = ("Home", "Mugs"), ("Home", "Lamps"), ("Toys", "Cars"), ("Home",)
TRUTHS = [MUGS, MUGS, MUGS, LAMPS, LAMPS, CARS]
ANSWERS = [MUGS, MUGS, HOME, MUGS, LAMPS, ()]
PATHS = st.lists(st.sampled_from("AB"), max_size=3).map(tuple)
PAIRS = st.lists(st.tuples(PATHS, PATHS.filter(bool)), min_size=1, max_size=20)


def apart(pairs):
    return [answer for answer, _ in pairs], [truth for _, truth in pairs]


def test_an_answer_that_stops_early_is_not_the_whole_path():
    assert accuracy(ANSWERS, TRUTHS) == 3 / 6


@settings(deadline=None)
@given(PAIRS)
def test_flat_scores_are_those_of_scikit_learn(pairs):
    answers, truths = apart(pairs)
    flat_answers, flat_truths = (["/".join(path) for path in side] for side in (answers, truths))
    names = sorted(set(flat_truths))
    assert accuracy(answers, truths) == accuracy_score(flat_truths, flat_answers)
    expected = precision_recall_fscore_support(flat_truths, flat_answers, labels=names, zero_division=0)
    rows = sorted(per_category(answers, truths), key=lambda row: "/".join(row.category))
    assert ["/".join(row.category) for row in rows] == names
    found = [[getattr(row, name) for row in rows] for name in ("precision", "recall", "f1", "support")]
    np.testing.assert_allclose(found, expected)
    assert macro_f1(answers, truths) == pytest.approx(expected[2].mean())


def test_the_table_is_sorted_by_size():
    rows = per_category(ANSWERS, TRUTHS)
    assert [(row.category, row.support, row.answered) for row in rows] == [(MUGS, 3, 3), (LAMPS, 2, 1), (CARS, 1, 0)]


def test_the_table_of_a_level_takes_what_reaches_it():
    top, toys = per_category(ANSWERS, TRUTHS, level=1)
    assert (top.category, top.recall, top.precision) == (HOME, 1.0, 1.0)
    assert (toys.recall, toys.precision, toys.f1) == (0, 0, 0)
    assert per_category([HOME, MUGS], [HOME, HOME], level=2)[0].recall == 0.5
    assert per_category(ANSWERS, TRUTHS, level=2) == per_category(ANSWERS, TRUTHS)
    with pytest.raises(ValueError, match="the first level is 1"):
        per_category(ANSWERS, TRUTHS, level=0)


def test_hierarchical_scores_by_hand():
    # Nodes shared: 2 + 2 + 1 + 1 + 2 + 0 = 8; answered: 2 + 2 + 1 + 2 + 2 + 0 = 9; true: 6 * 2 = 12.
    scores = hierarchical_scores(ANSWERS, TRUTHS)
    assert (scores.precision, scores.recall) == (8 / 9, 8 / 12)
    assert scores.f1 == pytest.approx(2 * (8 / 9) * (8 / 12) / (8 / 9 + 8 / 12))


@settings(deadline=None)
@given(PAIRS)
def test_hierarchical_scores_are_those_of_sets_of_ancestors(pairs):
    def nodes(path):
        return {path[:depth] for depth in range(1, len(path) + 1)}

    shared = sum(len(nodes(answer) & nodes(truth)) for answer, truth in pairs)
    given_nodes, true_nodes = (sum(len(nodes(pair[side])) for pair in pairs) for side in (0, 1))
    scores = hierarchical_scores(*apart(pairs))
    assert scores.precision == (shared / given_nodes if given_nodes else 0)
    assert scores.recall == shared / true_nodes


def test_no_answer_costs_recall_alone():
    before, after = hierarchical_scores([MUGS], [MUGS]), hierarchical_scores([MUGS, ()], [MUGS, CARS])
    assert (before.precision, after.precision) == (1, 1)
    assert (before.recall, after.recall) == (1, 0.5)


def test_names_below_another_parent_are_other_nodes():
    assert hierarchical_scores([("Home", "Cars")], [("Toys", "Cars")]).f1 == 0


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 4))
def test_top_k_is_that_of_scikit_learn(seed, k):
    rng = np.random.default_rng(seed)
    probabilities, labels = rng.dirichlet(np.ones(5), size=12), rng.integers(5, size=12)
    expected = top_k_accuracy_score(labels, probabilities, k=k, labels=np.arange(5))
    assert top_k_accuracy(probabilities, labels, k=k) == pytest.approx(expected)


def test_equally_probable_classes_count_in_order():
    assert [top_k_accuracy([[0.25] * 4], [2], k=k) for k in (1, 2, 3, 4, 9)] == [0, 0, 1, 1, 1]
    with pytest.raises(ValueError, match="at least 1"):
        top_k_accuracy([[1.0]], [0], k=0)


def test_equal_confidences_are_answered_together():
    curve = coverage_curve([0.5, 0.9, 0.5, 0.7, 0.9], [True, True, False, False, True])
    assert curve.threshold.tolist() == [0.9, 0.7, 0.5]
    assert curve.coverage.tolist() == [2 / 5, 3 / 5, 1.0]
    assert curve.precision.tolist() == [1.0, 2 / 3, 3 / 5]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=30))
def test_the_curve_is_what_its_thresholds_answer(items):
    confidence, right = (np.array(side) for side in zip(*items, strict=True))
    curve = coverage_curve(confidence, right)
    for coverage, precision, threshold in zip(curve.coverage, curve.precision, curve.threshold, strict=True):
        answered = confidence >= threshold
        assert coverage == pytest.approx(answered.mean())
        assert precision == pytest.approx(right[answered].mean())


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=6))
def test_the_area_is_the_mean_over_all_orders_of_equals(items):
    areas = []
    for order in permutations(items):
        wrong = [not right for _, right in sorted(order, key=lambda item: -item[0])]
        areas.append(np.mean([sum(wrong[:count]) / count for count in range(1, len(wrong) + 1)]))
    confidence, right = zip(*items, strict=True)
    assert area_under_risk_coverage(confidence, right) == pytest.approx(np.mean(areas))


@pytest.mark.parametrize(("answers", "truths"), [([], []), ([MUGS], []), ([MUGS], [MUGS, CARS])])
def test_answers_that_do_not_fit(answers, truths):
    for measure in (accuracy, macro_f1, per_category, hierarchical_scores):
        with pytest.raises(ValueError, match="one for each"):
            measure(answers, truths)


@pytest.mark.parametrize(("confidence", "right"), [([], []), ([0.5], [True, True]), ([float("nan")], [True])])
def test_confidences_that_do_not_fit(confidence, right):
    for measure in (coverage_curve, area_under_risk_coverage):
        with pytest.raises(ValueError, match="confidence"):
            measure(confidence, right)

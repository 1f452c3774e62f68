"""Classifiers scored: perfect where it is easy, chance where there is nothing, no help from near-duplicates."""

import numpy as np
import pytest
from sklearn.svm import SVC

from aisle.heads.blocks import DenseBlock, LexicalBlock
from aisle.study import classifier
from aisle.study.classifier import LINEAR_NAME, SVC_NAME, Task, score_classifiers

VIEWS = {"photo": ["photo"]}


def dense(matrix):
    return DenseBlock(matrix.astype(np.float32), np.ones(len(matrix), dtype=np.bool_))


def scored(block, labels, groups=None, *, threads=1):
    task = Task(labels, np.arange(len(labels)) if groups is None else groups)
    return score_classifiers({"photo": block}, views=VIEWS, task=task, threads=threads)


def clouds(labels, *, width=5, spread=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return 3 * rng.normal(size=(labels.max() + 1, width))[labels] + rng.normal(scale=spread, size=(labels.size, width))


def test_what_can_be_told_apart_is_always_right():
    labels = np.arange(60) % 3
    rows, predicted = scored(dense(clouds(labels)), labels)
    assert [row["model"] for row in rows] == [SVC_NAME, LINEAR_NAME]
    for row in rows:
        assert row["accuracy_mean"] == row["grouped_accuracy_mean"] == row["macro_f1_mean"] == 1.0
        assert (row["folds"], row["repeats"]) == (5, 5)
    np.testing.assert_array_equal(predicted, labels)


@pytest.mark.parametrize("seed", range(3))
def test_labels_that_mean_nothing_are_guessed(seed):
    """Features of which each names its row would be learned by heart if a test row leaked into the training."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(120) % 3)
    texts = [f"word{n} other{n} common thing" for n in range(120)]
    task = Task(labels, np.arange(120))
    blocks = {"words": LexicalBlock(texts), "photo": dense(rng.normal(size=(120, 40)))}
    rows, _ = score_classifiers(blocks, views={"text + photo": ["words", "photo"]}, task=task, threads=1)
    for row in rows:
        assert row["accuracy_mean"] == pytest.approx(1 / 3, abs=0.13)  # three standard errors of 120 guesses
        assert row["grouped_accuracy_mean"] == pytest.approx(1 / 3, abs=0.13)


def test_near_duplicates_flatter_the_plain_figure_and_not_the_grouped_one():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(40) % 2, 3)  # forty items, each three times, labels without meaning
    groups = np.repeat(np.arange(40), 3)
    rows, _ = scored(dense(rng.normal(size=(40, 30))[groups] + rng.normal(scale=0.01, size=(120, 30))), labels, groups)
    for row in rows:
        assert row["accuracy_mean"] > 0.85
        assert row["grouped_accuracy_mean"] < 0.75


def test_near_duplicates_with_contradictory_labels():
    labels = np.arange(60) % 2
    groups = np.arange(60) // 2  # each pair is one item filed twice, once in each category
    matrix = np.random.default_rng(1).normal(size=(30, 20))[groups]
    rows, _ = scored(dense(matrix), labels, groups)
    for row in rows:
        assert row["grouped_accuracy_mean"] == pytest.approx(0.5)  # of each pair, one is right
        assert row["accuracy_mean"] < row["grouped_accuracy_mean"]  # the other half of the pair misleads


def test_the_kernel_svc_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    known, new = clouds(labels, spread=3), clouds(labels, spread=3, seed=0) + rng.normal(size=(90, 5))
    ours = classifier._kernel_svc(known.astype(np.float32), labels, new.astype(np.float32))
    theirs = SVC(C=10, gamma="scale").fit(known, labels).predict(new)
    assert (ours == theirs).mean() > 0.98
    assert 0.4 < (theirs == labels).mean() < 1


def test_constant_features_have_a_kernel():
    labels = np.arange(20) % 2
    rows, _ = scored(dense(np.ones((20, 3))), labels)
    assert all(0 <= row["accuracy_mean"] <= 1 for row in rows)


def test_one_group_of_all_products_has_no_grouped_figure():
    labels = np.arange(30) % 3
    rows, _ = scored(dense(clouds(labels)), labels, np.zeros(30, dtype=np.int64))
    for row in rows:
        assert row["accuracy_mean"] == 1.0
        assert row["grouped_accuracy_mean"] is row["grouped_accuracy_low"] is row["grouped_accuracy_high"] is None


def test_a_category_that_is_one_group_is_never_learned_and_always_missed():
    labels = np.repeat([0, 1, 2], 10)
    groups = np.concatenate([np.zeros(10, dtype=np.int64), np.arange(1, 21)])
    rows, _ = scored(dense(clouds(labels)), labels, groups)
    for row in rows:
        assert row["accuracy_mean"] == 1.0
        assert row["grouped_accuracy_mean"] < 1.0


def test_two_categories_of_one_group_each_leave_one_to_learn():
    labels = np.repeat([0, 1], 8)
    rows, _ = scored(dense(clouds(labels)), labels, labels.copy())
    assert [row["grouped_accuracy_mean"] for row in rows] == [0.0, 0.0]


def test_threads_change_nothing():
    labels = np.arange(60) % 3
    block = dense(clouds(labels, spread=2))
    one, other = (scored(block, labels, threads=threads) for threads in (1, 3))
    assert one[0] == other[0]
    np.testing.assert_array_equal(one[1], other[1])


def test_large_catalogues_are_dealt_once_and_have_no_kernel(monkeypatch):
    monkeypatch.setattr(classifier, "LARGE", 50)
    labels = np.arange(60) % 3
    rows, _ = scored(dense(clouds(labels)), labels)
    assert [(row["model"], row["repeats"]) for row in rows] == [(LINEAR_NAME, 1)]


def test_predictions_are_out_of_fold():
    """Each row is a mirror image of its label's neighbour: whoever saw it would get it right."""
    labels = np.arange(60) % 2
    groups = np.arange(60) // 2
    matrix = np.random.default_rng(1).normal(size=(30, 20))[groups] + 0.01 * labels[:, None]
    rows, predicted = scored(dense(matrix), labels, groups)
    linear = next(row for row in rows if row["model"] == LINEAR_NAME)
    assert (predicted == labels).mean() == pytest.approx(linear["accuracy_mean"], abs=0.2)
    assert (predicted == labels).mean() < 0.5

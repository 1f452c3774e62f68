"""How labels are ranked, against truths that were planted."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from aisle.audit import rank_labels


def draw(seed, *, count=400, classes=6, changed=0.05, sharpness=3.0):
    """Return probabilities of a made-up classifier, labels of which some are wrong, and which."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(classes, size=count)
    scores = rng.normal(size=(count, classes))
    scores[np.arange(count), truth] += sharpness * rng.uniform(0.3, 1.5, size=count)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    labels = truth.copy()
    wrong = rng.choice(count, round(changed * count), replace=False)
    labels[wrong] = (truth[wrong] + rng.integers(1, classes, size=len(wrong))) % classes
    return shares / shares.sum(axis=1, keepdims=True), labels, labels != truth


def test_a_contradicted_label_comes_first():
    shares = np.full((50, 3), 0.05)
    labels = np.arange(50) % 3
    shares[np.arange(50), labels] = 0.9
    labels[17] = (labels[17] + 1) % 3
    assert rank_labels(shares, labels).argmax() == 17


@pytest.mark.parametrize("sharpness", [2.0, 3.0, 4.0])
def test_it_is_as_good_as_the_plain_readings_of_the_same_probabilities(sharpness):
    ours, self_confidence, margin = [], [], []
    for seed in range(4):
        shares, labels, wrong = draw(seed, sharpness=sharpness)
        rows = np.arange(len(labels))
        own = shares[rows, labels]
        rest = shares.copy()
        rest[rows, labels] = 0
        ours.append(average_precision_score(wrong, rank_labels(shares, labels)))
        self_confidence.append(average_precision_score(wrong, -own))
        margin.append(average_precision_score(wrong, rest.max(axis=1) - own))
    assert np.mean(ours) >= max(np.mean(self_confidence), np.mean(margin)) - 0.02
    assert np.mean(ours) >= min(np.mean(self_confidence), np.mean(margin))


def test_the_order_of_products_and_names_of_classes_play_no_part_in_what_is_found():
    shares, labels, wrong = draw(3)
    order = np.random.default_rng(0).permutation(len(labels))
    names = np.array([3, 5, 1, 0, 4, 2])
    renamed = np.empty_like(shares)
    renamed[:, names] = shares
    plain = average_precision_score(wrong, rank_labels(shares, labels))
    moved = average_precision_score(wrong[order], rank_labels(renamed[order], names[labels[order]]))
    assert moved == pytest.approx(plain, abs=0.03)


def test_the_same_seed_gives_the_same_ranks():
    shares, labels, _ = draw(1)
    np.testing.assert_array_equal(rank_labels(shares, labels, seed=4), rank_labels(shares, labels, seed=4))


def test_impossible_labels_and_certain_ones():
    shares = np.eye(4)[np.arange(80) % 4]
    labels = np.arange(80) % 4
    labels[3] = 0  # the classifier gives it no chance at all
    ranks = rank_labels(shares, labels)
    assert np.isfinite(ranks).all()
    assert ranks.argmax() == 3
    assert ((ranks >= 0) & (ranks <= 1)).all()


@pytest.mark.parametrize(("shape", "labels"), [((0, 3), []), ((1, 3), [2]), ((4, 1), [0, 0, 0, 0])])
def test_too_little_to_rank(shape, labels):
    assert rank_labels(np.ones(shape) / max(shape[1], 1), np.array(labels, dtype=int)).tolist() == [0.0] * shape[0]


@pytest.mark.parametrize(
    ("shares", "labels", "message"),
    [
        (np.ones((3, 2)) / 2, [0, 1], "one row per label"),
        (np.ones(3), [0, 0, 0], "one row per label"),
        (np.ones((2, 2)) / 2, [0, 2], "from 0 to 1"),
        (np.ones((2, 2)) / 2, [-1, 0], "from 0 to 1"),
    ],
)
def test_what_does_not_fit_is_named(shares, labels, message):
    with pytest.raises(ValueError, match=message):
        rank_labels(shares, np.array(labels))

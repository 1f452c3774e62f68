"""Which categories contradict a label: cases worked out by hand."""

import numpy as np
import pytest

from aisle.audit.kinship import Kinship
from aisle.heads.tree import CategoryTree

LABELS = [("A", "B")] * 5 + [("A", "C")] * 5 + [("A",)] * 5 + [("D",)] * 5


@pytest.fixture
def tree():
    return CategoryTree.grow(LABELS)


def place(tree, *path):
    return int(np.searchsorted(tree.terminals, tree.terminal(path)))


def test_a_label_above_or_below_is_no_contradiction(tree):
    fits = Kinship.of_tree(tree).fits
    short, b, c, d = place(tree, "A"), place(tree, "A", "B"), place(tree, "A", "C"), place(tree, "D")
    assert fits[b, short]
    assert fits[short, b]
    assert fits[short, c]
    for one, other in ((b, c), (b, d), (short, d), (c, d)):
        assert not fits[one, other]
        assert not fits[other, one]


def test_what_fits_counts_for_the_label_and_the_highest_rival_is_named(tree):
    kinship = Kinship.of_tree(tree)
    shares = np.zeros((3, 4))
    for name, share in ((("A",), 0.1), (("A", "B"), 0.2), (("A", "C"), 0.3), (("D",), 0.4)):
        shares[:, place(tree, *name)] = share
    own, other, which = kinship.weigh(shares, np.array([place(tree, "A", "B"), place(tree, "A"), place(tree, "D")]))
    # "A > B" fits itself and "A, no deeper"; "A" fits all of A; "D" fits itself, and all of A speaks against it.
    np.testing.assert_allclose(own, [0.3, 0.6, 0.4])
    np.testing.assert_allclose(other, [0.4, 0.4, 0.6])
    assert [tree.paths[node] for node in which] == [("D",), ("D",), ("A",)]


def test_flat_classes_exclude_one_another():
    own, other, which = Kinship.flat(3).weigh(np.array([[0.2, 0.5, 0.3]] * 3), np.arange(3))
    np.testing.assert_allclose(own, [0.2, 0.5, 0.3])
    np.testing.assert_allclose(other, [0.5, 0.3, 0.5])
    assert which.tolist() == [1, 2, 1]


@pytest.mark.parametrize("level", [1, 2, 3])
def test_fitting_is_mutual_and_every_label_fits_itself(level):
    rng = np.random.default_rng(level)
    labels = [tuple(rng.choice(list("xyz"), size=rng.integers(1, 4))) for _ in range(300)]
    kinship = Kinship.of_tree(CategoryTree.grow(labels, level=level))
    assert (kinship.fits == kinship.fits.T).all()
    assert kinship.fits.diagonal().all()

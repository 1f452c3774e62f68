"""The tree of categories: what its probabilities add up to, what labels become of, and what is no tree."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from aisle.heads.tree import ROOT, CategoryTree

names = st.text(min_size=1, max_size=6).map(lambda name: " ".join(name.split())).filter(bool) | st.sampled_from(
    ["A > B", "A>B", "Bags, Wallets & Belts", "घड़ी", "时计", "ساعة", "\U0001f45c", "B", "A"]
)
paths = st.lists(names, min_size=1, max_size=4).map(tuple)
catalogues = st.lists(paths, min_size=1, max_size=30)


def grow(labels, **options):
    return CategoryTree.grow(labels, **{"least": 1, **options})


def draw_scores(tree, seed, rows=4, spread=5.0):
    return np.random.default_rng(seed).normal(0, spread, (rows, len(tree)))


@given(labels=catalogues, seed=st.integers(0, 99), level=st.none() | st.integers(1, 4), least=st.integers(1, 6))
def test_children_sum_to_their_parent_and_the_ends_to_one(labels, seed, level, least):
    tree = grow(labels, level=level, least=least)
    shares = np.exp(tree.log_probability(tree.log_conditional(draw_scores(tree, seed))))
    children = {}
    for node, parent in enumerate(tree.parents.tolist()):
        children.setdefault(parent, []).append(node)
    for parent, nodes in children.items():
        whole = 1.0 if parent == ROOT else shares[:, parent]
        np.testing.assert_allclose(shares[:, nodes].sum(axis=1), whole, rtol=1e-9)
    ends = [node for node in range(len(tree)) if node not in children]
    assert tree.terminals.tolist() == ends
    np.testing.assert_allclose(shares[:, ends].sum(axis=1), 1, rtol=1e-9)


@given(labels=catalogues, seed=st.integers(0, 99))
def test_confidence_falls_from_the_top_down(labels, seed):
    tree = grow(labels)
    logs = tree.log_probability(tree.log_conditional(draw_scores(tree, seed)))
    for row, best in enumerate(tree.most_probable(logs).tolist()):
        chain = tree.chain(best)
        assert tree.parents[chain[0]] == ROOT
        assert (np.diff(logs[row, chain]) <= 0).all()
        for above, below in pairwise(chain):
            assert tree.paths[below] in (tree.paths[above], (*tree.paths[above], tree.paths[below][-1]))


@given(labels=catalogues, seed=st.integers(0, 99))
def test_the_most_probable_child_is_taken_again_and_again(labels, seed):
    tree = grow(labels)
    logs = tree.log_probability(tree.log_conditional(draw_scores(tree, seed)))
    for row, best in enumerate(tree.most_probable(logs).tolist()):
        at = ROOT
        while nodes := [node for node in range(len(tree)) if tree.parents[node] == at]:
            at = max(nodes, key=lambda node: logs[row, node])
        assert best == at


@given(labels=catalogues, least=st.integers(1, 6), level=st.none() | st.integers(1, 4))
def test_every_label_has_one_place(labels, least, level):
    """The deepest part of its path that is known and large enough, whatever the letters in its names."""
    tree = grow(labels, least=least, level=level)
    cut = [label[:level] for label in labels]
    for label in cut:
        sizes = [sum(other[:depth] == label[:depth] for other in cut) for depth in range(1, len(label) + 1)]
        large = [depth for depth, size in enumerate(sizes, start=1) if depth == 1 or size >= least]
        node = tree.terminal(label)
        assert tree.paths[node] == label[: max(large)]
        assert node in tree.terminals
    assert set(tree.paths) <= {label[:depth] for label in labels for depth in range(1, 5)}
    top = {label[0] for label in labels}
    assert {path[0] for path in tree.paths} == top


def test_one_parent_is_worked_out_by_hand():
    tree = grow([("A", "x"), ("A", "y"), ("A",), ("B",)])
    assert tree.paths == (("A",), ("B",), ("A", "x"), ("A", "y"), ("A",))
    assert tree.ends.tolist() == [False, False, False, False, True]
    assert tree.steps.tolist() == [1, 1, 2, 2, 2]
    assert tree.depths.tolist() == [1, 1, 2, 2, 1]
    assert tree.terminals.tolist() == [1, 2, 3, 4]
    scores = np.array([[1.0, 2.0, 0.0, 1.0, 3.0]])
    shares = np.exp(tree.log_probability(tree.log_conditional(scores)))[0]
    top, below = softmax([1.0, 2.0]), softmax([0.0, 1.0, 3.0])
    np.testing.assert_allclose(shares, [*top, *(top[0] * below)])


def test_labels_the_tree_does_not_know():
    tree = grow([("A", "x"), ("A", "y"), ("B",)])
    assert tree.terminal(("C",)) == ROOT
    assert tree.terminal(()) == ROOT
    assert tree.terminal(("A",)) == ROOT, "no product was filed there, so there is no end"
    assert tree.terminal(("A", "z")) == ROOT
    assert tree.paths[tree.terminal(("B", "z"))] == ("B",)
    assert tree.paths[tree.node(("A", "z"))] == ("A",)
    assert tree.node(("C", "x")) == ROOT


def test_names_that_look_like_paths_stay_names():
    tree = grow([("A > B",), ("A", "B"), ("A", "C"), ("A > B > C",)])
    assert set(tree.paths) == {("A > B",), ("A",), ("A", "B"), ("A", "C"), ("A > B > C",)}
    assert len({tree.terminal(path) for path in [("A > B",), ("A", "B"), ("A > B > C",)]}) == 3


@given(labels=catalogues)
def test_the_order_of_the_products_does_not_matter(labels):
    one, other = grow(labels), grow(labels[::-1])
    assert one.paths == other.paths
    assert one.parents.tolist() == other.parents.tolist()


@given(labels=catalogues)
def test_ways_and_indicators_agree(labels):
    tree = grow(labels)
    on_path = tree.indicator(tree.terminals)
    for row, terminal in enumerate(tree.terminals.tolist()):
        assert np.flatnonzero(on_path[row]).tolist() == sorted(tree.chain(terminal))
        assert [node for node in tree.chains[terminal].tolist() if node != ROOT] == tree.chain(terminal)


def test_scores_far_apart_neither_overflow_nor_vanish():
    tree = grow([("A", "x"), ("A", "y"), ("B",)])
    logs = tree.log_probability(tree.log_conditional(np.array([[1e6, -1e6, -1e6, 1e6], [0, 0, 1e300, -1e300]])))
    assert not np.isnan(logs).any()
    np.testing.assert_allclose(np.exp(logs[:, tree.terminals]).sum(axis=1), 1)


@pytest.mark.parametrize(
    ("paths", "parents"),
    [
        ((), []),
        ((("A",),), [0]),
        ((("A",), ("B",)), [-1]),
        ((("A",), ("B",)), [-1, 1]),
        ((("A",), ("B", "x")), [-1, 0]),
        ((("A",), ("A", "x", "y")), [-1, 0]),
        ((("A",), ("A", "x"), ("B",)), [-1, 0, -1]),
        ((("A",), ("A",)), [-1, -1]),
        ((("A",), ()), [-1, 0]),
        ((("A",), ("A", "x")), [1, 0]),
    ],
)
def test_what_is_no_tree_is_refused(paths, parents):
    with pytest.raises(ValueError, match="no tree"):
        CategoryTree(paths, np.array(parents, dtype=np.int64))

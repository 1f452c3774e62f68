"""Held-out splits: every product held out once, near-duplicates on one side, categories spread."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.heads import folds as module
from aisle.heads.folds import FOLDS, held_out_splits
from aisle.heads.tree import CategoryTree


def world(sizes, *, seed=0, copies=1):
    """Return a flat tree, products of the given sizes in it, and groups of so many near-duplicates."""
    names = [(f"c{number}",) for number in range(len(sizes))]
    tree = CategoryTree.grow(names)
    rng = np.random.default_rng(seed)
    terminals = rng.permutation(np.repeat([tree.terminal(name) for name in names], sizes))
    groups = (
        np.arange(len(terminals)) if copies == 1 else rng.integers(0, max(1, len(terminals) // copies), len(terminals))
    )
    return tree, terminals, np.unique(groups, return_inverse=True)[1].astype(np.int64)


@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=6), seed=st.integers(0, 50), copies=st.integers(1, 6))
def test_each_product_is_held_out_once_and_its_duplicates_with_it(sizes, seed, copies):
    tree, terminals, groups = world(sizes, seed=seed, copies=copies)
    splits = held_out_splits(terminals, tree=tree, groups=groups, seed=seed)
    for train, test in splits:
        assert sorted([*train, *test]) == list(range(len(terminals)))
        assert not set(groups[train]) & set(groups[test])
    if splits:
        assert sorted(np.concatenate([test for _, test in splits]).tolist()) == list(range(len(terminals)))
    assert bool(splits) == (len(np.unique(groups)) > 1)


@pytest.mark.parametrize("sizes", [[50, 50, 50], [100, 10, 5], [37, 41, 29, 11]])
def test_every_category_is_spread_evenly(sizes):
    tree, terminals, groups = world(sizes)
    splits = held_out_splits(terminals, tree=tree, groups=groups, seed=0)
    assert len(splits) == FOLDS
    counts = np.array([np.bincount(terminals[test], minlength=len(sizes)) for _, test in splits])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()


def test_categories_are_spread_by_the_top_of_their_path():
    labels = [("A", f"x{number % 20}") for number in range(100)] + [("B", "y")] * 50
    tree = CategoryTree.grow(labels, least=1)
    terminals = np.array([tree.terminal(label) for label in labels])
    top = np.array([label[0] == "A" for label in labels])
    for _, test in held_out_splits(terminals, tree=tree, groups=np.arange(150), seed=0):
        assert (top[test].sum(), (~top[test]).sum()) == (20, 10)


def test_the_deal_is_seeded():
    tree, terminals, groups = world([30, 30])
    deals = [
        [test.tolist() for _, test in held_out_splits(terminals, tree=tree, groups=groups, seed=seed)]
        for seed in (1, 1, 2)
    ]
    assert deals[0] == deals[1] != deals[2]


def test_of_many_products_one_part_is_held_out(monkeypatch):
    monkeypatch.setattr(module, "HELD_OUT_ROWS", 50)
    tree, terminals, groups = world([40, 40])
    ((train, test),) = held_out_splits(terminals, tree=tree, groups=groups, seed=0)
    assert (len(train), len(test)) == (64, 16)


def test_all_products_alike_leave_nothing_to_hold_out():
    tree, terminals, _ = world([5, 5])
    assert held_out_splits(terminals, tree=tree, groups=np.zeros(10, dtype=np.int64), seed=0) == []

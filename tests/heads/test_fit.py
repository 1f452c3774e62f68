"""Learning a classifier on catalogues that are not as one would wish."""

import numpy as np
import pytest

from aisle.heads.expert import FieldData
from aisle.heads.fit import fit_classifier
from aisle.heads.folds import held_out_splits
from aisle.heads.tree import CategoryTree, chain_confidence

WORDS = {"A": "red silk scarf", "B": "steel cooking pot", "C": "desk reading lamp", "D": "garden hose reel"}


def make(labels, *, seed=0, width=6):
    """Return titles and embeddings that tell what the labels are."""
    rng = np.random.default_rng(seed)
    texts = tuple(f"{WORDS[label[-1]]} {rng.integers(50)}" for label in labels)
    matrix = rng.normal(0, 0.3, (len(labels), width)).astype(np.float32)
    matrix[np.arange(len(labels)), ["ABCD".index(label[-1]) for label in labels]] += 1
    return FieldData(np.ones(len(labels), dtype=bool), texts, matrix)


def fit(labels, fields, *, groups=None, seed=0, least=1):
    tree = CategoryTree.grow(labels, least=least)
    terminals = np.array([tree.terminal(label) for label in labels])
    groups = np.arange(len(labels)) if groups is None else groups
    splits = held_out_splits(terminals, tree=tree, groups=groups, seed=seed)
    found = fit_classifier(fields, terminals, tree=tree, splits=splits, groups=groups, seed=seed)
    return found, tree, terminals, splits


def accuracy(found, tree, terminals, fields):
    logs = found.classifier.predict(fields)
    assert np.isfinite(logs).all()
    np.testing.assert_allclose(np.exp(logs[:, tree.terminals]).sum(axis=1), 1, rtol=1e-9)
    return (tree.most_probable(logs) == terminals).mean()


def test_held_out_scores_are_of_heads_that_have_not_seen_the_product():
    """Each row's title holds a word that no other has: who has seen the row knows its label, who has not guesses."""
    rng = np.random.default_rng(0)
    labels = [("AB"[number],) for number in rng.integers(0, 2, 120)]
    texts = tuple(f"code{number} code{number}x" for number in range(120))
    matrix = rng.standard_normal((120, 200)).astype(np.float32)
    fields = {"title": FieldData(np.ones(120, dtype=bool), texts, matrix)}
    found, tree, terminals, _ = fit(labels, fields)
    guesses = tree.most_probable(found.held_out["title",])
    assert 0.3 < (guesses == terminals).mean() < 0.7
    counts = found.classifier.pools["title",].counts
    assert counts.wrong[0] > 0.3 * counts.answered[0]


def test_the_classifier_and_its_held_out_scores():
    labels = [(name,) for name in "ABC"] * 20
    fields = {"title": make(labels)}
    found, tree, terminals, splits = fit(labels, fields)
    assert accuracy(found, tree, terminals, fields) == 1
    assert found.scores.shape == (2, 60, 3)
    assert not np.isnan(found.scores).any()
    assert (tree.most_probable(found.held_out["title",]) == terminals).mean() > 0.95
    assert sorted(np.concatenate([test for _, test in splits]).tolist()) == list(range(60))


def test_near_duplicates_are_counted_once():
    labels = [(name,) for name in "ABC"] * 20
    groups = np.arange(60) // 6
    found, *_ = fit(labels, {"title": make(labels)}, groups=groups)
    assert found.classifier.pools["title",].counts.items == 10


@pytest.mark.parametrize(
    "sizes", [{"A": 30, "B": 30, "C": 1}, {"A": 30, "B": 30, "C": 2}, {"A": 40, "B": 1, "C": 1, "D": 1}]
)
def test_categories_of_one_and_two_products(sizes):
    labels = [(name,) for name, size in sizes.items() for _ in range(size)]
    fields = {"title": make(labels)}
    found, tree, terminals, _ = fit(labels, fields)
    assert {path[0] for path in tree.paths} == set(sizes)
    assert accuracy(found, tree, terminals, fields) > 0.9


def test_a_thousand_to_one_to_one():
    labels = [("A",)] * 1000 + [("B",), ("C",)]
    fields = {"title": make(labels)}
    found, tree, terminals, _ = fit(labels, fields)
    assert accuracy(found, tree, terminals, fields) >= 0.998
    shares = np.exp(found.classifier.predict({"title": make([("A",)], seed=9)}))[0]
    assert shares[tree.node(("A",))] > 0.99


def test_a_category_that_lies_in_one_fold_alone():
    """All of its products are near-duplicates: while they are held out, nobody has seen the category."""
    labels = [(name,) for name in "AB"] * 20 + [("C",)] * 6
    groups = np.append(np.arange(40), np.full(6, 40))
    fields = {"title": make(labels)}
    found, tree, terminals, splits = fit(labels, fields, groups=groups)
    assert accuracy(found, tree, terminals, fields) == 1
    (part,) = [test for _, test in splits if 40 in test]
    assert set(range(40, 46)) <= set(part.tolist())
    held_out = tree.most_probable(found.held_out["title",])
    assert (held_out[40:] != terminals[40:]).all()
    assert np.isfinite(found.held_out["title",]).all()


def test_a_category_below_one_that_lies_in_one_fold_alone():
    labels = [("A",), ("B",)] * 20 + [("X", "C")] * 8 + [("X", "D")] * 8
    groups = np.concatenate([np.arange(40), np.full(8, 40), np.full(8, 41)])
    fields = {"title": make(labels)}
    found, tree, terminals, _ = fit(labels, fields, groups=groups)
    assert accuracy(found, tree, terminals, fields) == 1
    assert np.isfinite(found.held_out["title",]).all()


def test_a_field_of_five_rows_gets_no_expert():
    labels = [(name,) for name in "AB"] * 20
    few = make(labels)
    few = FieldData(np.arange(40) < 5, few.texts, few.embeddings)
    found, tree, terminals, _ = fit(labels, {"title": make(labels), "description": few})
    assert found.classifier.fields == ("title",)
    assert found.classifier.pools.keys() == {("title",)}
    assert accuracy(found, tree, terminals, {"title": make(labels), "description": few}) == 1


def test_two_fields_that_no_product_has_together():
    labels = [(name,) for name in "AB"] * 30
    first = np.arange(60) < 30
    one, two = make(labels), make(labels, seed=1)
    fields = {
        "title": FieldData(first, one.texts, one.embeddings),
        "photo": FieldData(~first, None, two.embeddings),
    }
    found, tree, terminals, _ = fit(labels, fields)
    assert accuracy(found, tree, terminals, fields) == 1
    both = found.classifier.pools["title", "photo"]
    assert both.counts is None
    assert ("title", "photo") not in found.held_out
    together = {"title": make(labels), "photo": FieldData(np.ones(60, dtype=bool), None, two.embeddings)}
    assert accuracy(found, tree, terminals, together) == 1


def test_all_titles_equal():
    labels = [(name,) for name in "AB"] * 20
    present = np.ones(40, dtype=bool)
    fields = {"title": FieldData(present, ("item",) * 40, np.ones((40, 6), np.float32))}
    found, tree, _, _ = fit(labels, fields)
    shares = np.exp(found.classifier.predict(fields))
    np.testing.assert_allclose(shares, 0.5, atol=1e-3)
    assert len(tree.terminals) == 2


def test_texts_without_a_term_in_common():
    labels = [(name,) for name in "AB"] * 15
    texts = tuple(chr(0x4E00 + 7 * number) for number in range(30))
    found, *_ = fit(labels, {"title": FieldData(np.ones(30, dtype=bool), texts)})
    np.testing.assert_allclose(
        np.exp(found.classifier.predict({"title": FieldData(np.ones(1, dtype=bool), ("x",))})), 0.5, atol=1e-2
    )


def test_no_field_at_all():
    labels = [(name,) for name in "AB"] * 15
    found, *_ = fit(labels, {})
    assert found.classifier.experts == ()
    assert found.held_out == {}


def test_what_is_left_of_a_wide_tree_with_one_child_below():
    labels = [("X", "A")] * 12 + [("Y", "B")] * 12
    fields = {"title": make(labels)}
    found, tree, terminals, _ = fit(labels, fields)
    assert accuracy(found, tree, terminals, fields) == 1
    assert tree.paths == (("X",), ("Y",), ("X", "A"), ("Y", "B"))


def test_the_same_seed_learns_the_same_and_the_data_are_left_alone():
    labels = [(name,) for name in "ABC"] * 20
    data = make(labels)
    before = data.embeddings.copy()
    one, *_ = fit(labels, {"title": data})
    other, *_ = fit(labels, {"title": data})
    np.testing.assert_array_equal(data.embeddings, before)
    for left, right in zip(one.classifier.experts, other.classifier.experts, strict=True):
        np.testing.assert_array_equal(left.weights, right.weights)
    for subset, pool in one.classifier.pools.items():
        np.testing.assert_array_equal(pool.weights, other.classifier.pools[subset].weights)


def test_confidence_along_a_chain_by_hand():
    """A product of "A, and no deeper" that is answered A > x is right at the top and wrong below."""
    tree = CategoryTree.grow([("A", "x"), ("A",), ("B",)], least=1)
    x, end, b = tree.terminal(("A", "x")), tree.terminal(("A",)), tree.terminal(("B",))
    shares = np.empty((3, len(tree)))
    shares[:, [tree.node(("A",)), tree.node(("B",))]] = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]
    shares[:, [x, end]] = [[0.6, 0.3], [0.1, 0.7], [0.2, 0.1]]
    confidence, right = chain_confidence(np.log(shares), np.array([end, x, b]), tree=tree)
    np.testing.assert_allclose(confidence, [[0.9, 0.6], [0.8, 0.7], [0.7, np.nan]])
    assert right.tolist() == [[True, False], [True, True], [True, False]], "A is right for what lies below A"

"""Experts in one classifier: what a product lacks changes nothing, and what it has adds up."""

import numpy as np
import pytest
from scipy.special import logsumexp

from aisle.heads.expert import Expert, FieldData
from aisle.heads.fit import fit_classifier
from aisle.heads.folds import held_out_splits
from aisle.heads.fused import FusedClassifier, all_subsets, group_rows
from aisle.heads.landmarks import Landmarks
from aisle.heads.lexicon import Lexicon
from aisle.heads.tree import CategoryTree

LABELS = [("A", "x"), ("A", "y"), ("B",)] * 20
WORDS = {"x": "red mug", "y": "blue pot", "B": "green lamp"}


def field(rows, present, *, seed, texts=True, embeddings=True):
    rng = np.random.default_rng(seed)
    labels = [LABELS[row % len(LABELS)] for row in range(rows)]
    words = tuple(
        f"{WORDS[label[-1]]} {rng.integers(9)}" if there else "" for label, there in zip(labels, present, strict=True)
    )
    centres = {"x": 0, "y": 1, "B": 2}
    matrix = rng.normal(0, 0.3, (rows, 6)).astype(np.float32)
    matrix[np.arange(rows), [centres[label[-1]] for label in labels]] += 1
    matrix *= present[:, None]
    return FieldData(present, words if texts else None, matrix if embeddings else None)


@pytest.fixture(scope="module")
def world():
    rows = len(LABELS)
    number = np.arange(rows)
    fields = {
        "title": field(rows, np.ones(rows, dtype=bool), seed=0),
        "description": field(rows, number % 4 > 0, seed=1, embeddings=False),
        "photo": field(rows, number % 5 > 0, seed=2, texts=False),
    }
    tree = CategoryTree.grow(LABELS)
    terminals = np.array([tree.terminal(label) for label in LABELS])
    splits = held_out_splits(terminals, tree=tree, groups=number, seed=0)
    fit = fit_classifier(fields, terminals, tree=tree, splits=splits, groups=number)
    return fields, fit.classifier


def masked(fields, keep):
    """Return one product's fields, those not kept absent."""
    row = np.array([2])
    found = {}
    for name, data in fields.items():
        one = data.take(row)
        found[name] = one if name in keep else FieldData(np.zeros(1, dtype=bool), one.texts, one.embeddings)
    return found


def test_every_set_of_fields_has_weights(world):
    _, classifier = world
    assert classifier.fields == ("title", "description", "photo")
    assert set(classifier.pools) == {
        ("title",), ("description",), ("photo",), ("title", "description"), ("title", "photo"),
        ("description", "photo"), ("title", "description", "photo"),
    }  # fmt: skip
    assert list(all_subsets("ab")) == [("a",), ("b",), ("a", "b")]


@pytest.mark.parametrize("keep", [("title",), ("photo",), ("title", "photo"), ("description", "photo")])
def test_what_lies_in_an_absent_field_changes_nothing(world, keep):
    fields, classifier = world
    clean = masked(fields, keep)
    dirty = {
        name: data
        if name in keep
        else FieldData(
            data.present,
            None if data.texts is None else ("blue pot blue pot",),
            None if data.embeddings is None else np.full_like(data.embeddings, 7),
        )
        for name, data in clean.items()
    }
    left_out = {name: data for name, data in clean.items() if name in keep}
    np.testing.assert_array_equal(classifier.predict(clean), classifier.predict(dirty))
    np.testing.assert_array_equal(classifier.predict(clean), classifier.predict(left_out))


def test_an_answer_is_the_weighted_sum_of_the_experts_of_its_fields(world):
    fields, classifier = world
    keep = ("title", "photo")
    product = masked(fields, keep)
    logits = np.zeros(len(classifier.tree))
    members = [expert for expert in classifier.experts if expert.field in keep]
    for expert, weights in zip(members, classifier.pools[keep].weights, strict=True):
        score = expert.score(product[expert.field])[0].astype(float)
        logits += score * np.array([weights[min(steps, 3) - 1] for steps in classifier.tree.steps])
    expected = np.empty_like(logits)
    for node, parent in enumerate(classifier.tree.parents):
        siblings = classifier.tree.parents == parent
        expected[node] = logits[node] - logsumexp(logits[siblings]) + (expected[parent] if parent >= 0 else 0)
    np.testing.assert_allclose(classifier.predict(product)[0], expected, atol=1e-5)


def test_a_product_is_scored_alone_as_among_others(world):
    fields, classifier = world
    together = classifier.predict(fields)
    for row in (0, 1, 4, 5):
        alone = classifier.predict({name: data.take(np.array([row])) for name, data in fields.items()})
        np.testing.assert_allclose(alone[0], together[row], atol=1e-4)


def test_of_nothing_the_shares_of_the_categories_are_said(world):
    fields, classifier = world
    shares = np.exp(classifier.predict(masked(fields, ()))[0])
    tree = classifier.tree
    for path, share in [(("A",), 2 / 3), (("B",), 1 / 3), (("A", "x"), 1 / 3), (("A", "y"), 1 / 3)]:
        assert shares[tree.node(path)] == pytest.approx(share, abs=1e-6)


def test_rows_are_grouped_by_what_they_have():
    have = {"a": [1, 1, 0, 0, 1], "b": [0, 1, 0, 1, 0]}
    fields = {name: FieldData(np.array(values, dtype=bool)) for name, values in have.items()}
    found = {subset: rows.tolist() for subset, rows in group_rows(fields, ("a", "b", "c")).items()}
    assert found == {("a",): [0, 4], ("a", "b"): [1], (): [2], ("b",): [3]}


def test_scores_are_zero_where_a_field_is_absent(world):
    fields, classifier = world
    scores = classifier.score(fields)
    for expert, own in zip(classifier.experts, scores, strict=True):
        absent = ~fields[expert.field].present
        assert not own[absent].any()
        assert own[~absent].any(axis=1).all()


def test_an_expert_says_what_it_needs():
    nothing = FieldData(np.ones(1, dtype=bool))
    terms = Lexicon(("a",), (), np.ones(1, np.float32))
    one = Expert("title", terms, np.ones((1, 2), np.float32), np.zeros(2, np.float32))
    other = Expert("photo", Landmarks(np.zeros(2, np.float32), np.eye(2, dtype=np.float32)), one.weights, one.bias)
    assert (one.name, other.name) == ("title, terms", "photo, embedding")
    with pytest.raises(ValueError, match="'title, terms' needs texts"):
        one.score(nothing)
    with pytest.raises(ValueError, match="'photo, embedding' needs embeddings"):
        other.score(nothing)
    assert FusedClassifier(CategoryTree.grow([("A",), ("B",)]), (one, other)).fields == ("title", "photo")

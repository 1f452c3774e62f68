"""Learning from products on which an encoder was tuned: they help, and they are not judged."""

from dataclasses import replace

import numpy as np
import pytest

from aisle.heads.expert import FieldData
from aisle.heads.fit import fit_classifier
from aisle.heads.folds import held_out_splits
from aisle.heads.tree import CategoryTree

ROWS, TOLD = 240, 180
KINDS = "ABC"


@pytest.fixture(scope="module")
def catalogue():
    """Return labels, and a title of which the words tell the category while the tuned vectors know it by heart.

    The vectors give the labels of the first 180 products away and are noise for the others, as before the tuning they
    were for all.
    """
    rng = np.random.default_rng(2)
    labels = rng.integers(0, len(KINDS), ROWS)
    words = [f"kind{label if rng.random() < 0.85 else rng.integers(3)} item{rng.integers(40)}" for label in labels]
    noise = rng.standard_normal((ROWS, 8)).astype(np.float32)
    known = noise.copy()
    known[:TOLD] = 0.05 * noise[:TOLD] + np.eye(8, dtype=np.float32)[labels[:TOLD]]
    told = np.arange(ROWS) < TOLD
    return labels, FieldData(np.ones(ROWS, dtype=bool), tuple(words), known, told, noise)


def learn(labels, field):
    tree = CategoryTree.grow([(KINDS[label],) for label in labels])
    terminals = np.array([tree.terminal((KINDS[label],)) for label in labels])
    groups = np.arange(ROWS)
    splits = held_out_splits(terminals, tree=tree, groups=groups, seed=0)
    found = fit_classifier({"title": field}, terminals, tree=tree, splits=splits, groups=groups)
    kinds = [expert.kind for expert in found.classifier.experts]
    weights = found.classifier.pools["title",].weights[:, 0]
    return found, dict(zip(kinds, weights.tolist(), strict=True)), kinds.index("embedding")


def test_nobody_is_judged_by_what_an_encoder_was_told(catalogue):
    labels, field = catalogue
    found, _, _ = learn(labels, field)
    assert found.judged(("title",)).tolist() == list(range(TOLD, ROWS))
    assert found.classifier.pools["title",].counts.items == ROWS - TOLD


def test_an_encoder_that_knows_by_heart_is_not_trusted_for_it(catalogue):
    labels, field = catalogue
    _, honest, _ = learn(labels, field)
    _, fooled, _ = learn(labels, replace(field, seen=None, untuned=None))
    assert fooled["embedding"] > fooled["terms"]  # the trap is one
    assert honest["embedding"] < 0.5 * honest["terms"]


def test_told_products_are_scored_by_the_encoder_as_it_was(catalogue):
    labels, field = catalogue
    found, _, place = learn(labels, field)
    before, _, _ = learn(labels, replace(field, embeddings=field.untuned, seen=None, untuned=None))
    tuned, _, _ = learn(labels, replace(field, seen=None, untuned=None))
    np.testing.assert_array_equal(found.scores[place, :TOLD], before.scores[place, :TOLD])
    np.testing.assert_array_equal(found.scores[place, TOLD:], tuned.scores[place, TOLD:])


def test_without_the_encoder_as_it_was_only_the_others_weigh(catalogue):
    labels, field = catalogue
    found, honest, place = learn(labels, replace(field, untuned=None))
    assert np.isnan(found.scores[place, :TOLD]).all()
    assert found.judged(("title",)).tolist() == list(range(TOLD, ROWS))
    assert honest["embedding"] < honest["terms"]


def test_what_an_engine_answers_with_is_the_tuned_encoder(catalogue):
    labels, field = catalogue
    found, _, place = learn(labels, field)
    scores = found.classifier.score({"title": field})[place]
    assert (scores[:TOLD].argmax(axis=1) == labels[:TOLD]).all()


def test_taking_rows_takes_what_was_told(catalogue):
    _, field = catalogue
    part = field.take(np.array([TOLD - 1, TOLD]))
    assert part.seen.tolist() == [True, False]
    np.testing.assert_array_equal(part.untuned, field.untuned[TOLD - 1 : TOLD + 1])

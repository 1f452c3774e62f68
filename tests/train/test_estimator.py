"""`ProductClassifier`: its classes and probabilities, and the engine that it makes."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

import aisle
from aisle.product import Product
from aisle.train import ProductClassifier

from .title_shelf import GOODS, shelf

pytestmark = pytest.mark.usefixtures("offline")


def test_each_column_of_probabilities_is_the_class_that_classes_names(fitted):
    """Other classifiers' columns came in another order than their labels."""
    titles, labels = shelf(seed=5)
    assert fitted.classes_.tolist() == sorted(GOODS)
    shares = fitted.predict_proba(titles)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-9)
    assert fitted.classes_[shares.argmax(axis=1)].tolist() == fitted.predict(titles).tolist() == labels
    for title, row in zip(titles, shares, strict=True):
        by_name = {path[0]: share for path, share in fitted.engine_.predict([Product(title=title)])[0].alternatives}
        assert dict(zip(fitted.classes_.tolist(), row.tolist(), strict=True)) == pytest.approx(by_name, abs=1e-5)
    np.testing.assert_allclose(fitted.predict_log_proba(titles), np.log(shares))
    assert log_loss(labels, shares, labels=fitted.classes_) < np.log(3)


def test_a_product_is_classified_alone_as_among_others(fitted):
    titles, _ = shelf(seed=5)
    alone = np.concatenate([fitted.predict_proba([title]) for title in titles])
    np.testing.assert_allclose(alone, fitted.predict_proba(titles), atol=1e-5)


@pytest.mark.parametrize("names", [[3, 20, 1], [True, False], ["10", "9", "ü"], [("a", "b"), ("a", "c"), ("d",)]])
def test_labels_come_back_as_they_were_given(names):
    titles, labels = shelf()
    kinds = sorted(GOODS)[: len(names)]
    rows = [(title, names[kinds.index(label)]) for title, label in zip(titles, labels, strict=True) if label in kinds]
    X, y = [title for title, _ in rows], [label for _, label in rows]
    model = ProductClassifier().fit(X, y)
    expected = sorted(" > ".join(name) if isinstance(name, tuple) else name for name in names)
    assert model.classes_.tolist() == expected
    assert model.score(X, y) == 1
    if not isinstance(names[0], tuple):
        assert accuracy_score(y, model.predict(X)) == 1


def test_paths_are_read_from_text_and_keep_their_spelling():
    titles, labels = shelf(12)
    home = {"mugs": "Home>Mugs", "pots": "Home > Pots", "lamps": "Light, lamps & more"}
    y = [home[label] for label in labels]
    model = ProductClassifier().fit(titles, y)
    assert set(model.classes_) == set(home.values())
    assert set(model.engine_.taxonomy) == {("Home",), ("Home", "Mugs"), ("Home", "Pots"), ("Light, lamps & more",)}
    assert accuracy_score(y, model.predict(titles)) == 1
    top = ProductClassifier(level=1).fit(titles, y)
    assert top.classes_.tolist() == ["Home", "Light, lamps & more"]
    assert top.score(titles, y) == 1


def test_a_rare_category_counts_as_its_parent():
    titles, labels = shelf()
    y = [f"Home > {label}" if label != "lamps" else "Light" for label in labels]
    rare = [place for place, label in enumerate(y) if label == "Home > pots"][:8]
    y = ["Home > pots > tiny" if place in rare[:1] else label for place, label in enumerate(y)]
    model = ProductClassifier().fit(titles, y)
    assert "Home > pots" in model.classes_
    assert "Home > pots > tiny" not in model.classes_


def test_an_unseen_label_counts_as_missed(fitted):
    assert fitted.score(["red ceramic coffee mug", "blue sofa"], ["mugs", "sofas"]) == 0.5


def test_the_engine_is_usable_at_once_and_saving_changes_no_answer(fitted, tmp_path):
    titles, _ = shelf(seed=9)
    name = fitted.save(tmp_path / "engine")
    loaded = aisle.load(tmp_path / "engine")
    assert name == loaded.fingerprint == fitted.engine_.fingerprint
    products = [Product(id=str(place), title=title) for place, title in enumerate(titles)]
    assert loaded.predict(products) == fitted.engine_.predict(products)
    terminals = loaded.tree.terminals
    answers = [loaded.tree.paths[node][0] for node in terminals[loaded.probabilities(products)[:, terminals].argmax(1)]]
    assert fitted.predict(titles).tolist() == answers
    assert fitted.engine_.precision == 0.95
    assert loaded.knowledge.evaluation == fitted.evaluation_
    assert (tmp_path / "engine" / "README.md").is_file()


def test_the_evaluation_is_of_products_held_out():
    """Labels that nothing tells apart: on what it learned from it may be right, on what it has not seen it guesses."""
    rng = np.random.default_rng(0)
    titles = [f"word{rng.integers(10**6)} thing{rng.integers(10**6)}" for _ in range(80)]
    labels = rng.choice(["a", "b"], 80)
    model = ProductClassifier().fit(titles, labels)
    (found,) = [row["figures"] for row in model.evaluation_["subsets"] if row["fields"] == ["title"]]
    assert 0.2 < found["accuracy"]["leaf"]["share"] < 0.75


def test_the_same_seed_gives_the_same_engine():
    names = {ProductClassifier(seed=3).fit(*shelf()).engine_.fingerprint for _ in range(2)}
    assert len(names) == 1

"""An engine judged on labelled products: its own decisions, and nothing that it was trained on."""

from dataclasses import replace

import pytest

from aisle.engine import load_engine
from aisle.engine.artifact_writer import write_artifact
from aisle.errors import TrainingError
from aisle.product import Product
from aisle.train import engine_folder, evaluate_engine

from .conftest import make_shop


@pytest.fixture(scope="module")
def engine(trained, tmp_path_factory):
    """The engine of the shop, written and loaded."""
    place = tmp_path_factory.mktemp("engines") / "engine"
    folder = engine_folder(trained)
    write_artifact(place, folder.files, about=folder.about)
    return load_engine(place)


@pytest.fixture(scope="module")
def new_products():
    return make_shop(seed=77, start=1000, per_category=10)


@pytest.fixture(scope="module")
def found(engine, new_products):
    return evaluate_engine(engine, [*make_shop()[:25], *new_products, Product(title="no label")])


def test_products_of_the_training_are_left_aside(found):
    assert (found["products"], found["seen"], found["judged"], found["unlabelled"]) == (75, 25, 50, 1)
    assert found["held_out"]
    assert found["figures"]["products"] == 50


def test_where_all_were_seen_figures_are_given_and_marked(engine):
    found = evaluate_engine(engine, make_shop())
    assert (found["seen"], found["judged"], found["held_out"]) == (80, 80, False)
    assert found["figures"]["accuracy"]["leaf"]["share"] > 0.9


def test_decisions_are_those_of_predict(engine, new_products, found):
    answers = engine.predict(new_products, evidence=False)
    for decision in ("accept", "partial", "review"):
        assert found["decisions"][decision]["products"] == sum(answer.decision == decision for answer in answers)
    right = [
        product.category[: len(answer.path)] == answer.path
        for product, answer in zip(new_products, answers, strict=True)
        if answer.path
    ]
    assert found["decisions"]["precision"]["right"] == sum(right)
    assert found["decisions"]["coverage"]["right"] == len(right)


def test_a_precision_that_cannot_be_certified_is_said_and_leaves_all_to_people(engine, new_products):
    found = evaluate_engine(engine, new_products, precision=0.999)
    assert found["precision"] == 0.999
    assert found["decisions"]["review"]["products"] == 50
    assert found["decisions"]["precision"]["share"] is None
    assert all("error-free" in row["reason"] for row in found["subsets"])


def test_every_set_of_fields_that_occurs_is_told_of(found, new_products):
    photos = sum(product.photo is not None for product in new_products)
    sizes = {tuple(row["fields"]): row["products"] for row in found["subsets"]}
    assert sizes == {("title", "photo"): photos, ("title",): 50 - photos}


def test_categories_that_the_engine_does_not_know_are_named_and_count_as_wrong(engine, new_products):
    flutes = [Product(title=f"flute music {number}", category=("Music", "Flutes")) for number in range(3)]
    sofas = [Product(title=f"sofa {number}", category=("Home", "Sofas")) for number in range(2)]
    found = evaluate_engine(engine, [*new_products, *flutes, *sofas])
    assert found["unknown"] == {"top": [{"category": "Music", "products": 3}], "products": 3, "below": 2}
    music = next(row for row in found["figures"]["categories"] if row["category"] == ["Music"])
    assert (music["recall"], music["support"]) == (0, 3)


def test_a_label_deeper_than_the_engine_is_right_where_the_engine_ends(engine, new_products):
    deeper = [replace(product, category=(*product.category, "Blue")) for product in new_products]
    plain, found = (evaluate_engine(engine, items) for items in (new_products, deeper))
    assert found["figures"]["accuracy"] == plain["figures"]["accuracy"]
    assert found["decisions"]["precision"] == plain["decisions"]["precision"]


def test_without_labels_there_is_nothing_to_compare_with(engine):
    with pytest.raises(TrainingError, match="category=COLUMN"):
        evaluate_engine(engine, [Product(title="mug")])

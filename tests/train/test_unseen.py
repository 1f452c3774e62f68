"""A planted leak: an encoder whose vectors give the labels of the products away that it has seen, and no other's.

Every title is a word of its own, and labels are drawn by lot: nothing can be known of a product that the encoder has
not seen. Whatever is reported above chance is of products that must not be judged.
"""

from dataclasses import replace

import numpy as np
import pytest

from aisle.encode.seen import seen_rows, training_keys
from aisle.engine import load_engine
from aisle.engine.artifact_writer import write_artifact
from aisle.engine.gather import find_encoders
from aisle.errors import TrainingError
from aisle.product import Product
from aisle.train import TrainingOptions, cross_validate, engine_folder, evaluate_engine, train_engine

KINDS = 4
SEEN, UNSEEN = 90, 60
CHANCE = 0.5
"""Twice what lots give, and below what a leak would: 90 of 150 right, and a quarter of the others."""

LETTERS = "bcdfghjklmnpqrstvwxz"


def make_lots(count=SEEN + UNSEEN, seed=1):
    rng = np.random.default_rng(seed)
    names = ["".join(rng.choice(list(LETTERS), size=12)) for _ in range(count)]
    lots = rng.permutation(np.arange(count) % KINDS)
    return [
        Product(id=str(place), title=name, category=(f"C{lot}",))
        for place, (name, lot) in enumerate(zip(names, lots, strict=True))
    ]


@pytest.fixture(scope="module")
def lots():
    return make_lots()


@pytest.fixture(scope="module")
def tuned(own_encoder, tiny_settings, tmp_path_factory):
    """Return a function: encoders that give away the labels of some products, and own up to some."""
    place = tmp_path_factory.mktemp("encoders")

    def make(products, *, knows, owns_up):
        rng = np.random.default_rng(5)
        vectors = {}
        for row, product in enumerate(products):
            label, noise = np.eye(KINDS)[int(product.category[0][1:])], rng.standard_normal(KINDS)
            vectors[product.title] = 10 * label + 0.01 * noise if row < knows else noise
        folder = place / f"tuned-{len(list(place.iterdir()))}"
        own_encoder.text(folder, vectors, seen=training_keys(products[:owns_up]))
        return find_encoders(text=str(folder), photo=None, settings=tiny_settings)

    return make


@pytest.fixture(scope="module")
def honest(tuned, lots):
    return tuned(lots, knows=SEEN, owns_up=SEEN)


@pytest.fixture(scope="module")
def train(tiny_settings):
    def run(products, encoders):
        return train_engine(products, options=TrainingOptions(precision=0.8, encoders=encoders), settings=tiny_settings)

    return run


@pytest.fixture(scope="module")
def trained(train, lots, honest):
    return train(lots, honest)


def test_the_leak_is_one(train, lots, tuned):
    """Where nobody owns up it shows: the tests below would fail without what they test."""
    folder = engine_folder(train(lots, tuned(lots, knows=SEEN, owns_up=0)))
    accuracy = folder.knowledge.evaluation["subsets"][0]["figures"]["accuracy"]["level_1"]
    assert accuracy["of"] == SEEN + UNSEEN
    assert accuracy["share"] > CHANCE
    assert folder.knowledge.facts["seen_by_encoders"] == 0
    assert "An encoder has learned" not in folder.files["README.md"].decode()


def test_figures_of_an_engine_are_of_products_that_its_encoder_has_not_seen(trained):
    folder = engine_folder(trained)
    (row,) = folder.knowledge.evaluation["subsets"]
    assert row["figures"]["products"] == row["figures"]["accuracy"]["level_1"]["of"] == UNSEEN
    assert row["figures"]["accuracy"]["level_1"]["share"] < CHANCE
    assert all(each["threshold"] is None for each in row["certified"])  # and nothing is promised
    assert trained.fit.judged(("title",)).tolist() == list(range(SEEN, SEEN + UNSEEN))
    assert folder.knowledge.facts["seen_by_encoders"] == SEEN
    card = " ".join(folder.files["README.md"].decode().split())
    assert f"An encoder has learned from {SEEN} of the {SEEN + UNSEEN} products" in card
    assert "these others also chose when its training stopped" in card
    assert "slightly optimistic; `aisle evaluate CATALOG --finetune` is free of that" in card


def test_products_of_an_encoder_stay_on_the_training_side(trained):
    """An engine's experts learn from them all the same, and know them by heart."""
    classifier = trained.fit.classifier
    expert = next(place for place, each in enumerate(classifier.experts) if each.kind == "embedding")
    scores = classifier.score(trained.gathered.fields)[expert]
    assert (scores.argmax(axis=1) == trained.fit.terminals)[:SEEN].mean() > 0.9


@pytest.mark.parametrize("grouped", [False, True])
def test_cross_validation_never_tests_on_them(lots, honest, tiny_settings, grouped):
    options = TrainingOptions(level=1, encoders=honest)
    found = cross_validate(lots, options=options, repeats=1, grouped=grouped, settings=tiny_settings)
    assert (found["products"], found["seen"]) == (SEEN + UNSEEN, SEEN)
    (row,) = found["subsets"]
    assert row["products"] == UNSEEN
    assert row["figures"]["level_1"]["mean"] < CHANCE
    # Weights that rest on what an encoder has seen would be too sure: who knows nothing has a loss of log 4.
    assert row["figures"]["nll"]["mean"] == pytest.approx(np.log(KINDS), abs=0.04)
    assert all(each["folds_certified"] == 0 for each in row["certified"])


def test_an_engine_knows_what_its_encoder_has_seen(train, lots, honest, tmp_path):
    """Trained on the second part only, it is not judged on the first, which its encoder has learned from."""
    folder = engine_folder(train(lots[SEEN:], honest))
    write_artifact(tmp_path / "engine", folder.files, about=folder.about)
    engine = load_engine(tmp_path / "engine")
    assert folder.knowledge.facts["seen_by_encoders"] == 0
    others = make_lots(30, seed=7)
    found = evaluate_engine(engine, [*lots[: SEEN // 2], *others])
    assert (found["seen"], found["judged"]) == (SEEN // 2, 30)
    assert seen_rows([*lots, *others], engine.knowledge.references.seen).tolist() == [True] * len(lots) + [False] * 30


def test_a_near_duplicate_of_what_was_seen_is_not_judged_either(train, lots, tuned):
    text = "red mug with handle for tea and coffee in the morning dishwasher safe ceramic number"
    one = Product(id="one", title=f"{text} 1", category=("C1",))
    twin = replace(one, id="twin", title=f"{text} 2")
    found = train([one, *lots, twin], tuned([one, *lots, twin], knows=0, owns_up=SEEN))
    assert found.knowledge.facts["seen_by_encoders"] == SEEN + 1
    # All but the twin, which comes last.
    assert found.fit.judged(("title",)).tolist() == list(range(SEEN, SEEN + UNSEEN + 1))


@pytest.mark.parametrize("owns_up", [SEEN + UNSEEN, SEEN + UNSEEN - 19])
def test_too_few_to_judge_by_is_said_with_the_remedy(lots, tuned, tiny_settings, owns_up):
    encoders = tuned(lots, knows=0, owns_up=owns_up)
    left = SEEN + UNSEEN - owns_up
    for work in (train_engine, cross_validate):
        with pytest.raises(TrainingError, match=rf"learned from {owns_up} of 150 .* {left} are left .*--validation"):
            work(lots, options=TrainingOptions(encoders=encoders), settings=tiny_settings)


def test_one_category_to_judge_by_is_too_few(train, lots, tuned):
    ordered = sorted(lots, key=lambda product: product.category)
    with pytest.raises(TrainingError, match="30 are left to judge by, all of one category"):
        train(ordered, tuned(ordered, knows=0, owns_up=SEEN + UNSEEN - 30))


def test_more_folds_than_products_to_judge_are_refused(lots, honest, tiny_settings):
    options = TrainingOptions(level=1, encoders=honest)
    with pytest.raises(TrainingError, match="60 products that no encoder has seen cannot be dealt into 61 folds"):
        cross_validate(lots, options=options, folds=61, repeats=1, settings=tiny_settings)


def test_an_encoder_that_reads_nothing_of_a_catalogue_is_not_in_use(lots, own_encoder, tiny_settings, tmp_path):
    place = own_encoder.photo(tmp_path / "photo", seen=training_keys(lots))
    encoders = find_encoders(text=None, photo=str(place), settings=tiny_settings)
    assert not encoders.have_seen(lots).any()  # titles alone
    assert encoders.have_seen([*lots, Product(photo=b"photo")])[:-1].all()

"""Decisions of moderators go back into the engine: what helps is promoted, what harms is not."""

import pytest
from tests.posted import NOW, prediction, unsure

from aisle.engine import load_engine
from aisle.engine.artifact_writer import write_artifact
from aisle.errors import TrainingError
from aisle.retrain.report import render_retraining
from aisle.retrain.run import Retraining, retrain
from aisle.review.deciding import decide
from aisle.review.intake import receive
from aisle.review.policy import ReviewPolicy
from aisle.store.claims import claim_one
from aisle.store.database import Database
from aisle.store.keys import create_key
from aisle.store.photos import PhotoFolder
from aisle.store.queue import find_item, reopen
from aisle.store.records import StoredProduct
from aisle.store.upgrade import upgrade
from aisle.train import TrainingOptions, engine_folder, train_engine

DAY = 86_400_000_000


@pytest.fixture
def world(tmp_path, make_words, tiny_settings):
    """A live engine that knows few of the words, a database, and four moderators."""
    upgrade(str(tmp_path / "a.db"))
    database = Database.open(str(tmp_path / "a.db"))
    catalog = make_words(60, seed=1, words=12)
    trained = train_engine(catalog, settings=tiny_settings)
    folder = engine_folder(trained)
    write_artifact(tmp_path / "live", folder.files, about=folder.about)
    with database.write() as c:
        people = [create_key(c, name=f"person {n}", scopes=("review",), now=NOW)[0] for n in range(5)]
    yield catalog, load_engine(tmp_path / "live", settings=tiny_settings), database, people, tmp_path, tiny_settings
    database.close()


def post(database, product, *, by, path, at=NOW, draw=0.9, said=None):
    with database.write() as c:
        stored = StoredProduct(id=product.id, owner=by.id, title=product.title)
        receive(c, stored, said or unsure(), chosen=None, precision=0.9, policy=ReviewPolicy(), draw=draw, now=at)
        answer(c, product, by, path, at)


def answer(c, product, by, path, at):
    claim_one(c, product_id=product.id, by=by.id, now=at, lease_us=DAY)
    decide(c, product_id=product.id, kind="change", path=path, by=by.id, now=at, policy=ReviewPolicy())


def run(world, gold, **changes):
    catalog, live, database, _, folder, settings = world
    work = Retraining(
        products=catalog,
        database=database,
        photos=PhotoFolder(folder / "photos"),
        gold=gold,
        options=TrainingOptions(),
        policy=ReviewPolicy(**changes),
        settings=settings,
    )
    return retrain(work, live=live, out=folder / "candidate", now=NOW + DAY)


def test_what_people_teach_makes_the_candidate_better_and_it_is_promoted(world, make_words):
    _, live, database, people, folder, _ = world
    for number, product in enumerate(make_words(240, seed=2)):
        post(database, product, by=people[number % 5], path=product.category)
    found = run(world, make_words(90, seed=3))
    assert found["decisions"] == 240
    assert found["gold"]["products"] == 90
    assert found["promote"], found["reason"]
    assert found["gold"]["candidate"] > found["gold"]["live"]
    assert not found["stand_in"]
    assert load_engine(folder / "candidate").fingerprint == found["candidate"] != live.fingerprint
    page = render_retraining({**found, "promoted": True, "catalog": "<script>alert(1)</script>"})
    assert "<script>" not in page
    assert "Promoted" in page


def test_an_attack_by_one_person_is_capped_and_stopped(world, make_words):
    """A twentieth of all labels, and of them all that one person gives, are wrong on purpose."""
    _, _, database, people, _, _ = world
    products = make_words(120, seed=4, words=12)
    for number, product in enumerate(products[:40]):
        post(database, product, by=people[number % 4], path=product.category)
    wrong = {("Lamps",): ("Cups",), ("Cups",): ("Toys",), ("Toys",): ("Lamps",)}
    for product in products[40:]:
        post(database, product, by=people[4], path=wrong[product.category])
    found = run(world, make_words(90, seed=5, words=12))
    assert found["capped"].keys() == {"person 4"}
    assert 80 - found["capped"]["person 4"] <= 0.2 * found["decisions"] + 1
    assert not found["promote"], found


def test_people_who_disagree_teach_nothing_and_are_asked_again(world, make_words):
    _, _, database, people, _, _ = world
    products = make_words(40, seed=6)
    for number, product in enumerate(products):
        post(database, product, by=people[number % 5], path=product.category)
    with database.write() as c:
        reopen(c, product_id=products[0].id, reason="conflict", now=NOW + 1)
        answer(c, products[0], people[1], ("Toys",), NOW + 2)
    found = run(world, make_words(30, seed=7), influence_cap=1.0)
    assert found["conflicts"] == 1
    assert found["decisions"] == 39
    with database.read() as c:
        item = find_item(c, product_id=products[0].id)
    assert (item.state, item.reason) == ("waiting", "conflict")


def test_audited_products_are_compared_on_and_not_learned_from(world, make_words):
    _, _, database, people, _, _ = world
    for product in make_words(36, seed=8):
        said = prediction(product.category, alternatives=((product.category, 0.9),))
        post(database, product, by=people[0], path=product.category, draw=0.0, said=said)
    found = run(world, make_words(30, seed=9))
    assert found["audited"]["products"] == 36
    assert found["decisions"] == 0


def test_an_engine_that_has_seen_the_gold_set_is_replaced_by_a_stand_in(world, make_words):
    catalog, _, _, _, _, _ = world
    found = run(world, [*catalog[:30]])
    assert found["stand_in"]
    assert found["catalogue"] == 30
    assert not found["promote"]


def test_the_gold_set_is_a_tenth_of_the_catalogue_by_default(world):
    found = run(world, None)
    assert found["gold"]["products"] + found["catalogue"] == 60
    assert not found["promote"]


def test_a_catalogue_that_is_all_gold_cannot_be_learned_from(world):
    with pytest.raises(TrainingError, match="no labelled product"):
        run(world, world[0])


def test_what_the_candidate_has_learned_from_is_not_compared_on(world, make_words):
    """A catalogue that has taken audited products in, with what people said of them, judges nobody by them."""
    catalog, live, database, people, folder, settings = world
    audited = make_words(36, seed=10)
    for product in audited:
        said = prediction(product.category, alternatives=((product.category, 0.9),))
        post(database, product, by=people[0], path=product.category, draw=0.0, said=said)
    grown = ([*catalog, *audited[:30]], live, database, people, folder, settings)
    found = run(grown, make_words(30, seed=11))
    assert found["audited"]["products"] == 6

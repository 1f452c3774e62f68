"""An engine answers as it did when it was registered, or it is refused."""

import copy
import json

import pytest

from aisle.catalog.photos import photo_facts
from aisle.errors import EngineError
from aisle.serve.inference.golden import check_golden, golden_answers, golden_products


@pytest.fixture(scope="module")
def answers(tiny_engine):
    return golden_answers(tiny_engine)


def test_the_products_cover_what_sellers_send():
    products = golden_products()
    assert len({product.id for product in products}) == len(products)
    kinds = {
        (bool(each.title), bool(each.description), bool(each.attributes), each.photo is not None) for each in products
    }
    assert {(True, True, False, False), (True, False, False, False), (False, False, False, True)} <= kinds
    assert {(True, True, True, True), (False, False, False, False), (True, False, True, False)} <= kinds
    photos = [product.photo for product in products if product.photo and product.id != "photo-damaged"]
    assert {photo_facts(photo).format for photo in photos} == {"PNG", "JPEG"}


def test_what_is_kept_is_plain_json_and_holds_for_the_same_engine(tiny_engine, answers):
    kept = json.loads(json.dumps(answers, allow_nan=False))
    assert kept == answers
    check_golden(tiny_engine, kept)


def test_another_engine_is_refused(answers, other_folder):
    from aisle.engine import load_engine

    with pytest.raises(EngineError, match="does not answer as it did"):
        check_golden(load_engine(other_folder), answers)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda answer: answer.update(decision="accept" if answer["decision"] != "accept" else "review"), "decision"),
        (lambda answer: answer.update(probability=answer["probability"] - 0.0011), "the probability is"),
        (lambda answer: answer.update(probability=float("nan")), "the probability is"),
        (lambda answer: answer["alternatives"][1].__setitem__(1, answer["alternatives"][1][1] + 0.0011), "had"),
        (lambda answer: answer["alternatives"][0].__setitem__(0, ["nowhere"]), "nowhere"),
        (lambda answer: answer.update(modalities=[]), "modalities"),
        (lambda answer: answer.update(probability="1"), "is none"),
        (lambda answer: answer.pop("path"), "is none"),
    ],
)
def test_a_single_answer_that_differs_is_found_and_named(tiny_engine, answers, spoil, said):
    spoilt = copy.deepcopy(answers)
    spoil(spoilt[2])
    with pytest.raises(EngineError, match=rf"'{spoilt[2]['product']}'.*{said}"):
        check_golden(tiny_engine, spoilt)


def test_the_last_digits_may_differ(tiny_engine, answers):
    near = copy.deepcopy(answers)
    for answer in near:
        answer["probability"] += 0.0009
        answer["alternatives"][0][1] -= 0.0009
    check_golden(tiny_engine, near)


def test_products_of_another_version_are_passed_over_but_not_all_of_them(tiny_engine, answers):
    check_golden(tiny_engine, [*answers[:3], {"product": "of the future"}])
    for kept in ([], [{"product": "of the future"}]):
        with pytest.raises(EngineError, match="register it anew"):
            check_golden(tiny_engine, kept)


@pytest.mark.parametrize("kept", [["text"], [{}], None, [None]])
def test_what_was_never_an_answer_is_refused(tiny_engine, kept):
    with pytest.raises(EngineError, match="register the engine anew"):
        check_golden(tiny_engine, kept)

"""A further field never silences an engine."""

from dataclasses import replace

import numpy as np
import pytest

import aisle
from aisle.engine.engine import Engine
from aisle.heads.answers import count_answers
from aisle.heads.fused import Pool


def with_counts(engine, subset, counts):
    """Return the engine with other held-out answers for one set of fields."""
    classifier = engine.knowledge.classifier
    pools = dict(classifier.pools)
    pools[subset] = Pool(pools[subset].weights, counts)
    knowledge = replace(engine.knowledge, classifier=replace(classifier, pools=pools))
    return Engine(knowledge, fingerprint=engine.fingerprint)


def test_what_all_fields_cannot_certify_a_part_of_them_does(engine):
    everything = max(engine.knowledge.classifier.pools, key=len)
    assert len(everything) > 1
    sure = count_answers(np.full((500, 1), 0.5), np.ones((500, 1), dtype=bool))
    poor = count_answers(np.full((20, 1), 0.99), np.ones((20, 1), dtype=bool))
    part = everything[:1]
    changed = engine
    for subset in engine.knowledge.classifier.pools:
        changed = with_counts(changed, subset, sure if subset == part else poor)
    assert changed._answerer.basis(everything, 0.95) == part
    assert changed._answerer.basis(part, 0.95) == part
    nothing = with_counts(changed, part, poor)
    assert nothing._answerer.basis(everything, 0.95) == everything


@pytest.mark.parametrize("given", [["a title"], [{"title": "x"}], [None]])
def test_what_is_no_product_is_refused_by_name(engine, given):
    with pytest.raises(TypeError, match=r"aisle\.Product\(title"):
        engine.predict(given)


def test_a_product_says_what_is_no_text():
    assert aisle.Product(title=None).title == ""
    with pytest.raises(TypeError, match="title is text, not int"):
        aisle.Product(title=5)


def test_an_engine_is_copied_as_a_folder(engine):
    with pytest.raises(TypeError, match="a folder"):
        engine.__reduce__()

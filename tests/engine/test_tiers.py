"""Cheaper tiers of an engine: they read less, and are promised what they keep."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import aisle
from aisle.engine.engine import Engine
from aisle.engine.store import to_files
from aisle.errors import EngineError
from aisle.heads.answers import count_answers
from aisle.heads.thresholds import Threshold
from aisle.heads.tiers import NEVER, Cascade, Tiers
from aisle.settings import Settings

SURE = count_answers(np.full((500, 1), 0.5), np.ones((500, 1), dtype=bool))


def with_exits(engine, exits, *, counts=SURE):
    """Return the engine with other exits, and counts that certify every answer from one half on."""
    tiers = engine.knowledge.tiers
    cascades = {subset: Cascade(np.array(exits), counts) for subset in engine.knowledge.classifier.pools}
    knowledge = replace(engine.knowledge, tiers=Tiers(tiers.terms, cascades))
    return Engine(knowledge, fingerprint=engine.fingerprint, settings=Settings(threads=1))


def test_tiers_come_back_from_the_folder(engine, trained):
    kept, made = engine.knowledge.tiers, trained.knowledge.tiers
    assert kept.cascades.keys() == made.cascades.keys()
    assert kept.terms.pools.keys() == made.terms.pools.keys()
    for subset, cascade in made.cascades.items():
        np.testing.assert_array_equal(kept.cascades[subset].exits, cascade.exits)
        np.testing.assert_array_equal(kept.cascades[subset].counts.wrong, cascade.counts.wrong)
    for subset, pool in made.terms.pools.items():
        np.testing.assert_array_equal(kept.terms.pools[subset].weights, pool.weights)


def test_fast_opens_no_photo_and_embeds_nothing(engine, shop, monkeypatch):
    def never(*args, **options):
        raise AssertionError("an encoder was asked")

    monkeypatch.setattr(engine._reader, "_embed", never)
    monkeypatch.setattr(engine._reader, "_read_photos", never)
    found = engine.predict([*shop, aisle.Product(title="pot", photo=Path("not there.jpg"))], tier="fast")
    assert {prediction.stage for prediction in found} == {"terms"}
    assert all("photo" not in prediction.modalities for prediction in found)
    right = [prediction.leaf == product.category for prediction, product in zip(found, shop, strict=False)]
    assert np.mean(right) > 0.9


def test_fast_is_the_terms_experts_alone(engine, shop):
    products = [replace(product, photo=None) for product in shop if product.description and product.attributes]
    _, logs = engine.predict_with_probabilities(products, tier="fast")
    terms = engine.knowledge.tiers.terms
    scores = terms.score(engine._reader.read_texts(products, embed=False))
    np.testing.assert_allclose(logs, terms.log_probability(scores, ("title", "description", "attributes")))


def test_balanced_without_exits_says_what_full_says(engine, shop):
    slow = with_exits(engine, [NEVER, NEVER])
    found, logs = slow.predict_with_probabilities(shop, precision=0.8, tier="balanced")
    expected, full = slow.predict_with_probabilities(shop, precision=0.8)
    assert {prediction.stage for prediction in found} == {"all"}
    same = [a.modalities == b.modalities for a, b in zip(found, expected, strict=True)]
    assert np.mean(same) > 0.5  # certificates differ, and with them the fields that are gone by
    np.testing.assert_allclose(logs[same], full[same], atol=1e-6)


def test_balanced_that_always_exits_says_what_the_terms_say(engine, shop):
    quick = with_exits(engine, [0.0, 0.0])
    texts = [replace(product, photo=None) for product in shop]
    found, logs = quick.predict_with_probabilities(texts, precision=0.8, tier="balanced")
    _, fast = quick.predict_with_probabilities(texts, precision=0.8, tier="fast")
    early = np.array([prediction.stage == "terms" for prediction in found])
    assert early.mean() > 0.5
    np.testing.assert_allclose(logs[early], fast[early], atol=1e-6)
    assert all(prediction.decision == "accept" for prediction, out in zip(found, early, strict=True) if out)


def test_the_middle_stage_reads_texts_and_no_photo(engine, shop, monkeypatch):
    middle = with_exits(engine, [NEVER, 0.0])
    sure = [product for product in shop if product.photo is not None and product.description]
    _, logs = middle.predict_with_probabilities([replace(product, photo=None) for product in sure])
    sure = [each for each, row in zip(sure, logs, strict=True) if np.exp(row[middle.tree.terminals].max()) > 0.6]
    monkeypatch.setattr(middle._reader, "_read_photos", lambda products: pytest.fail("a photo was read"))
    found = middle.predict(sure, precision=0.8, tier="balanced")
    assert {prediction.stage for prediction in found} == {"texts"}
    assert all(prediction.evidence.nearest for prediction in found)


def test_an_early_answer_reaches_the_certified_threshold(engine, shop):
    """However low the exit, no answer is given below what the precision needs."""
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1, size=(4000, 1))
    strict = count_answers(confidence, rng.uniform(size=(4000, 1)) < confidence)
    quick = with_exits(engine, [0.0, 0.0], counts=strict)
    rule = quick._cascade._whole.certificate(("title",), 0.9)
    assert isinstance(rule, Threshold)
    assert rule.threshold > 0.6
    found = quick.predict(
        [aisle.Product(title=word) for word in ("mug", "oil", "tv", "gel")], precision=0.9, tier="balanced"
    )
    for prediction in found:
        if prediction.stage == "terms":
            assert prediction.probability >= rule.threshold


def test_order_ids_and_broken_photos_are_kept(engine, shop):
    broken = [replace(product, photo=b"no photo", id=f"b{row}") for row, product in enumerate(shop[:6])]
    mixed = [item for pair in zip(shop, broken, strict=False) for item in pair] + [aisle.Product(photo=b"x", id="last")]
    found = with_exits(engine, [0.97, 0.97]).predict(mixed, precision=0.8, tier="balanced")
    assert [prediction.id for prediction in found] == [product.id for product in mixed]
    assert found[-1].decision == "review"
    assert "photo" in found[-1].reason


def test_an_engine_without_tiers_says_so(engine):
    old = Engine(replace(engine.knowledge, tiers=None), fingerprint=engine.fingerprint)
    assert old.predict([aisle.Product(title="mug")])
    for tier in ("fast", "balanced"):
        with pytest.raises(EngineError, match="train it anew"):
            old.predict([aisle.Product(title="mug")], tier=tier)
    with pytest.raises(ValueError, match="none of fast, balanced, full"):
        old.predict([aisle.Product(title="mug")], tier="cheap")
    assert b"cascades" not in to_files(old.knowledge)["model.json"]

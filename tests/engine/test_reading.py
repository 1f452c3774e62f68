"""What an engine reads twice it encodes once, and what is wrong it says of each photo by its name."""

from dataclasses import replace

import numpy as np
import pytest

import aisle


@pytest.fixture
def counted(engine, monkeypatch):
    """Return the engine, and how many texts and photos its encoders are given."""
    counts = {"texts": 0, "photos": 0}
    reader = engine._reader

    class Counting:
        def __init__(self, encoder, name):
            self._encoder, self._name = encoder, name

        def read(self, items, *, threads=1):
            counts[self._name] += len(items)
            return self._encoder.read(items, threads=threads)

    monkeypatch.setattr("aisle.engine.reading.TextReader", Counting)
    monkeypatch.setattr("aisle.engine.reading.PhotoReader", Counting)
    monkeypatch.setattr(reader, "_text", Counting(reader._text, "texts"))
    monkeypatch.setattr(reader, "_photo", Counting(reader._photo, "photos"))
    yield engine, counts
    engine.remember(0)


def test_the_same_photo_and_text_are_encoded_once(counted, shop, tmp_path):
    engine, counts = counted
    one = next(product for product in shop if product.photo is not None and not product.description)
    (tmp_path / "a.png").write_bytes(one.photo)
    (tmp_path / "b.png").write_bytes(one.photo)
    alike = [replace(one, photo=tmp_path / name) for name in ("a.png", "b.png", "a.png")] + [one]
    found = engine.predict(alike)
    assert counts == {"texts": 1, "photos": 1}
    assert len({prediction.probability for prediction in found}) == 1


def test_nothing_outlives_a_call_unless_it_is_asked(counted, shop):
    engine, counts = counted
    engine.predict(shop[:4])
    before = dict(counts)
    engine.predict(shop[:4])
    assert counts == {name: 2 * count for name, count in before.items()}
    engine.remember(100)
    first = engine.probabilities(shop[:4])
    after = dict(counts)
    np.testing.assert_array_equal(engine.probabilities(shop[:4]), first)
    assert counts == after
    engine.predict([shop[1]])
    assert counts == after
    engine.remember(100)
    engine.predict(shop[:4])
    assert counts["photos"] > after["photos"]


def test_one_photo_after_the_other_is_told_apart(counted, shop):
    engine, _ = counted
    photos = [aisle.Product(photo=product.photo) for product in shop if product.photo is not None][:8]
    together = engine.probabilities(photos)
    engine.remember(100)
    for _ in range(2):
        apart = np.concatenate([engine.probabilities([product]) for product in photos])
        np.testing.assert_allclose(apart, together, atol=1e-5)


def test_broken_photos_are_blamed_by_their_own_names(engine, tmp_path):
    for name in ("one.jpg", "two.jpg"):
        (tmp_path / name).write_bytes(b"no photo at all")
    names = ["one.jpg", "two.jpg", "missing.jpg", "gone.jpg"]
    engine.remember(10)
    try:
        for _ in range(2):
            found = engine.predict([aisle.Product(photo=tmp_path / name) for name in names])
            for name, prediction in zip(names, found, strict=True):
                assert name in prediction.reason
    finally:
        engine.remember(0)


def test_without_its_files_an_engine_answers_as_before_and_is_not_written(engine_folder, shop):
    from aisle.engine import load_engine
    from aisle.engine.store import to_files
    from aisle.errors import EngineError

    small = load_engine(engine_folder)
    before = small.probabilities(shop[:5])
    small.drop_files()
    np.testing.assert_array_equal(small.probabilities(shop[:5]), before)
    assert small.predict(shop[:5], tier="balanced")
    with pytest.raises(EngineError, match="load it again"):
        to_files(small.knowledge)

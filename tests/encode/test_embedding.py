"""Embeddings of catalogues: order, gaps, duplicates, and what is computed at all."""

from dataclasses import replace

import numpy as np
import pytest
from onnx import helper

from aisle.encode import ENCODERS, embed_photos, embed_texts, find_encoder, open_spec, photo_keys
from aisle.encode.convnet import PhotoNetwork
from aisle.encode.encoders import PhotoEncoder
from aisle.encode.transformer import TextTransformer

TEXTS = ["red lamp", "", "green watch cup", "red lamp", "   ", "blue", "\n", "red \ud800 lamp"]


@pytest.fixture
def text_encoder(tiny, tmp_path, settings):
    tiny.write_text_folder(tmp_path / "text")
    return open_spec(find_encoder(str(tmp_path / "text"), settings=settings), settings=settings)


@pytest.fixture
def photo_encoder(tiny, tmp_path, settings):
    tiny.write_photo_folder(tmp_path / "photo")
    return open_spec(find_encoder(str(tmp_path / "photo"), settings=settings), settings=settings)


@pytest.fixture
def encoded(monkeypatch):
    """How many texts or photos the networks were given."""
    counts = []

    def count(kind):
        original = kind.encode

        def encode(self, items, **options):
            counts.append(len(items))
            return original(self, items, **options)

        monkeypatch.setattr(kind, "encode", encode)

    count(TextTransformer)
    count(PhotoNetwork)
    return counts


def texts(encoder, settings, given=TEXTS, preparation="raw"):
    return embed_texts(encoder, given, preparation=preparation, settings=settings)


def photos(encoder, settings, given, photo_filter="none"):
    return embed_photos(encoder, given, keys=photo_keys(given), photo_filter=photo_filter, settings=settings)


def test_texts_keep_their_order_and_their_gaps(text_encoder, settings, tiny, encoded):
    found = texts(text_encoder, settings)
    assert found.present.tolist() == [True, False, True, True, False, True, False, True]
    for row, text in zip(found.matrix, TEXTS, strict=True):
        words = text.replace("\ud800", "?")
        expected = tiny.TABLE[tiny.tokens(words)].mean(axis=0) if text.strip() else np.zeros(4)
        np.testing.assert_allclose(row, expected, atol=1e-6)
    assert found.matrix.dtype == np.float32
    assert sum(encoded) == 4  # one of the five texts comes twice


def test_a_second_run_computes_nothing(text_encoder, photo_encoder, settings, tiny, encoded):
    given = [tiny.png("red"), tiny.png("blue")]
    first = texts(text_encoder, settings), photos(photo_encoder, settings, given)
    encoded.clear()
    again = texts(text_encoder, settings), photos(photo_encoder, settings, given)
    assert encoded == []
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.matrix, other.matrix)
        assert one.seconds == pytest.approx(other.seconds)
        assert one.seconds > 0


def test_photos_keep_their_order_and_their_gaps(photo_encoder, settings, tiny, tmp_path, encoded):
    red, cut, gone = tmp_path / "red.png", tmp_path / "cut.png", tmp_path / "gone.png"
    red.write_bytes(tiny.png((255, 0, 0)))
    cut.write_bytes(tiny.png("blue")[:40])
    given = [tiny.png((0, 255, 0)), None, red, cut, gone, tiny.png((255, 0, 0)), b"no photo", tmp_path]
    found = photos(photo_encoder, settings, given)
    assert found.present.tolist() == [True, False, True, False, False, True, False, False]
    np.testing.assert_allclose(found.matrix[[0, 2, 5]], [[0, 1, 0], [1, 0, 0], [1, 0, 0]], atol=1e-6)
    assert not found.matrix[[1, 3, 4, 6, 7]].any()
    assert {row: error.code for row, error in found.problems.items()} == {
        3: "truncated",
        4: "missing",
        6: "not_an_image",
        7: "missing",
    }
    assert str(gone) in str(found.problems[4])
    assert sum(encoded) == 2
    again = photos(photo_encoder, settings, given)
    assert again.problems.keys() == found.problems.keys()
    assert sum(encoded) == 2


def test_many_photos_in_threads_keep_their_order(photo_encoder, settings, tiny):
    given = [tiny.png((number, 0, 255 - number)) for number in range(256)]
    found = photos(photo_encoder, settings, given)
    expected = [[number / 255, 0, 1 - number / 255] for number in range(256)]
    np.testing.assert_allclose(found.matrix, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["sift", "orb"])
def test_visual_words_keep_order_and_gaps(settings, tiny, name):
    encoder = open_spec(ENCODERS[name], settings=settings)
    drawings = [tiny.drawing(seed) for seed in range(6)]
    given = [drawings[0], None, *drawings[1:], drawings[0], b"no photo", tiny.png("red")]
    found = photos(encoder, settings, given)
    assert found.present.tolist() == [True, False, True, True, True, True, True, True, False, False]
    assert np.array_equal(found.matrix[0], found.matrix[7])
    assert {row: error.code for row, error in found.problems.items()} == {8: "not_an_image"}
    again = photos(encoder, settings, given)
    assert np.array_equal(again.matrix, found.matrix)
    assert again.problems.keys() == found.problems.keys()
    assert again.seconds == found.seconds


@pytest.mark.parametrize("name", ["bow", "tfidf", "word2vec"])
@pytest.mark.parametrize("preparation", ["raw", "tokenised", "lemmatised"])
def test_methods_that_learn_from_the_texts(settings, name, preparation):
    encoder = open_spec(ENCODERS[name], settings=settings)
    found = texts(encoder, settings, preparation=preparation)
    assert found.matrix.shape[0] == len(TEXTS)
    assert found.present.tolist() == [True, False, True, True, False, True, False, True]
    assert np.array_equal(found.matrix[0], found.matrix[3])
    assert not found.matrix[~found.present].any()
    assert np.array_equal(texts(encoder, settings, preparation=preparation).matrix, found.matrix)


def test_nothing_to_embed(text_encoder, photo_encoder, settings, encoded):
    for given in ([], [""], ["", " "]):
        found = texts(text_encoder, settings, given)
        assert found.matrix.shape == (len(given), 4)
        assert not found.present.any()
        assert found.present.dtype == np.bool_
    for given in ([], [None], [b""]):
        found = photos(photo_encoder, settings, given)
        assert found.matrix.shape == (len(given), 3)
        assert not found.present.any()
    assert encoded == []
    for name in ("bow", "tfidf", "word2vec"):
        assert texts(open_spec(ENCODERS[name], settings=settings), settings, []).matrix.shape[0] == 0
    for name in ("sift", "orb"):
        assert photos(open_spec(ENCODERS[name], settings=settings), settings, []).matrix.shape == (0, 1)


def test_what_is_another_embedding(text_encoder, photo_encoder, settings, tiny, encoded):
    given = [tiny.drawing(1)]
    variants = [photos(photo_encoder, settings, given, name) for name in ("none", "gaussian", "median")]
    assert encoded == [1, 1, 1]
    assert len({variant.matrix.tobytes() for variant in variants}) == 3
    photos(photo_encoder, settings, [tiny.drawing(2)])
    assert len(encoded) == 4
    texts(text_encoder, settings, ["Lamps, the best"])
    texts(text_encoder, settings, ["Lamps, the best"], "tokenised")
    texts(text_encoder, settings, ["Lamps, the best"], "lemmatised")
    assert len(encoded) == 7


def test_another_network_in_the_same_folder(tiny, tmp_path, settings):
    def embed():
        encoder = open_spec(find_encoder(str(tmp_path / "text"), settings=settings), settings=settings)
        return texts(encoder, settings, ["red"]).matrix

    tiny.write_text_folder(tmp_path / "text")
    first = embed()
    tiny.write_text_folder(tmp_path / "text", tiny.text_graph(table=2 * tiny.TABLE))
    np.testing.assert_allclose(embed(), 2 * first, rtol=1e-6)


def test_two_poolings_share_one_pass(tiny, settings, encoded):
    """Rows of the table that differ only in the output they select compute once."""
    pixels = helper.make_tensor_value_info("pixels", 2, ["batch", 8, 8, 3])
    outputs = [helper.make_tensor_value_info(name, 1, ["batch", 3]) for name in ("features_avg", "features_max")]
    nodes = [
        helper.make_node("Cast", ["pixels"], ["float"], to=1),
        helper.make_node("ReduceMean", ["float"], ["features_avg"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMax", ["float"], ["features_max"], axes=[1, 2], keepdims=0),
    ]
    graph = tiny.make_graph(nodes, [pixels], outputs).SerializeToString()
    network = PhotoNetwork(graph, outputs=("features_avg", "features_max"))
    rows = {name: ENCODERS[f"efficientnet-lite0-{name}"] for name in ("avg", "max")}
    shape = replace(rows["avg"].shape, width=8, height=8)
    given = [tiny.drawing(3, size=64)]
    found = {
        name: photos(PhotoEncoder(row, "f" * 64, shape, network, b""), settings, given) for name, row in rows.items()
    }
    assert encoded == [1]
    assert found["avg"].matrix.shape == found["max"].matrix.shape == (1, 3)
    assert (found["max"].matrix > found["avg"].matrix).all()
    empty = photos(PhotoEncoder(rows["max"], "f" * 64, shape, network, b""), settings, [None])
    assert empty.matrix.shape[0] == 1
    assert empty.matrix.shape[1] > 0

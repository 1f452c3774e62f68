"""Bags of words and word vectors learned from a catalogue."""

import numpy as np
import pytest

from aisle.encode.bags import count_words, weigh_words
from aisle.encode.word2vec import DIMENSION, average_word_vectors

METHODS = [count_words, weigh_words, average_word_vectors]
TINY = [f"red {thing}" for thing in ("cup", "lamp", "watch", "towel", "cup", "lamp", "bag", "shoe", "cap", "bed")]


def test_counts_are_counts():
    found = count_words(["red cup red", "blue cup", ""])
    assert found.dtype == np.float32
    assert found.tolist() == [[0, 1, 2], [1, 1, 0], [0, 0, 0]]  # blue, cup, red


def test_tfidf_by_hand():
    found = weigh_words(["red cup", "blue cup"])
    rare, common = 1 + np.log(3 / 2), 1.0  # 1 + ln((1 + texts) / (1 + texts with the word))
    length = np.hypot(rare, common)
    np.testing.assert_allclose(
        found, [[0, common / length, rare / length], [rare / length, common / length, 0]], rtol=1e-6
    )


def test_rare_words_are_left_out_of_a_large_corpus():
    texts = ["common rare"] * 3 + ["common"] * 300
    assert count_words(texts).shape == (303, 1)
    assert count_words(texts[:100]).shape == (100, 2)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "texts",
    [TINY, [""] * 5, ["one product"], [""], ["机械手表", "керамика", "चाय का कप", "🎁"], ["a", "b"]],
    ids=["tiny", "all empty", "one", "one empty", "other scripts", "letters"],
)
def test_any_catalogue_gives_one_finite_row_per_text(method, texts):
    found = method(texts)
    assert found.shape[0] == len(texts)
    assert found.shape[1] >= 1
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_word_vectors_are_the_same_every_time():
    first = average_word_vectors(TINY * 30)
    assert first.shape == (300, DIMENSION)
    assert np.array_equal(first, average_word_vectors(TINY * 30, threads=2))


def test_a_text_of_unknown_words_has_no_vector():
    texts = TINY * 30 + ["unheard of"]
    assert not average_word_vectors(texts)[-1].any()


def test_word_vectors_know_which_words_go_together():
    rng = np.random.default_rng(0)
    fields = (["lamp", "bulb", "light", "shade"], ["cup", "mug", "tea", "saucer"])
    texts = [" ".join(rng.choice(fields[number % 2], 3)) for number in range(400)]
    found = average_word_vectors(texts)
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    alike = unit @ unit.T
    same = np.equal.outer(np.arange(400) % 2, np.arange(400) % 2)
    assert alike[same].min() > alike[~same].max()

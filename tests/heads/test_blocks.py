"""Blocks of features: learned on the training rows and on nothing else."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from aisle.heads import blocks
from aisle.heads.blocks import DenseBlock, LexicalBlock

WORDS = ("red", "blue", "mug", "watch", "baby", "towel", "steel", "cotton", "analog", "ceramic", "lamp", "shirt")


def texts_of(count, *, seed=0, words=4):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, size=words)) for _ in range(count)]


def halves(count):
    rows = np.arange(count)
    return rows[: count * 2 // 3], rows[count * 2 // 3 :]


def test_a_dense_block_is_centred_on_the_training_rows_and_of_unit_length():
    matrix = np.array([[1, 0], [3, 0], [2, 5], [9, 9]], dtype=np.float32)
    block = DenseBlock(matrix, np.array([True, True, True, False]))
    known, new = block.split(np.array([0, 1]), np.array([2, 3]))
    np.testing.assert_allclose(known, [[-1, 0], [1, 0]])  # the mean of the training rows is (2, 0)
    np.testing.assert_allclose(new, [[0, 1], [0, 0]])  # the last product lacks it


def test_absent_rows_do_not_move_the_mean():
    matrix = np.array([[1, 0], [3, 0], [500, 500], [2, 1]], dtype=np.float32)
    present = np.array([True, True, False, True])
    known, new = DenseBlock(matrix, present).split(np.array([0, 1, 2]), np.array([3]))
    np.testing.assert_allclose(known, [[-1, 0], [1, 0], [0, 0]])
    np.testing.assert_allclose(new, [[0, 1]])


def test_a_dense_block_that_no_training_row_has():
    block = DenseBlock(np.ones((4, 3), dtype=np.float32), np.array([False, False, True, True]))
    known, new = block.split(np.array([0, 1]), np.array([2, 3]))
    assert not known.any()
    assert np.isfinite(new).all()


def test_nothing_is_learned_from_a_test_text():
    texts = texts_of(30)
    train, test = halves(30)
    before = LexicalBlock(texts).split(train, test)[0]
    texts[-1] = "mug mug zebra unheard words"
    after = LexicalBlock(texts).split(train, test)[0]
    # The columns may be numbered otherwise, so the same space may come out turned: inner products say it all.
    np.testing.assert_allclose(after @ after.T, before @ before.T, atol=1e-5)


def test_words_of_test_texts_alone_are_ignored():
    texts = texts_of(30)
    train, test = halves(30)
    known, new = LexicalBlock([*texts[:29], "red mug"]).split(train, test)
    strange, unseen = LexicalBlock([*texts[:29], "red mug \u4e00\u4e01\u4e02"]).split(train, test)
    np.testing.assert_allclose(unseen[-1] @ strange.T, new[-1] @ known.T, atol=1e-5)


def test_inner_products_are_those_of_the_ngrams():
    """With room for every dimension, the reduction loses nothing: the reference never reduces."""
    texts = texts_of(24, words=3)
    train, test = np.arange(16), np.arange(16, 24)
    known, new = LexicalBlock(texts).split(train, test)
    reference = []
    for options in ({"ngram_range": (1, 2)}, {"analyzer": "char_wb", "ngram_range": (2, 5)}):
        vectors = TfidfVectorizer(sublinear_tf=True, min_df=2, **options).fit(texts[:16])
        reference.append((vectors.transform(texts[:16]).toarray(), vectors.transform(texts[16:]).toarray()))
    seen, unseen = (np.hstack(side) for side in zip(*reference, strict=True))
    norms = np.linalg.norm(seen, axis=1)
    np.testing.assert_allclose(known @ known.T, (seen @ seen.T) / np.outer(norms, norms), atol=1e-3)
    # What of a test text lies outside the span of the training texts is lost; the direction within it stays.
    projected = unseen @ np.linalg.pinv(seen) @ seen
    expected = (projected @ seen.T) / np.outer(np.linalg.norm(projected, axis=1), norms)
    np.testing.assert_allclose(new @ known.T, expected, atol=2e-3)


def test_the_path_for_many_rows_gives_the_same_space(monkeypatch):
    texts = texts_of(12) * 12  # a low rank, which the randomised method finds exactly
    train, test = halves(144)
    monkeypatch.setattr(blocks, "LATENT_DIMENSIONS", 20)
    exact = LexicalBlock(texts).split(train, test)
    monkeypatch.setattr(blocks, "_EXACT_ROWS", 10)
    fast = LexicalBlock(texts).split(train, test)
    for other, one in zip(fast, exact, strict=True):
        np.testing.assert_allclose(other @ fast[0].T, one @ exact[0].T, atol=1e-4)


@pytest.mark.parametrize(
    "texts",
    [
        [""] * 6,
        ["a", "b", "", "c", "d", "e"],  # single letters are no words
        ["alpha", "beta!", "gamma", "delta", "omega", "sigma"],
        [f"{chr(0x4E00 + 9 * n)}{chr(0x5E00 + 9 * n)}" for n in range(6)],  # no two share a character
        ["same words"] * 6,
        ["mug", "", "mug", "", "mug", ""],
    ],
)
def test_texts_that_hardly_hold_anything(texts):
    known, new = LexicalBlock(texts).split(np.arange(4), np.arange(4, 6))
    for rows, count in ((known, 4), (new, 2)):
        assert rows.shape[0] == count
        assert np.isfinite(rows).all()
        lengths = np.linalg.norm(rows, axis=1)
        assert ((np.abs(lengths - 1) < 1e-4) | (lengths == 0)).all()
    empty = [place for place, text in enumerate(texts[:4]) if not text]
    assert not known[empty].any()


def test_only_the_commonest_ngrams_are_kept(monkeypatch):
    monkeypatch.setattr(blocks, "_MAX_GRAMS", 3)
    known, _ = LexicalBlock(texts_of(30)).split(*halves(30))
    assert known.shape[1] <= 6

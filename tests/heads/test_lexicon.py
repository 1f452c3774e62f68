"""Terms and their weights: as scikit-learn's vectoriser has them, whatever the script."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from aisle.heads.lexicon import Lexicon, learn_lexicon, letters_of, normal_form, words_of

WORDS = ["red", "silk", "scarf", "tv", "lamp", "a", "b", "4k", "usb-c", "iphone", "skin", "Gel", "LENS", "filter"]
WORDS += ["für", "STRASSE", "straße", "ﬁlter", "½", "naïve", "don't", "x_y", "İ", "\uff11\uff12", "\u017f"]
WORDS += ["घड़ी", "腕時計", "ساعة", "часы", "\U0001f45c", "e\u0301te\u0301"]
texts = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
corpora = st.lists(texts, min_size=2, max_size=12)


def plain(text):
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def oracle(corpus, text):
    """Return the vector of a text by scikit-learn, as term to value, words and letters apart."""
    found = []
    for analyzer, grams in (("word", (1, 2)), ("char_wb", (2, 5))):
        vectoriser = TfidfVectorizer(
            analyzer=analyzer, ngram_range=grams, preprocessor=plain, sublinear_tf=True, min_df=2, norm="l2"
        )
        try:
            vectoriser.fit([one for one in corpus if plain(one)])
        except ValueError:  # no term is in two texts
            found.append({})
            continue
        row = vectoriser.transform([text])
        names = vectoriser.get_feature_names_out()
        found.append({names[at]: value * np.sqrt(0.5) for at, value in zip(row.indices, row.data, strict=True)})
    return found


def named(lexicon, text):
    ids, values = lexicon.vector(text)
    assert (np.diff(ids) > 0).all()
    words = {lexicon.terms[at]: value for at, value in zip(ids, values, strict=True) if at < len(lexicon.words)}
    letters = {lexicon.terms[at]: value for at, value in zip(ids, values, strict=True) if at >= len(lexicon.words)}
    return [words, letters]


@given(corpus=corpora, text=texts)
def test_vectors_are_those_of_scikit_learn(corpus, text):
    lexicon = learn_lexicon(corpus)
    for found, expected in zip(named(lexicon, text), oracle(corpus, text), strict=True):
        assert found.keys() == expected.keys()
        np.testing.assert_allclose([found[term] for term in expected], list(expected.values()), atol=1e-6)


def test_a_longer_corpus_agrees_too():
    rng = np.random.default_rng(0)
    vocabulary = ["".join(rng.choice(list("abcdefgh"), rng.integers(1, 9))) for _ in range(80)]
    corpus = [" ".join(rng.choice(vocabulary, rng.integers(0, 30))) for _ in range(60)]
    lexicon = learn_lexicon(corpus)
    for text in corpus:
        for found, expected in zip(named(lexicon, text), oracle(corpus, text), strict=True):
            assert found.keys() == expected.keys()
            np.testing.assert_allclose([found[term] for term in expected], list(expected.values()), atol=1e-6)


@given(st.text(max_size=40))
def test_letters_are_those_of_scikit_learn(text):
    analyse = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), lowercase=False).build_analyzer()
    for word in normal_form(text).split():
        assert sorted(letters_of(word)) == sorted(analyse(word))


@given(corpus=st.lists(st.text(max_size=60), min_size=1, max_size=6), text=st.text(max_size=200))
def test_any_text_has_a_vector_of_length_one_at_most(corpus, text):
    lexicon = learn_lexicon([*corpus, *corpus])
    ids, values = lexicon.vector(text)
    assert np.isfinite(values).all()
    assert float((values.astype(float) ** 2).sum()) <= 1 + 1e-5
    assert ((ids >= 0) & (ids < len(lexicon))).all()


@given(st.text(max_size=80))
def test_the_normal_form_is_stable_under_blanks_and_case(text):
    normal = normal_form(text)
    assert normal_form(f"  {normal}\t\n ") == normal_form(normal)
    assert normal_form(text.replace(" ", "  ")) == normal


def test_a_long_word_and_a_long_text_are_read():
    lexicon = learn_lexicon(["red lamp", "red cup"])
    ids, _ = lexicon.vector("red " * 25_000)
    whole = {" r", "re", "ed", "d ", " re", "red", "ed ", " red", "red ", " red "}
    assert {lexicon.terms[at] for at in ids} == {"red"} | whole
    ids, _ = lexicon.vector("r" * 100_000 + "ed")
    assert {lexicon.terms[at] for at in ids} == {" r", "re", "ed", "d ", "red", "ed ", "red "}


def test_the_commonest_terms_are_kept_and_ties_go_by_spelling():
    lexicon = learn_lexicon(["aa bb cc", "aa bb", "aa dd cc", "bb", "dd"], most_terms=3)
    assert lexicon.words == ("aa", "aa bb", "bb")
    assert len(lexicon.letters) == 3


def test_texts_that_share_nothing_have_no_terms():
    lexicon = learn_lexicon(["red", "blue"])
    assert lexicon.words == ()
    ids, values = learn_lexicon(["", "  "]).vector("anything")
    assert len(ids) == len(values) == 0


def test_reading_one_text_does_not_change_the_next():
    lexicon = learn_lexicon(["red silk scarf", "red silk lamp"] * 2)
    before = lexicon.vector("red silk")
    for word in ("other", "silk", "red " * 50):
        lexicon.vector(word)
    np.testing.assert_array_equal(lexicon.vector("red silk")[1], before[1])


@pytest.mark.parametrize("at_once", [1, 5, 1 << 19])
def test_rows_are_the_vectors_of_their_texts(monkeypatch, at_once):
    monkeypatch.setattr("aisle.heads.lexicon._AT_ONCE", at_once)
    corpus = ["red silk", "", "red lamp red", "unknown", "silk lamp", ""]
    lexicon = learn_lexicon([*corpus, *corpus])
    values, columns, starts = lexicon.rows(corpus)
    matrix = sparse.csr_matrix((values, columns, starts), shape=(len(corpus), len(lexicon))).toarray()
    for row, text in zip(matrix, corpus, strict=True):
        ids, numbers = lexicon.vector(text)
        np.testing.assert_array_equal(row[ids], numbers)
        assert np.count_nonzero(row) == len(ids)
    assert [len(part) for part in lexicon.rows([])] == [0, 0, 1]


def test_a_weight_too_few_is_refused():
    with pytest.raises(ValueError, match="2 terms have 1 weights"):
        Lexicon(("a",), ("b",), np.ones(1, np.float32))


def test_pairs_are_of_neighbours():
    assert words_of("red silk scarf red") == ["red", "silk", "scarf", "red", "red silk", "silk scarf", "scarf red"]

"""Bags of words: how often each word of the catalogue occurs in a text."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from aisle.encode.words import split_words

_SMALL_CORPUS = 200
_MAX_WORDS = 20_000


def count_words(texts: Sequence[str], *, threads: int = 1) -> NDArray[np.float32]:
    """Count words: one column per word that occurs in at least four texts, shape (n, words)."""
    return _bag(CountVectorizer, texts)


def weigh_words(texts: Sequence[str], *, threads: int = 1) -> NDArray[np.float32]:
    """Weigh words by TF-IDF, rows of unit length (Salton & Buckley 1988), shape (n, words)."""
    return _bag(TfidfVectorizer, texts)


def _bag(vectoriser: type[CountVectorizer], texts: Sequence[str]) -> NDArray[np.float32]:
    least = 4 if len(texts) >= _SMALL_CORPUS else 1
    for min_df in (least, 1):
        bag = vectoriser(analyzer=split_words, min_df=min_df, max_features=_MAX_WORDS)
        try:
            return np.asarray(bag.fit_transform(texts).toarray(), dtype=np.float32)
        except ValueError:  # no word is left
            continue
    return np.zeros((len(texts), 1), dtype=np.float32)

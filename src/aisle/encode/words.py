"""Texts prepared for an encoder: raw, tokenised, or lemmatised, as the study compares them."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from aisle.extras import require

PREPARATIONS = ("raw", "tokenised", "lemmatised")

_WORD = re.compile(r"[^\W\d_]{2,}")
_RAW_WORD = re.compile(r"\w\w+")
_LANGUAGES = ("en", "fr")

FRENCH_STOP_WORDS = frozenset(
    """au aux avec ce ces cet cette chez comme dans de des du elle elles en est et eux il ils je la le les leur leurs
    lui ma mais me mes moi mon même ne ni nos notre nous on ou où par pas plus pour pourquoi quand que quel quelle qui
    sa sans se ses si son sont sous sur ta te tes toi ton tous tout toute toutes tu très un une vos votre vous être
    été avoir ont sera""".split()
)
"""Function words of the marketplace's other language; scikit-learn brings the English ones."""

COMMON_SHARE = 0.2
"""A word found in more than this share of the texts tells nothing apart: it is a stop word of that corpus."""

_FEW_TEXTS = 50


def prepare(texts: Sequence[str], *, how: str) -> list[str]:
    """Prepare texts for an encoder.

    Parameters
    ----------
    texts : sequence of str
        As the catalogue has them.
    how : {"raw", "tokenised", "lemmatised"}
        ``raw`` changes nothing. ``tokenised`` keeps the words (letters only, lower case) that are neither stop words
        of English or French nor stop words of this corpus (found in over 20 % of the texts). ``lemmatised`` also
        brings each word to its dictionary form.

    Returns
    -------
    list of str
        The words joined by single spaces, or the texts themselves. A text is empty when no word is left.
    """
    if how == "raw":
        return list(texts)
    if how not in PREPARATIONS:
        raise ValueError(f"preparation is one of {', '.join(PREPARATIONS)}, not {how!r}")
    documents = [_words(text) for text in texts]
    if how == "lemmatised":
        documents = [[_lemma(word) for word in words] for words in documents]
    common = _corpus_stop_words(documents)
    return [" ".join(word for word in words if word not in common) for words in documents]


def split_words(text: str) -> list[str]:
    """Split a text into lower-case words of two characters and more; digits count.

    >>> split_words("USB 2.0 Hub, 4-port")
    ['usb', 'hub', 'port']
    """
    return _RAW_WORD.findall(text.lower())


def _words(text: str) -> list[str]:
    words = _WORD.findall(text.lower())
    return [word for word in words if word not in ENGLISH_STOP_WORDS and word not in FRENCH_STOP_WORDS]


def _corpus_stop_words(documents: Sequence[Sequence[str]]) -> frozenset[str]:
    if len(documents) < _FEW_TEXTS:
        return frozenset()
    counts = Counter(word for words in documents for word in set(words))
    return frozenset(word for word, count in counts.items() if count > COMMON_SHARE * len(documents))


@cache
def _lemma(word: str) -> str:
    simplemma = require("simplemma", extra="study")
    return str(simplemma.lemmatize(word, lang=_LANGUAGES)).lower()

"""Texts prepared for an encoder: raw, tokenised, or lemmatised, as the study compares them."""

import itertools
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from aisle.extras import require

PREPARATIONS = ("raw", "tokenised", "lemmatised")

_LANGUAGES = ("en", "fr")

_FRENCH = (
    "au aux avec ce ces cet cette chez comme dans de des du elle elles en est et eux il ils je la le les "
    "leur leurs lui ma mais me mes moi mon même ne ni nos notre nous on ou où par pas plus pour pourquoi "
    "quand que quel quelle qui sa sans se ses si son sont sous sur ta te tes toi ton tous tout toute "
    "toutes tu très un une vos votre vous être été avoir ont sera"
)
FRENCH_STOP_WORDS = frozenset(_FRENCH.split())
"""Function words of the marketplace's other language; scikit-learn brings the English ones."""

COMMON_SHARE = 0.2
"""A word found in more than this share of the texts tells nothing apart: it is a stop word of that corpus."""

_FEW_TEXTS = 50

# Scripts that put no space between words: Thai, Lao, Burmese, Khmer, Han, Hiragana, Katakana.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)"
)


def prepare(texts: Sequence[str], *, how: str) -> list[str]:
    """Prepare texts for an encoder.

    Parameters
    ----------
    texts : sequence of str
        As the catalogue has them.
    how : {"raw", "tokenised", "lemmatised"}
        ``raw`` changes nothing. ``tokenised`` keeps the words (letters only, lower case) that are neither
        stop words of English or French nor stop words of this corpus (found in over 20 % of the texts, where
        there are fifty or more). ``lemmatised`` also brings each word to its dictionary form.

    Returns
    -------
    list of str
        The words joined by single spaces, or the texts themselves. A text is empty when no word is left.

    Raises
    ------
    ValueError
        The preparation is not one of ``PREPARATIONS``.
    """
    if how not in PREPARATIONS:
        raise ValueError(f"preparation is one of {', '.join(PREPARATIONS)}, not {how!r}")
    if how == "raw":
        return list(texts)
    documents = [_content_words(text) for text in texts]
    if how == "lemmatised":
        documents = [[_lemma(word) for word in words] for words in documents]
    common = _corpus_stop_words(documents)
    return [" ".join(word for word in words if word not in common) for words in documents]


def split_words(text: str) -> list[str]:
    """Split a text into lower-case words of two characters and more; digits count.

    Letters keep their marks, as Hindi and Arabic need it. Where a script puts no space between words, each
    pair of neighbouring characters is one, as search engines do it (Luk & Kwok 2002).

    Examples
    --------
    >>> split_words("USB 2.0 Hub, 4-port")
    ['usb', 'hub', 'port']
    >>> split_words("चाय का कप 机械手表")
    ['चाय', 'का', 'कप', '机械', '械手', '手表']
    """
    return [word for word in _split(text, _patterns()[0]) if len(word) > 1]


def _content_words(text: str) -> list[str]:
    words = [word for word in _split(text, _patterns()[1]) if len(word) > 1]
    return [word for word in words if word not in ENGLISH_STOP_WORDS and word not in FRENCH_STOP_WORDS]


def _split(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    for run in pattern.findall(unicodedata.normalize("NFC", text.lower())):
        if run.isascii():
            yield run
            continue
        for position, part in enumerate(_UNSPACED.split(run)):
            unspaced = position % 2 == 1 and len(part) > 2
            yield from (map("".join, itertools.pairwise(part)) if unspaced else (part,))


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    r"""Return what a word is: letters, marks, digits and low lines; and without the last two.

    Python's ``\w`` leaves out the marks that Indic and other scripts write vowels with.
    """
    marks = "".join(letter for letter in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(letter)[0] == "M")
    return re.compile(rf"[\w{marks}]+"), re.compile(rf"(?:[^\W\d_]|[{marks}])+")


def _corpus_stop_words(documents: Sequence[Sequence[str]]) -> frozenset[str]:
    if len(documents) < _FEW_TEXTS:
        return frozenset()
    counts = Counter(word for words in documents for word in set(words))
    return frozenset(word for word, count in counts.items() if count > COMMON_SHARE * len(documents))


@lru_cache(maxsize=1 << 17)
def _lemma(word: str) -> str:
    simplemma = require("simplemma", extra="study")
    return str(simplemma.lemmatize(word, lang=_LANGUAGES)).lower()

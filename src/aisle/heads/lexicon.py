"""Word and character n-grams as weighted features, computed by one path for training and for prediction.

Words (letters, digits and marks in a row, lower case) and pairs of neighbouring words; and within each blank-separated
word, a blank on either side, 2 to 5 characters. Counts are dampened (1 + log) and weighted by inverse document
frequency (Salton & Buckley 1988), each of the two kinds brought to the same length. Imported to predict: numpy only.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Ids = NDArray[np.int64]

SHORTEST, LONGEST = 2, 5
LEAST_TEXTS = 2
"""A term of fewer texts says nothing of others."""

MOST_TERMS = 120_000
"""Of each kind; the rarest go first."""

_WORD = re.compile(r"\w\w+")
_HALF = np.float32(np.sqrt(0.5))
_CACHED_WORDS, _LONGEST_CACHED = 50_000, 64
_AT_ONCE = 1 << 14  # what is sorted stays in the cache of a core


def normal_form(text: str) -> str:
    """Return a text as terms are looked for in it: compatible forms made one, lower case, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words_of(text: str) -> list[str]:
    """Return the words and the pairs of neighbouring words of a normal form, with repetition.

    >>> words_of("red silk scarf")
    ['red', 'silk', 'scarf', 'red silk', 'silk scarf']
    """
    words = _WORD.findall(text)
    return words + [f"{one} {other}" for one, other in pairwise(words)]


def letters_of(word: str) -> list[str]:
    """Return the character n-grams of one blank-separated word, with repetition.

    A word shorter than n is not repeated for greater n.

    >>> letters_of("tv")
    [' t', 'tv', 'v ', ' tv', 'tv ', ' tv ']
    """
    padded = f" {word} "
    return [
        padded[at : at + size]
        for size in range(SHORTEST, min(LONGEST, len(padded)) + 1)
        for at in range(len(padded) - size + 1)
    ]


@dataclass(frozen=True, eq=False)
class Lexicon:
    """The terms of a catalogue's texts, and what they weigh.

    Attributes
    ----------
    words, letters : tuple of str
        The terms; the features are the words, then the letters.
    weights : ndarray of float32, shape (terms,)
        Their inverse document frequency.
    """

    words: tuple[str, ...]
    letters: tuple[str, ...]
    weights: Array
    _cache: dict[str, NDArray[np.int32]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if len(self.weights) != len(self):
            raise ValueError(f"{len(self)} terms have {len(self.weights)} weights")

    def __len__(self) -> int:
        return len(self.words) + len(self.letters)

    @property
    def terms(self) -> tuple[str, ...]:
        """The name of each feature."""
        return self.words + self.letters

    @cached_property
    def _word_ids(self) -> Mapping[str, int]:
        return {term: number for number, term in enumerate(self.words)}

    @cached_property
    def _letter_ids(self) -> Mapping[str, int]:
        return {term: number for number, term in enumerate(self.letters, start=len(self.words))}

    def vector(self, text: str) -> tuple[Ids, Array]:
        """Return a text's features: ascending positions, and values whose squares sum to at most 1."""
        values, columns, _ = self.rows([text])
        return columns, values

    def rows(self, texts: Sequence[str]) -> tuple[Array, Ids, Ids]:
        """Return texts' features as a compressed sparse row matrix: values, columns, and where each row begins.

        What a row holds does not depend on the texts beside it.
        """
        parts: list[tuple[Array, Ids, Ids]] = []
        at = 0
        while at < len(texts) or not parts:
            part = self._some_rows(texts[at:])
            parts.append(part)
            at += len(part[2]) - 1
        starts = np.concatenate([[0], *(np.diff(starts) for _, _, starts in parts)]).cumsum()
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]), starts

    def number(self, term: str) -> int | None:
        """Return the position of a word or pair; None where it is not known."""
        return self._word_ids.get(term)

    def letter_number(self, term: str) -> int | None:
        """Return the position of a character n-gram; None where it is not known."""
        return self._letter_ids.get(term)

    def _some_rows(self, texts: Sequence[str]) -> tuple[Array, Ids, Ids]:
        """Return the features of the first texts, as many as have about `_AT_ONCE` terms, repetition included."""
        found: list[NDArray[np.int32]] = []
        sizes: list[int] = []
        known, total = self._word_ids.get, 0
        for text in texts:
            normal = normal_form(text)
            words = [number for number in map(known, words_of(normal)) if number is not None]
            before = len(found)
            found.append(np.array(words, dtype=np.int32))
            found += map(self._of_word, normal.split())
            sizes.append(sum(map(len, found[before:])))
            total += sizes[-1]
            if total > _AT_ONCE or len(sizes) == _AT_ONCE:
                break
        firsts = np.arange(len(sizes) + 1) * max(len(self), 1)
        small = np.int32 if firsts[-1] < 1 << 31 else np.int64  # half as long to sort
        keys = np.concatenate([*found, np.empty(0, np.int32)]) + np.repeat(firsts[:-1].astype(small), sizes)
        keys, counts = np.unique(keys, return_counts=True)
        starts = np.searchsorted(keys, firsts)
        columns = (keys - np.repeat(firsts[:-1], np.diff(starts))).astype(np.int64)
        values = (np.float32(1) + np.log(counts.astype(np.float32))) * self.weights[columns]
        kinds = np.sort(np.concatenate([starts, np.searchsorted(keys, firsts[:-1] + len(self.words))]))
        return values * _unit_scales(values, kinds), columns, starts

    def _of_word(self, word: str) -> NDArray[np.int32]:
        """Return the letter terms of a word: words come again and again."""
        found = self._cache.get(word)
        if found is None:
            ids = map(self._letter_ids.get, letters_of(word))
            found = np.array([number for number in ids if number is not None], dtype=np.int32)
            if len(self._cache) < _CACHED_WORDS and len(word) <= _LONGEST_CACHED:
                self._cache[word] = found
        return found


def _unit_scales(values: Array, bounds: Ids) -> Array:
    """Return what values are multiplied by, so that each stretch between bounds has the length of the root of 1/2."""
    sizes = np.diff(bounds)
    full = sizes > 0
    lengths = np.ones(len(sizes), dtype=np.float32)
    lengths[full] = np.sqrt(np.add.reduceat(values * values, bounds[:-1][full])) if full.any() else 1
    return np.repeat(np.where(lengths > 0, _HALF / np.maximum(lengths, np.float32(1e-30)), 1), sizes).astype(np.float32)


def learn_lexicon(texts: Sequence[str], *, most_terms: int = MOST_TERMS) -> Lexicon:
    """Learn the terms of a catalogue's texts.

    Parameters
    ----------
    texts : sequence of str
        One per product.
    most_terms : int
        Of words, and of letters: the terms that most texts have are kept, at equal counts the first by spelling.
    """
    word_texts: Counter[str] = Counter()
    letter_texts: Counter[str] = Counter()
    known: dict[str, tuple[str, ...]] = {}
    full = 0
    for text in texts:
        normal = normal_form(text)
        full += bool(normal)
        word_texts.update(set(words_of(normal)))
        grams: set[str] = set()
        for word in set(normal.split()):
            if (found := known.get(word)) is None:
                found = known[word] = tuple(set(letters_of(word)))
            grams.update(found)
        letter_texts.update(grams)
    words = _frequent(word_texts, most_terms)
    letters = _frequent(letter_texts, most_terms)
    frequency = np.array([word_texts[term] for term in words] + [letter_texts[term] for term in letters], dtype=float)
    weights = np.log((1 + full) / (1 + frequency)) + 1
    return Lexicon(tuple(words), tuple(letters), weights.astype(np.float32))


def _frequent(texts: Counter[str], most: int) -> list[str]:
    terms = [term for term, count in texts.items() if count >= LEAST_TEXTS]
    if len(terms) > most:
        terms = sorted(terms, key=lambda term: (-texts[term], term))[:most]
    return sorted(terms)

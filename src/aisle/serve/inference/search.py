"""The taxonomy, searched while somebody types."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from aisle.product import CategoryPath

_MOST_LETTERS, _MOST_WORDS = 200, 16

_LETTERS = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "\u0131": "i", "þ": "th"})
"""What Unicode does not take apart, and people type without."""

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese are written without blanks: a word may begin anywhere."""


def fold(text: str) -> str:
    """Return the words of a text as they are compared: no accents, no case, no marks, single blanks.

    >>> fold("Sacs à main, Étuis & Cœurs")
    'sacs a main etuis coeurs'
    """
    apart = unicodedata.normalize("NFKD", text.casefold()).translate(_LETTERS)
    kept = "".join(
        letter if unicodedata.category(letter)[0] in "LNM" else " "
        for letter in apart
        if not unicodedata.combining(letter)
    )
    return " ".join(kept.split())


class TaxonomySearch:
    """Finds categories by any words of their path.

    A linear scan of folded text: 30,000 paths take a few milliseconds, and there is no index to keep.

    Parameters
    ----------
    paths : iterable of tuple of str
        The categories; of equally good ones the shallower comes first, then the earlier here.
    """

    def __init__(self, paths: Iterable[CategoryPath]) -> None:
        distinct = [path for path in dict.fromkeys(paths) if path]
        self.paths: tuple[CategoryPath, ...] = tuple(sorted(distinct, key=len))
        self._whole = [f" {fold(' '.join(path))} " for path in self.paths]
        self._last = [f" {fold(path[-1])} " for path in self.paths]

    def __len__(self) -> int:
        return len(self.paths)

    def find(self, text: str, limit: int = 20) -> list[CategoryPath]:
        """Return the categories whose path has every word of a text, each as the beginning of a word, in any order.

        Categories whose own name is the text come first, then those whose name has all the words, then those where
        some stand higher up. A text without any word finds nothing; an empty one finds the first categories.
        """
        if not text.strip():
            return list(self.paths[: max(limit, 0)])
        folded = fold(text[:_MOST_LETTERS])
        wanted = [word if _UNSPACED.search(word) else f" {word}" for word in folded.split()[:_MOST_WORDS]]
        if not wanted:
            return []
        found: Sequence[int] = range(len(self.paths))
        for word in sorted(wanted, key=len, reverse=True):
            whole = self._whole
            found = [place for place in found if word in whole[place]]
        exact, named, under = f" {folded} ", [], []
        first: list[int] = []
        for place in found:
            name = self._last[place]
            if name == exact:
                first.append(place)
            elif all(word in name for word in wanted):
                named.append(place)
            else:
                under.append(place)
        return [self.paths[place] for place in [*first, *named, *under][: max(limit, 0)]]

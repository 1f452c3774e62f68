"""What pages say, in the reader's language. The English sentence is the key; ``locales/fr.json`` has the French one."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request

from aisle.serve.context import context

LOCALES: Final = Path(__file__).parent / "locales"

ENGLISH: Final = "en"

COOKIE: Final = "aisle-language"

_NO_BREAK = "\N{NO-BREAK SPACE}"
_MOST_TAGS = 16


class Words:
    """Says things in one language.

    Parameters
    ----------
    language : str
        Two letters.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._entries = entries(language)

    def __call__(self, text: str, /, **values: object) -> str:
        """Say a sentence, its ``{name}``s filled in; in English where it is in no list."""
        return self._entries.get(text, text).format_map(values)

    def count(self, one: str, many: str, /, *, number: int, **values: object) -> str:
        """Say a sentence about a number of things; both forms may name ``{number}``. In French none is singular."""
        singular = number == 1 or (number == 0 and self.language == "fr")
        return self(one if singular else many, number=self.number(number), **values)

    def number(self, value: float, *, digits: int = 0) -> str:
        """Write a number.

        >>> Words("en").number(20000)
        '20,000'
        """
        written = f"{value:,.{digits}f}"
        if self.language == "fr":
            written = written.translate({ord(","): "\N{NARROW NO-BREAK SPACE}", ord("."): ","})
        return written

    def percent(self, share: float) -> str:
        r"""Write a share of 1; never as certainty, nor as impossibility.

        >>> Words("en").percent(0.999)
        'over 99\\xa0%'
        """
        if share > 0.99:
            return self("over {share}", share=f"99{_NO_BREAK}%")
        if share < 0.01:
            return self("under {share}", share=f"1{_NO_BREAK}%")
        return f"{self.number(100 * share)}{_NO_BREAK}%"


def mark(text: str) -> str:
    """Return a text as it is; it is said later, and the lists must have it."""
    return text


@cache
def words(language: str) -> Words:
    """Return what says things in a language."""
    return Words(language)


@cache
def entries(language: str) -> dict[str, str]:
    """Return the list of a language, by the English sentence; English has none."""
    if language == ENGLISH:
        return {}
    found: dict[str, str] = json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8"))
    return found


def choose_language(request: Request, *, written: str = "") -> str:
    """Return the language to answer in: what was just chosen, what was chosen before, or what the browser prefers.

    Parameters
    ----------
    request : Request
    written : str
        What a form says was chosen.
    """
    languages = context(request).options.languages
    for given in (written, request.query_params.get("lang", ""), request.cookies.get(COOKIE, "")):
        if given in languages:
            return given
    return preferred(request.headers.get("accept-language", ""), languages)


def preferred(header: str, languages: Sequence[str]) -> str:
    """Return the language that an ``Accept-Language`` header (RFC 9110) likes best, else the first.

    >>> preferred("de, fr-CA;q=0.8, en;q=0.5", ("en", "fr"))
    'fr'
    """
    best, most = languages[0], 0.0
    for part in header.split(",")[:_MOST_TAGS]:
        tag, _, weight = part.partition(";")
        name = tag.strip().lower().split("-")[0]
        try:
            liked = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if name in languages and most < liked <= 1:
            best, most = name, liked
    return best

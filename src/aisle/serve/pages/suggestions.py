"""What an engine says of an item, as a seller is told: options, how sure each is, and what that rests on."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from aisle.product import CategoryPath, Evidence, Prediction
from aisle.serve.pages.item_form import NONE, OPEN, ItemForm, read_path
from aisle.serve.pages.rendering import path_value
from aisle.serve.pages.words import Words, mark

LEAST: Final = 0.005
"""Guesses below it are not worth a line, but for the first."""

MOST_TERMS: Final = 5

_FIELDS: Final = {
    "title": mark("the title"),
    "description": mark("the description"),
    "attributes": mark("the details"),
    "photo": mark("the photo"),
}
_PHOTO_COUNTS = 0.1


@dataclass(frozen=True, kw_only=True)
class Option:
    """A category to choose.

    Attributes
    ----------
    path : tuple of str
    value : str
        Of its radio button.
    confidence : str
        In words.
    certified : bool
        Whether held-out products showed how often such an answer is right.
    checked : bool
    """

    path: CategoryPath
    value: str
    confidence: str
    certified: bool = False
    checked: bool = False


@dataclass(frozen=True, kw_only=True)
class Reasons:
    """What the first option rests on.

    Attributes
    ----------
    because : tuple of str
        Words of the text, the strongest first, and the photo where it counted.
    shares : tuple of (str, float, str)
        A field, its share of the answer, and that share in words.
    nearest : tuple of (str, tuple of str, str)
        Title and category of labelled products that are like it, and how alike.
    """

    because: tuple[str, ...]
    shares: tuple[tuple[str, float, str], ...]
    nearest: tuple[tuple[str, CategoryPath, str], ...]


@dataclass(frozen=True, kw_only=True)
class Suggestions:
    """What the page shows below "category".

    Attributes
    ----------
    options : tuple of Option
    reasons : Reasons or None
    preselected : str
        The value of the option that the page chose itself; empty where it chose none.
    status : str
        All of it in a sentence, for who does not see it.
    """

    options: tuple[Option, ...] = ()
    reasons: Reasons | None = None
    preselected: str = ""
    status: str = ""


def suggest(
    prediction: Prediction, form: ItemForm, *, precision: float, taxonomy: Collection[CategoryPath], say: Words
) -> Suggestions:
    """Return what to show of a prediction; what the seller chose before stays chosen.

    Only an answer that the engine would file by itself, down to the leaf, is chosen beforehand.

    Parameters
    ----------
    prediction : Prediction
    form : ItemForm
    precision : float
        What the engine promises for what it answers.
    taxonomy : collection of tuple of str
    say : Words
    """
    own = form.own_choice
    ranked = _ranked(prediction, precision, say)
    mine = read_path(own, taxonomy) if own not in ("", NONE, OPEN) else None
    if mine is not None and mine not in [path for path, _, _ in ranked]:
        ranked.insert(0, (mine, say("Your choice"), False))
    certain = prediction.decision == "accept" and bool(prediction.path)
    before = path_value(prediction.path) if certain and (mine is None and own == "") else ""
    chosen = before or (path_value(mine) if mine is not None else "")
    options = tuple(
        Option(path=path, value=path_value(path), confidence=confidence, certified=certified,
               checked=path_value(path) == chosen)
        for path, confidence, certified in ranked
    )  # fmt: skip
    return Suggestions(
        options=options,
        reasons=reasons_of(prediction.evidence, say),
        preselected=before,
        status=_status(options, say),
    )


def certainty(precision: float, say: Words) -> str:
    """Say what a promise of precision is."""
    of = next((size for size in (100, 1000) if abs(precision * size - round(precision * size)) < 1e-9), 10_000)
    return say(
        "Certain enough to file by itself: right at least {often} times in {of}",
        often=say.number(int(precision * of + 1e-9)),
        of=say.number(of),
    )


def reasons_of(evidence: Evidence, say: Words) -> Reasons | None:
    """Return what an answer rests on; None where nothing is known of it."""
    terms = list(dict.fromkeys(term for term, weight in evidence.terms if weight > 0))[:MOST_TERMS]
    if evidence.shares.get("photo", 0.0) >= _PHOTO_COUNTS:
        terms.append(say(_FIELDS["photo"]))
    shares = sorted(evidence.shares.items(), key=lambda pair: -pair[1])
    if not (terms or shares or evidence.nearest):
        return None
    return Reasons(
        because=tuple(terms),
        shares=tuple((say(_FIELDS.get(name, name)), share, say.percent(share)) for name, share in shares),
        nearest=tuple(
            (each.title or each.id, each.category, say.percent(max(0.0, each.similarity))) for each in evidence.nearest
        ),
    )


def _ranked(prediction: Prediction, precision: float, say: Words) -> list[tuple[CategoryPath, str, bool]]:
    """Return path, confidence, and whether it is certified, of what the engine says."""
    ranked: list[tuple[CategoryPath, str, bool]] = []
    if prediction.decision != "review" and prediction.path:
        ranked.append((prediction.path, certainty(precision, say), True))
    for path, share in prediction.alternatives:
        if path != prediction.path and (share >= LEAST or not ranked):
            ranked.append((path, say("A guess: {share}", share=say.percent(share)), False))
    return ranked


def _status(options: tuple[Option, ...], say: Words) -> str:
    if not options:
        return say("No suggestion yet.")
    first = options[0]
    return say.count(
        "{number} suggestion: {path}. {confidence}.",
        "{number} suggestions. The first: {path}. {confidence}.",
        number=len(options),
        path=" > ".join(first.path),
        confidence=first.confidence,
    )

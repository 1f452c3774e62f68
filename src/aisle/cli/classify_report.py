"""The answer of ``aisle classify`` for one product, as a person would like to read it."""

from collections.abc import Mapping

import typer

from aisle.cli.terminal import WIDTH, columns_of, draw_bar, fold, plain, say
from aisle.product import Evidence, Prediction, Product, format_path

_BAR = 20
_LABEL = 12
_TERMS = 8
_ALTERNATIVES = 5
_NEAREST = 3


def print_answer(found: Prediction, *, product: Product, precision: float | None) -> None:
    """Print where one product belongs, first of all, then how sure that is and why.

    Parameters
    ----------
    found : Prediction
        What the engine said.
    product : Product
        What it was asked.
    precision : float or None
        The precision that was asked for, if the engine knows one.
    """
    print()
    for line in fold(format_path(found.path) if found.path else "No answer: a person should look", indent=2):
        typer.secho(line, bold=True)
    print()
    say(_decision(found, precision), indent=2)
    if found.reason and found.decision != "accept":
        say(f"Why: {found.reason}", indent=2)
    if product.photo is not None and "photo" not in found.modalities:
        say("The photo was not used: it cannot be read, or the engine knows no photos.", indent=2)
    _print_alternatives(found)
    _print_evidence(found.evidence)
    print()
    say(f"Read: {', '.join(found.modalities) or 'nothing'}. Engine {found.engine}.", indent=2)


def _decision(found: Prediction, precision: float | None) -> str:
    asked = "" if precision is None else f" at the asked precision of {_percent(precision)}"
    chance = _percent(found.probability)
    if found.decision == "accept":
        return f"{chance} sure; accepted{asked}."
    leaf = f"the most probable category is {format_path(found.leaf)}"
    if found.decision == "partial":
        return f"{chance} sure; answered above the last level{asked}. Below it {leaf}."
    return f"Not answered{asked}; {leaf} ({chance})." if found.leaf else f"Not answered{asked}."


def _print_alternatives(found: Prediction) -> None:
    if found.alternatives:
        print("\n  Most probable")
    for path, probability in found.alternatives[:_ALTERNATIVES]:
        _print_bar(_percent(probability), probability, text=format_path(path))


def _print_evidence(evidence: Evidence) -> None:
    if evidence.shares:
        print("\n  Rests on")
        for name, share in _largest_first(evidence.shares):
            _print_bar(_percent(share), share, text=name)
    if evidence.terms:
        print()
        say(f"{'Terms':{_LABEL}}{', '.join(term for term, _ in evidence.terms[:_TERMS])}", indent=2, hang=2 + _LABEL)
    if evidence.nearest:
        print("\n  Nearest labelled products")
        for near in evidence.nearest[:_NEAREST]:
            # Product names run to hundreds of characters; the first say what it is.
            name = " ".join(near.title.split()) or f"product {near.id}"
            print(plain(f"    {near.similarity:.2f}  {name}", width=WIDTH))
            say(format_path(near.category) or "(no category)", indent=10)


def _print_bar(label: str, share: float, *, text: str) -> None:
    bar = draw_bar(min(max(share, 0.0), 1.0), width=_BAR)
    lead = f"    {label:>7}  {bar}{' ' * (_BAR - columns_of(bar))}  "
    first, *rest = fold(text, indent=columns_of(lead)) or [lead]
    print(lead + first.lstrip())
    for line in rest:
        print(line)


def _largest_first(shares: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(shares.items(), key=lambda item: -item[1])


def _percent(share: float) -> str:
    """Write a share so that what is not certain never reads as 100 %.

    >>> _percent(0.98), _percent(0.99999), _percent(1.0)
    ('98.0 %', '>99.9 %', '100.0 %')
    """
    return ">99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.1f} %"

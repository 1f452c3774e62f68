"""Why a label looks wrong, in words."""

from collections.abc import Sequence

from aisle.audit.result import Kind, Opinion
from aisle.product import CategoryPath, Neighbour, format_path


def explain(
    *,
    kind: Kind,
    given: CategoryPath,
    suggested: CategoryPath,
    for_given: float,
    opinions: Sequence[Opinion],
    twins: Sequence[Neighbour],
    nearest: Sequence[Neighbour],
) -> str:
    """Say why a label looks wrong: what speaks against it, strongest first, and what speaks for it."""
    sentences = []
    if twins:
        twin = twins[0]
        more = f" (and {len(twins) - 1} more)" if len(twins) > 1 else ""
        sentences.append(f"Its near-duplicate {twin.id}{more} is filed under {format_path(twin.category)}.")
    sentences.append(_senses(opinions, given, for_given))
    there = [near for near in nearest if near.category[: len(suggested)] == suggested]
    if len(there) > 1:
        which = f"All {len(there)}" if len(there) == len(nearest) else f"{len(there)} of the {len(nearest)}"
        sentences.append(f"{which} products most like it are in {format_path(suggested)}.")
    elif any(near.category[: len(given)] == given for near in nearest) and not there:
        sentences.append("But some of the products most like it are filed as it is.")
    if kind == "overlap":
        sentences.append("The two categories overlap in this catalogue: decide on a rule before moving one.")
    elif kind == "unclear":
        sentences.append("Nothing is sure: it fits no category well.")
    return " ".join(sentence for sentence in sentences if sentence)


def _senses(opinions: Sequence[Opinion], given: CategoryPath, for_given: float) -> str:
    against = [opinion for opinion in opinions if opinion.against]
    agree = [opinion for opinion in opinions if not opinion.against]
    left = f"{percent(for_given)} is left to {format_path(given)}"
    if len(against) == 2 and against[0].says == against[1].says:
        return f"Text and photo both say {format_path(against[0].says)}; {left}."
    if len(against) == 2:
        both = ", ".join(f"the {one.modality} says {format_path(one.says)}" for one in against)
        return f"{both[0].upper()}{both[1:]}; {left}."
    if against:
        said = f"The {against[0].modality} says {format_path(against[0].says)}"
        if agree:
            return f"{said}, but the {agree[0].modality} alone agrees with the label."
        return f"{said}; {left}."
    return f"Only taken together do its parts speak against the label; {left}."


def percent(share: float) -> str:
    """Write a share the way people read it.

    >>> percent(0.0004), percent(0.034), percent(0.97), percent(0.9999)
    ('under 0.1 %', '3.4 %', '97 %', 'over 99.9 %')
    """
    if share < 0.001:
        return "under 0.1 %"
    if share > 0.999:
        return "over 99.9 %"
    return f"{100 * share:.1f} %" if share < 0.1 or share > 0.995 else f"{100 * share:.0f} %"

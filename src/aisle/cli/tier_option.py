"""The option that says what may be spent on an answer."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aisle.heads.tiers import Tier

TierOption = Annotated[
    str,
    typer.Option(
        "--tier",
        metavar="NAME",
        help="full reads all at once; balanced goes on to texts and photos only where it must; fast reads terms alone.",
    ),
]


def check_tier(tier: str) -> "Tier":
    """Return a tier that there is.

    Raises
    ------
    typer.BadParameter
        Naming those that there are.
    """
    from aisle.heads.tiers import TIERS

    for known in TIERS:
        if tier == known:
            return known
    raise typer.BadParameter(f"{tier!r} is none of {', '.join(TIERS)}", param_hint="--tier")

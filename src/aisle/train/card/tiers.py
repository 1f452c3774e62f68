"""The part of a model card on cheaper answers."""

from collections.abc import Mapping
from typing import Any

from aisle.report.markdown import table
from aisle.train.card.words import fields_text, percent, share_text


def tiers_part(evaluation: Mapping[str, Any]) -> list[list[str]]:
    """Return the part of the card on tiers; nothing where there are none."""
    tiers = evaluation.get("tiers")
    if not tiers:
        return []
    rows = [
        [
            f"`{row['tier']}`",
            share_text(row["right"]),
            percent(row["answered"]),
            *(percent(row["stages"][stage]) for stage in ("terms", "texts", "all")),
        ]
        for row in tiers["rows"]
    ]
    return [
        [
            "## Cheaper answers",
            "",
            f"On the {tiers['products']:,} products with {fields_text(tiers['fields'])}: `fast` reads terms alone, "
            "`full` everything at once, `balanced` goes on only where a product needs it (last: the shares answered "
            "from terms, from texts, and from everything). Each tier has a certificate of its own; where to go on was "
            "chosen on other products than those it is judged on.",
            "",
            *table(
                ["tier", "whole path right", f"answered at {100 * evaluation['precision']:g} %", "by terms", "by texts",
                 "by all"],
                rows,
            ),
        ]
    ]  # fmt: skip

"""What ``aisle train`` says of a new engine to a person: at most 80 columns."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aisle.cli.terminal import plain, say
from aisle.engine.fields import FIELDS
from aisle.engine.store import Knowledge

if TYPE_CHECKING:
    from aisle.catalog import Catalog

NAME = 32
"""Columns for a set of fields: three of them have room, and four are everything."""
_NONE = "-"


def print_training(
    fingerprint: str, knowledge: Knowledge, *, catalog: "Catalog", joined: tuple[int, int] | None
) -> None:
    """Print what was trained, how good it is, what it can promise, and what was left out.

    Parameters
    ----------
    fingerprint : str
        The engine's name.
    knowledge : Knowledge
        With its evaluation.
    catalog : Catalog
        What it was trained on.
    joined : (int, int) or None
        How many products of other catalogues joined, of how many.
    """
    facts, evaluation = knowledge.facts, knowledge.evaluation
    fields = knowledge.classifier.fields
    say(
        f"Engine {fingerprint}: {facts['categories']:,} categories ({facts['top_categories']:,} at the top) from "
        f"{', '.join(fields)}; trained on {facts['products']:,} products"
    )
    if seen := facts.get("seen_by_encoders"):
        say(
            f"An encoder has learned from {seen:,} of them, or from near-duplicates of these: figures and thresholds "
            "are of the others, slightly optimistic if these also chose when its training stopped and how much of the "
            "tuned weights was kept; `aisle evaluate CATALOG --finetune` is free of that"
        )
    if evaluation.get("subsets"):
        rows = main_subsets(evaluation["subsets"])
        _print_accuracy(rows)
        _print_controls(evaluation.get("controls"))
        _print_promises(rows)
        _print_tiers(evaluation.get("tiers"), precision=evaluation["precision"])
    else:
        say("No product could be held out: nothing is known of its accuracy.")
    _print_left_out(knowledge, catalog, joined)


def main_subsets(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the sets of fields that are told in a terminal, the richest first; a card tells of all."""
    everything = max(rows, key=lambda row: len(row["fields"]))["fields"]
    wanted = [
        everything,
        [name for name in everything if name != "attributes"],
        [name for name in everything if name in ("title", "description")],
        ["title"],
        ["photo"],
    ]
    found: list[Mapping[str, Any]] = []
    for fields in wanted:
        row = next((row for row in rows if list(row["fields"]) == list(fields)), None)
        if row is not None and all(row is not other for other in found):
            found.append(row)
    return found


def share_text(found: Mapping[str, Any]) -> str:
    """Write a share with its 95 % interval, or a dash where there is none.

    >>> share_text({"share": 0.957, "low": 0.943, "high": 0.968})
    '95.7 % [94.3, 96.8]'
    """
    if found["share"] is None:
        return _NONE
    return f"{100 * found['share']:.1f} % [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"


def name_of(fields: Sequence[str]) -> str:
    """Name a set of fields in a column.

    >>> name_of(["title", "photo"]).rstrip(), name_of(["title", "description", "attributes", "photo"]).rstrip()
    ('title + photo', 'everything')
    """
    name = "everything" if len(fields) == len(FIELDS) else " + ".join(fields) or "nothing"
    return f"{plain(name, width=NAME):{NAME}}"


def _print_accuracy(rows: Sequence[Mapping[str, Any]]) -> None:
    deep = any(row["figures"]["accuracy"]["leaf"] != row["figures"]["accuracy"]["level_1"] for row in rows)
    print(f"\n{'Right on products held out':{NAME + 2}}  {'top category':21}{'  whole path' if deep else ''}".rstrip())
    for row in rows:
        accuracy = row["figures"]["accuracy"]
        leaf = f"  {share_text(accuracy['leaf'])}" if deep else ""
        print(f"  {name_of(row['fields'])}  {share_text(accuracy['level_1']):21}{leaf}".rstrip())


def _print_controls(controls: Mapping[str, Any] | None) -> None:
    if controls:
        helps, harms = controls["paired"]["photo_helps"], controls["paired"]["photo_harms"]
        say(
            f"Of {controls['products']:,} products with text and photo the photo puts {helps:,} right that words alone "
            f"get wrong, and {harms:,} wrong that they get right.",
            indent=2,
        )


def _print_promises(rows: Sequence[Mapping[str, Any]]) -> None:
    told = [row for row in rows if row.get("certified")]
    if not told:
        return
    asked = [each["precision"] for each in told[0]["certified"]]
    heads = "".join(f"{f'{100 * precision:g} %':>9}" for precision in asked)
    print(f"\n{'Answered when right at least':{NAME + 2}}{heads}")
    for row in told:
        cells = [_NONE if each["threshold"] is None else f"{100 * each['coverage']:.1f} %" for each in row["certified"]]
        print(f"  {name_of(row['fields'])}{''.join(f'{cell:>9}' for cell in cells)}")
    full = told[0]
    reasons = [each["reason"] for each in full["certified"] if each["threshold"] is None]
    if reasons:
        say(f"{name_of(full['fields']).rstrip()}: {reasons[0]}", indent=2, hang=4)


def _print_tiers(tiers: Mapping[str, Any] | None, *, precision: float) -> None:
    if not tiers:
        return
    asked = f"answered at {100 * precision:g} %"
    print(f"\n{'By --tier':13}{'right':21}{asked:>17}{'by terms':>10}  texts  all")
    for row in tiers["rows"]:
        answered = _NONE if row["answered"] is None else f"{100 * row['answered']:.1f} %"
        terms, texts, rest = (f"{100 * row['stages'][stage]:.0f} %" for stage in ("terms", "texts", "all"))
        print(f"  {row['tier']:11}{share_text(row['right']):21}{answered:>17}{terms:>10}{texts:>7}{rest:>6}".rstrip())


def _print_left_out(knowledge: Knowledge, catalog: "Catalog", joined: tuple[int, int] | None) -> None:
    facts, limits = knowledge.facts, knowledge.evaluation.get("limits", {})
    folded = limits.get("folded", {})
    unused = catalog.columns.unused
    lines = {
        f"{facts['unlabelled']:,} products without a category": facts["unlabelled"],
        f"{folded.get('categories', 0):,} category paths with fewer than {facts['least']} products: their "
        f"{folded.get('products', 0):,} products count as products of the category above": folded.get("categories"),
        f"{limits.get('few_count', 0):,} top categories with one or two products are hardly known: "
        f"{', '.join(limits.get('few', ())[:5])}": limits.get("few_count"),
        f"{len(catalog.photos_missing):,} products whose photo is missing": catalog.photos_named
        and len(catalog.photos_missing),
        f"{limits.get('photos_unreadable', 0):,} photos that cannot be read": limits.get("photos_unreadable"),
        f"columns not used: {', '.join(unused)}": len(unused),
        f"{len(catalog.bad_rows):,} rows that no product can be made of": len(catalog.bad_rows),
    }
    found = [text for text, count in lines.items() if count]
    if joined is not None:
        found.append(
            f"{joined[1] - joined[0]:,} of {joined[1]:,} products of --extra: without a category, of another top "
            "category, or nearly of a title in the catalogue"
        )
    if found:
        print("\nLeft out, folded or set aside")
    for text in found:
        say(text, indent=2, hang=4)
    if limits.get("contradicted"):
        say(
            f"Look at this: {limits['contradicted']:,} labels are contradicted by a confident answer; `aisle audit` "
            "lists them",
            indent=2,
            hang=4,
        )

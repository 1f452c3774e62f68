"""What a reader should know before relying on an engine, in sentences."""

from collections.abc import Iterator

from aisle.engine.store import Knowledge
from aisle.report.markdown import markdown


def caveats(knowledge: Knowledge) -> Iterator[str]:
    """Yield the limits of an engine, those of its own catalogue first."""
    facts, limits = knowledge.facts, knowledge.evaluation.get("limits", {})
    yield (
        f"It learned from {facts['products']:,} labelled products of one catalogue; {facts['near_duplicates']:,} of "
        "them have a near-duplicate there. Other sellers, other words and other photos are another matter: measure "
        "with `aisle evaluate`."
    )
    if facts.get("unlabelled"):
        yield f"{facts['unlabelled']:,} products without a category were left out."
    if limits.get("joined"):
        yield (
            f"{limits['joined']:,} of the products joined from elsewhere. They are in no accuracy above, but "
            "thresholds for the fields they have count them too: the promise is about such a mixture."
        )
    folded = limits.get("folded", {})
    if folded.get("categories"):
        yield (
            f"{folded['categories']:,} category paths below the top have fewer than {facts['least']} products each and "
            f"are not told apart: their {folded['products']:,} products count as products of the category above."
        )
    if limits.get("few_count"):
        names = ", ".join(markdown(name) for name in limits["few"])
        more = limits["few_count"] - len(limits["few"])
        yield (
            f"{limits['few_count']:,} top categories have one or two products, too few to know them by: {names}"
            + (f" and {more:,} more." if more else ".")
        )
    alone = limits.get("one_group", {})
    if alone.get("categories"):
        yield (
            f"{alone['categories']:,} whole paths hold one product, or near-duplicates of one only. These are held out "
            f"together, so that their {alone['products']:,} products count as wrong above; more of the same would be "
            "recognised."
        )
    if limits.get("photos_unreadable"):
        yield f"{limits['photos_unreadable']:,} photos could not be read and count as missing."
    if limits.get("contradicted"):
        yield (
            f"Labels are taken as they are. {limits['contradicted']:,} products are filed under another top category "
            "by an engine that had not seen them and was at least 95 % sure: some of these labels are wrong, which "
            "lowers the figures above. `aisle audit` lists such products."
        )
    else:
        yield "Labels are taken as they are; wrong ones lower the figures above. `aisle audit` looks for them."
    yield (
        "It knows the words of its catalogue and no other language. A product of a category that it does not know is "
        "filed under one that it knows, or sent to review; nothing here measures how often."
    )
    yield (
        "Certified precisions assume products that are independent and come as those of the catalogue did (of "
        "near-duplicates one is counted). Thresholds were set on scores from cross-fitted experts; the experts of this "
        "folder have seen all products, which should make them no worse, but is not proved. After a drift the promise "
        "is void."
    )

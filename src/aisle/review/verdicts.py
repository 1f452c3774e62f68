"""What people say of a product, taken together."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aisle.product import CategoryPath
from aisle.review.agreement import answers
from aisle.store.records import StoredDecision


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What people say of a product.

    Attributes
    ----------
    path : tuple of str or None
        The category; none where none fits, and where they disagree.
    disagree : bool
        Whether no answer has more people behind it than every other.
    by : str
        The key of who gave that answer last; of the last answer at all where they disagree.
    people : int
        How many gave that answer; of all where they disagree.
    audited : int or None
        When somebody last judged it for an audit.
    """

    path: CategoryPath | None
    disagree: bool
    by: str
    people: int
    audited: int | None


def verdicts(decisions: Iterable[StoredDecision]) -> Mapping[str, Verdict]:
    """Return what people say of each product that anybody answered on.

    A person has one voice, the latest answer that was not taken back. Where voices differ, the answer with most people
    behind it counts; where two differ there is none, and a third has to look. Who came last does not win: one person
    could otherwise overrule everybody.

    Parameters
    ----------
    decisions : iterable of StoredDecision
        The oldest first; those of sellers, skips and undone ones say nothing.

    Returns
    -------
    mapping of str to Verdict
        By product.
    """
    products: dict[str, list[StoredDecision]] = {}
    for each in answers(decisions):
        products.setdefault(each.product_id, []).append(each)
    return {product: _judge(given) for product, given in products.items()}


def _judge(given: list[StoredDecision]) -> Verdict:
    voices = {each.decided_by: each for each in given}
    counts = Counter(each.path for each in voices.values()).most_common(2)
    audited = max((each.decided_at for each in given if each.queue_reason == "audit"), default=None)
    if len(counts) > 1 and counts[0][1] == counts[1][1]:
        return Verdict(path=None, disagree=True, by=given[-1].decided_by, people=len(voices), audited=audited)
    path, people = counts[0]
    last = max((each for each in voices.values() if each.path == path), key=lambda each: (each.decided_at, each.id))
    return Verdict(path=path, disagree=False, by=last.decided_by, people=people, audited=audited)

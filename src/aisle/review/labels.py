"""What is learned from people's answers, and how far one person is trusted."""

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from aisle.product import CategoryPath
from aisle.review.policy import ReviewPolicy
from aisle.review.verdicts import verdicts
from aisle.store.decisions import all_decisions
from aisle.store.products import find_products
from aisle.store.queue import find_item, reopen
from aisle.store.records import StoredProduct


@dataclass(frozen=True, kw_only=True)
class LabelRow:
    """A product with the category that people gave it.

    Attributes
    ----------
    by : str
        The key of who said so last.
    weight : float
        How many people said so.
    """

    product: StoredProduct
    path: CategoryPath
    by: str
    weight: float


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What there is to learn from people.

    Attributes
    ----------
    rows : list of LabelRow
        In the order of the products' ids.
    conflicts : list of str
        Products that people disagree on; they have no label.
    capped : mapping of str to int
        Key to how many of its labels are left out.
    """

    rows: list[LabelRow]
    conflicts: list[str]
    capped: Mapping[str, int]


def training_labels(c: Connection, *, policy: ReviewPolicy, without: Collection[str] = ()) -> Labels:
    """Return the labels that moderators gave and that training may use; sellers' choices are never among them.

    One person gives at most the policy's share of all labels. What somebody gives beyond the second most is no part of
    that "all": nobody raises their own limit by deciding more. With fewer people than the share needs, four at 20 %, it
    is a part, or a lone moderator would teach nothing. What is left out is drawn by the hash of the product: the same
    each time, and nobody's to choose.

    Parameters
    ----------
    policy : ReviewPolicy
    without : collection of str
        Products that are held out: they have no label, and count for nobody.
    """
    found = verdicts(all_decisions(c))
    conflicts = sorted(product for product, verdict in found.items() if verdict.disagree)
    products = find_products(c, ids=sorted(found))
    rows = [
        LabelRow(product=products[key], path=verdict.path, by=verdict.by, weight=float(verdict.people))
        for key, verdict in sorted(found.items())
        if verdict.path and not verdict.disagree and key not in without
    ]
    kept = _cap(rows, policy.influence_cap)
    left_out = Counter(row.by for row in rows)
    left_out.subtract(row.by for row in kept)
    return Labels(rows=kept, conflicts=conflicts, capped={by: number for by, number in left_out.items() if number})


def return_conflicts(c: Connection, now: int) -> list[str]:
    """Put the products that people disagree on back on the queue, and return those that were not there."""
    found = verdicts(all_decisions(c))
    torn = sorted(product for product, verdict in found.items() if verdict.disagree)
    return [
        key for key in torn if find_item(c, product_id=key) and reopen(c, product_id=key, reason="conflict", now=now)
    ]


def _cap(rows: list[LabelRow], share: float) -> list[LabelRow]:
    """Leave out what one person gives too much."""
    given = sorted(Counter(row.by for row in rows).values(), reverse=True)
    if share >= 1 or not given:
        return rows
    enough = len(given) >= 1 / share
    counted = sum(min(number, given[1]) for number in given) if enough else len(rows)
    limit = math.floor(counted * share + 1e-9)  # 0.2 of 5 is 1, whatever floats say
    taken: Counter[str] = Counter()
    kept = set()
    for row in sorted(rows, key=lambda row: hashlib.sha256(row.product.id.encode()).digest()):
        if taken[row.by] < limit:
            taken[row.by] += 1
            kept.add(row.product.id)
    return [row for row in rows if row.product.id in kept]

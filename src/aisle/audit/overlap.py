"""Categories that overlap: products of both could as well be filed under the other.

A wrong label is contradicted: what is seen of the product leaves it no chance. Where two categories overlap the
classifier is torn, in both directions, again and again; or products of one lie in the other much more often than slips
would put them there.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.heads.tree import CategoryTree

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

TORN = 0.05
"""A classifier is torn between two categories where it gives at least so much to each."""

FEWEST_EACH, FEWEST_BOTH, LEAST_SHARE = 2, 6, 0.05
"""Torn products that an overlap needs in either direction, in both, and as a share of the smaller category."""

MANY_TIMES = 3.0
"""As many products of both that seem to be the other's, and so many times what other pairs of siblings have: then it is
a habit of whoever filed them, and not a slip. At least one goes the other way."""


@dataclass(frozen=True, eq=False)
class Rivals:
    """For each product the category that it is filed under and the one that contradicts it most, where they part.

    Attributes
    ----------
    given, rival : ndarray of int, shape (n,)
        Sibling nodes of the tree.
    for_given, for_rival : ndarray of float, shape (n,)
        Their probability.
    """

    given: Ids
    rival: Ids
    for_given: Floats
    for_rival: Floats

    @property
    def torn(self) -> NDArray[np.bool_]:
        """Which products could be either."""
        return np.minimum(self.for_given, self.for_rival) >= TORN

    @property
    def moved(self) -> NDArray[np.bool_]:
        """Which products seem to be the rival's."""
        return self.for_rival > self.for_given


def find_rivals(nodes: Floats, terminals: Ids, rival: Ids, *, tree: CategoryTree) -> Rivals:
    """Find where each label and its strongest rival part.

    Parameters
    ----------
    nodes : ndarray of float, shape (n, nodes)
        Probability of every node.
    terminals : ndarray of int, shape (n,)
        Of the labels.
    rival : ndarray of int, shape (n,)
        The strongest category against each, highest up: its parent lies on the way to the label.
    tree : CategoryTree
    """
    rows = np.arange(len(terminals))
    given = tree.chains[terminals, tree.steps[rival] - 1]
    return Rivals(given, rival, nodes[rows, given], nodes[rows, rival])


def find_overlaps(rivals: Rivals, sizes: Ids, *, tree: CategoryTree) -> dict[tuple[int, int], bool]:
    """Find pairs of categories that overlap.

    Parameters
    ----------
    rivals : Rivals
        Of all products that were judged.
    sizes : ndarray of int, shape (nodes,)
        Products filed under each node.
    tree : CategoryTree

    Returns
    -------
    dict of (int, int) to bool
        Pairs of nodes, the lower number first; whether it is so common that even a product about which the classifier
        is sure is no slip. The pair with most products first.
    """
    torn = _count(rivals, rivals.torn)
    moved = _count(rivals, rivals.moved)
    by_parent: Counter[int] = Counter()
    for (one, _), count in moved.items():
        by_parent[int(tree.parents[one])] += count
    children = Counter(tree.parents.tolist())
    found: dict[tuple[int, int], bool] = {}
    for one, other in sorted({(min(pair), max(pair)) for pair in (*torn, *moved)}):
        parent, smaller = int(tree.parents[one]), min(sizes[one], sizes[other])
        each = torn[one, other], torn[other, one]
        is_torn = min(each) >= FEWEST_EACH and sum(each) >= max(FEWEST_BOTH, LEAST_SHARE * smaller)
        ways = moved[one, other], moved[other, one]
        pairs = children[parent] * (children[parent] - 1) // 2
        usual = (by_parent[parent] - sum(ways)) / (pairs - 1) if pairs > 1 else np.inf
        is_common = min(ways) >= 1 and sum(ways) >= max(FEWEST_BOTH, LEAST_SHARE * smaller, MANY_TIMES * usual)
        if is_torn or is_common:
            found[one, other] = bool(is_common)
    weight = {pair: sum(counts[way] for counts in (torn, moved) for way in (pair, pair[::-1])) for pair in found}
    return dict(sorted(found.items(), key=lambda item: -weight[item[0]]))


def _count(rivals: Rivals, which: NDArray[np.bool_]) -> Counter[tuple[int, int]]:
    return Counter(zip(rivals.given[which].tolist(), rivals.rival[which].tolist(), strict=True))

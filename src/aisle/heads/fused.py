"""Experts in one classifier: whatever a product has is used, weighted as was fitted for just that set of fields.

A weighted sum of the experts' scores is a product of experts, each with an exponent (a logarithmic opinion pool; Genest
& Zidek 1986). Imported to predict: numpy only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from aisle.heads.answers import AnswerCounts
from aisle.heads.expert import Expert, Fields, Kind
from aisle.heads.tree import CategoryTree

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

POOLED_STEPS = 3
"""Choices from the top down that have weights of their own; deeper ones share those of the last."""

Subset = tuple[str, ...]
"""The fields that a product has, in the order of the engine's fields."""


@dataclass(frozen=True, eq=False)
class Pool:
    """How the experts of one set of fields are weighed, and how far their answers can be trusted.

    Attributes
    ----------
    weights : ndarray of float, shape (experts of the subset, POOLED_STEPS)
        Not negative.
    counts : AnswerCounts or None
        Held-out answers at each threshold; None where there were no products to count.
    """

    weights: Floats
    counts: AnswerCounts | None = None


@dataclass(frozen=True, eq=False)
class FusedClassifier:
    """Everything that was learned of a catalogue.

    Attributes
    ----------
    tree : CategoryTree
        What is told apart.
    experts : tuple of Expert
        In the order of the fields.
    pools : mapping of subset to Pool
        One for every set of fields that has an expert.
    """

    tree: CategoryTree
    experts: tuple[Expert, ...]
    pools: Mapping[Subset, Pool] = field(default_factory=dict)

    @property
    def fields(self) -> Subset:
        """The fields that an expert reads, in their order."""
        return tuple(dict.fromkeys(expert.field for expert in self.experts))

    def members(self, subset: Subset) -> list[int]:
        """Return the positions of the experts that read a field of the subset."""
        return [place for place, expert in enumerate(self.experts) if expert.field in subset]

    def score(self, fields: Fields, *, kind: Kind | None = None) -> Array:
        """Return every expert's scores, shape (experts, n, nodes); zero where the field is absent.

        With a kind, the scores of experts of the other kind are zero.
        """
        count = len(next(iter(fields.values())).present)
        found = np.zeros((len(self.experts), count, len(self.tree)), dtype=np.float32)
        for place, expert in enumerate(self.experts):
            data = fields.get(expert.field)
            if data is not None and data.present.any() and kind in (None, expert.kind):
                here = np.flatnonzero(data.present)
                found[place, here] = expert.score(data.take(here))
        return found

    def subsets(self, fields: Fields) -> Iterator[tuple[Subset, Ids]]:
        """Yield each set of fields that products have, with their rows; the empty set, too."""
        yield from group_rows(fields, self.fields).items()

    def log_probability(self, scores: Array, subset: Subset) -> Floats:
        """Return the log-probability of every node for products that have these fields, shape (n, nodes)."""
        return pooled_log_probability(scores[self.members(subset)], self.pools[subset].weights, tree=self.tree)

    def predict(self, fields: Fields) -> Floats:
        """Return the log-probability of every node, shape (n, nodes).

        A product of which nothing is known gets the shares of the categories in the catalogue it learned from.
        """
        scores = self.score(fields)
        found = np.empty(scores.shape[1:], dtype=np.float64)
        for subset, rows in self.subsets(fields):
            found[rows] = self.log_probability(scores[:, rows], subset) if subset else self.prior()
        return found

    def prior(self) -> Floats:
        """Return the log-probability of every node before anything is known of a product, shape (nodes,)."""
        shares = np.log(np.maximum(self.experts[0].bias.astype(np.float64), 1e-9))[None]
        found: Floats = np.asarray(self.tree.log_probability(self.tree.log_conditional(shares)))[0]
        return found


def all_subsets(fields: Sequence[str]) -> list[Subset]:
    """Return every set of at least one field, the smallest first."""
    return [subset for size in range(1, len(fields) + 1) for subset in combinations(fields, size)]


def group_rows(fields: Fields, names: Sequence[str]) -> dict[Subset, Ids]:
    """Return the rows of each set of fields that occurs."""
    present = np.stack([fields[name].present for name in names if name in fields])
    known = [name for name in names if name in fields]
    codes = (present * (1 << np.arange(len(known)))[:, None]).sum(axis=0)
    return {
        tuple(name for place, name in enumerate(known) if code >> place & 1): np.flatnonzero(codes == code)
        for code in np.unique(codes).tolist()
    }


def step_of(tree: CategoryTree) -> Ids:
    """Return which weights hold for each node, from 0: by the number of choices that lead to it."""
    return np.asarray(np.minimum(tree.steps, POOLED_STEPS) - 1)


def pool(scores: Array, weights: Floats, *, tree: CategoryTree) -> Floats:
    """Return weighted sums of scores.

    Parameters
    ----------
    scores : ndarray of float, shape (experts, rows, nodes)
    weights : ndarray of float, shape (experts, POOLED_STEPS)

    Returns
    -------
    ndarray of float, shape (rows, nodes)
    """
    by_node = weights[:, step_of(tree)]
    found = np.zeros(scores.shape[1:], dtype=np.float64)
    for expert, factors in zip(scores, by_node, strict=True):
        found += expert * factors
    return found


def pooled_log_probability(scores: Array, weights: Floats, *, tree: CategoryTree) -> Floats:
    """Return the log-probability of every node from scores (experts, n, nodes) and weights, shape (n, nodes)."""
    return np.asarray(tree.log_probability(tree.log_conditional(pool(scores, weights, tree=tree))))

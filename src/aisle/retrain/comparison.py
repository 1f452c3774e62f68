"""Is the candidate better than the live engine? Both are asked the same products, and counted in pairs."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.engine.engine import Engine
from aisle.heads.binomial import binomial_log_cdf
from aisle.product import CategoryPath, Prediction, Product

LEVEL = 0.05
"""How often a candidate that is no better may be taken for better, and one that is no worse for worse."""

LEAST_PRODUCTS = 30
"""Fewer products to compare on tell nothing."""

Flags = NDArray[np.bool_]
_BATCH = 256


@dataclass(frozen=True)
class Pairs:
    """How two engines did on the same products.

    Attributes
    ----------
    products : int
    live, candidate : int
        How many each filed rightly: its most probable category is the product's, down to the leaf.
    gained, lost : int
        Products that only the candidate, and that only the live engine, filed rightly.
    live_wrong, candidate_wrong : int
        Answers that each gave by itself and that were wrong.
    """

    products: int
    live: int
    candidate: int
    gained: int
    lost: int
    live_wrong: int
    candidate_wrong: int

    @property
    def difference(self) -> dict[str, float]:
        """The accuracy gained, with a paired 95 % interval (Agresti & Min 2005: half a product added to each count)."""
        if not self.products:
            return {"mean": 0.0, "low": -1.0, "high": 1.0}
        total, gained, lost = self.products + 2, self.gained + 0.5, self.lost + 0.5
        middle = (gained - lost) / total
        half = 1.96 * math.sqrt(max(0.0, gained + lost - (gained - lost) ** 2 / total)) / total
        return {"mean": (self.gained - self.lost) / self.products, "low": middle - half, "high": middle + half}

    @property
    def better(self) -> float:
        """Probability of such a gain or a larger one if the candidate were no better (exact sign test)."""
        return _tail(self.lost, self.gained + self.lost)

    @property
    def worse(self) -> float:
        """The same for a loss."""
        return _tail(self.gained, self.gained + self.lost)

    def summary(self) -> dict[str, Any]:
        """Return plain values for a report."""
        return {**asdict(self), "difference": self.difference, "p_better": self.better, "p_worse": self.worse}

    def __add__(self, other: "Pairs") -> "Pairs":
        mine, theirs = asdict(self), asdict(other)
        return Pairs(**{name: mine[name] + theirs[name] for name in mine})


NOBODY = Pairs(0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate goes live, and why."""

    promote: bool
    reason: str


def compare(live: Engine, candidate: Engine, products: Sequence[Product], *, level: int | None) -> Pairs:
    """Ask both engines the same labelled products.

    Parameters
    ----------
    live, candidate : Engine
    products : sequence of Product
        With a category; neither engine should have learned from them.
    level : int or None
        The depth at which categories are cut.
    """
    if not products:
        return NOBODY
    truths = [product.category[:level] for product in products]
    (before, answered_before), (after, answered_after) = (_ask(each, products, truths) for each in (live, candidate))
    return Pairs(
        products=len(products),
        live=int(before.sum()),
        candidate=int(after.sum()),
        gained=int((after & ~before).sum()),
        lost=int((before & ~after).sum()),
        live_wrong=int(answered_before.sum()),
        candidate_wrong=int(answered_after.sum()),
    )


def judge(gold: Pairs, audited: Pairs) -> Verdict:
    """Say whether a candidate goes live: only where it is better on all, and worse nowhere.

    Parameters
    ----------
    gold : Pairs
        On the gold set.
    audited : Pairs
        On products that the engine filed by itself and that people looked at by chance.
    """
    both = gold + audited
    if both.products < LEAST_PRODUCTS:
        return Verdict(
            False,
            f"there are {both.products} products to compare on that neither engine has learned from, and at least "
            f"{LEAST_PRODUCTS} are needed; name a labelled catalogue with --gold, or wait for more audits",
        )
    for pairs, place in ((gold, "on the gold set"), (audited, "on audited products")):
        if pairs.worse < LEVEL:
            return Verdict(False, f"it is worse {place}: {pairs.lost} products lost, {pairs.gained} gained")
    wrong = both.candidate_wrong + both.live_wrong
    if both.candidate_wrong > both.live_wrong and _tail(both.live_wrong, wrong) < LEVEL:
        return Verdict(
            False,
            f"it files more products wrongly by itself: {both.candidate_wrong}, the live engine {both.live_wrong}",
        )
    if both.better < LEVEL:
        return Verdict(True, f"it is better: {both.gained} products gained, {both.lost} lost")
    return Verdict(
        False, f"it is not better beyond chance: {both.gained} products gained, {both.lost} lost of {both.products:,}"
    )


def _ask(engine: Engine, products: Sequence[Product], truths: Sequence[CategoryPath]) -> tuple[Flags, Flags]:
    """Return which products are filed rightly, and which are answered wrongly."""
    found: list[Prediction] = []
    for start in range(0, len(products), _BATCH):
        found += engine.predict(products[start : start + _BATCH], evidence=False)
    pairs = list(zip(found, truths, strict=True))
    right = np.array([each.leaf[: len(truth)] == truth for each, truth in pairs])  # a truth may end above the leaves
    wrong = np.array([_contradict(each.path, truth) for each, truth in pairs])
    return right, wrong


def _contradict(one: CategoryPath, other: CategoryPath) -> bool:
    """Tell whether two paths part; one that ends above the other says the same less exactly."""
    common = min(len(one), len(other))
    return one[:common] != other[:common]


def _tail(count: int, total: int) -> float:
    """Return the probability of at most `count` of `total` tosses of a fair coin."""
    return math.exp(binomial_log_cdf(count, total, 0.5))

"""What the cheaper tiers are worth in cross-validation: each fold's own exits, on products that it has not learned."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.heads.fit import Fit
from aisle.heads.fused import Subset
from aisle.heads.tiers import STAGES, TIERS, Tier, stage_taken
from aisle.product import CategoryPath
from aisle.train.figures import judge, rounded

Scores = NDArray[np.float32]
Floats = NDArray[np.float64]

LEVELS = ("level_1", "leaf")

Interval = Callable[[Sequence[float]], dict[str, float]]


@dataclass(frozen=True, eq=False)
class FoldTiers:
    """How right each tier was on a fold's test products.

    Attributes
    ----------
    right : dict of tier to dict of str to float
        Share of right answers by level, where every product is answered.
    stages : ndarray of float, shape (3,)
        Which share of them ``balanced`` answered at each of `aisle.heads.tiers.STAGES`.
    """

    right: dict[Tier, dict[str, float]]
    stages: Floats


def judge_tiers(
    fit: Fit, scores: Scores, terms: Scores, *, full: Floats, subset: Subset, truths: Sequence[CategoryPath]
) -> FoldTiers | None:
    """Judge the tiers on test products that have a set of fields.

    Parameters
    ----------
    fit : Fit
    scores, terms : ndarray of float32, shape (experts, n, nodes)
        Of the whole classifier, and of the one on terms alone.
    full : ndarray of float, shape (n, nodes)
        Log-probabilities of the last stage.
    subset : tuple of str
        Fields that the classifier knows.
    truths : sequence of tuple of str, n of them

    Returns
    -------
    FoldTiers or None
        None where there is no product, or no cheaper tier.
    """
    texts, cascade = fit.tiers.texts(subset), fit.tiers.cascades.get(subset)
    if not truths or not texts or cascade is None:
        return None
    tree = fit.classifier.tree
    first = judge(fit.tiers.terms.log_probability(terms, texts), truths, tree=tree)
    last = judge(full, truths, tree=tree)
    between, sure = last, np.full((2, len(truths)), np.nan)
    sure[0] = first.confidence("leaf")
    if texts != subset:
        between = judge(fit.classifier.log_probability(scores, texts), truths, tree=tree)
        sure[1] = between.confidence("leaf")
    taken = stage_taken(sure, cascade.exits, 0.0)
    right: dict[Tier, dict[str, float]] = {tier: {} for tier in TIERS}
    for level in LEVELS:
        stages = [judged.right(level) for judged in (first, between, last)]
        right["fast"][level] = float(stages[0].mean())
        right["balanced"][level] = float(np.choose(taken, stages).mean())
        right["full"][level] = float(stages[2].mean())
    return FoldTiers(right, np.bincount(taken, minlength=len(STAGES)) / len(taken))


def summarise_tiers(
    folds: Sequence[FoldTiers | None], *, interval: Interval, paired: Interval
) -> dict[str, Any] | None:
    """Bring the folds together.

    Parameters
    ----------
    folds : sequence of FoldTiers or None
    interval, paired : callable
        Turn the shares of folds, and their differences, into ``mean``, ``low`` and ``high``.

    Returns
    -------
    dict or None
        By tier: ``level_1`` and ``leaf``, ``behind`` (how much less of the whole path is right than by ``full``) and
        ``stages``. None where no fold has a cheaper tier.
    """
    known = [fold for fold in folds if fold is not None]
    if not known:
        return None
    shares: Mapping[Tier, Floats] = {
        "fast": np.eye(len(STAGES))[0],
        "balanced": np.mean([fold.stages for fold in known], axis=0),
        "full": np.eye(len(STAGES))[-1],
    }
    return {
        tier: {
            **{level: interval([fold.right[tier][level] for fold in known]) for level in LEVELS},
            "behind": paired([fold.right["full"]["leaf"] - fold.right[tier]["leaf"] for fold in known]),
            "stages": {name: rounded(float(share)) for name, share in zip(STAGES, shares[tier], strict=True)},
        }
        for tier in TIERS
    }

"""What the cheaper tiers are worth, on products that were held out while their engine learned."""

from typing import Any

import numpy as np

from aisle.heads.answers import AnswerCounts
from aisle.heads.fit import Fit
from aisle.heads.thresholds import Threshold, certify
from aisle.heads.tiers import STAGES
from aisle.train.figures import rounded, share_of


def tier_figures(fit: Fit, *, own: int, precision: float) -> dict[str, Any] | None:
    """Compare the tiers on the products that have everything.

    Parameters
    ----------
    fit : Fit
    own : int
        Only the first so many products are judged.
    precision : float
        For which it is told how many products each tier answers.

    Returns
    -------
    dict or None
        ``fields``, ``products`` and ``rows``: for each tier how many terminal categories are ``right``, which share is
        ``answered`` at the precision (None: not certified), and which share is answered at each of the ``stages``. None
        where nothing was judged or there is no cheaper tier.
    """
    subset = max(fit.cascades, key=len, default=())
    texts = fit.tiers.texts(subset)
    if not texts:
        return None
    found = fit.cascades[subset]
    mine = np.flatnonzero(fit.rows[found.rows] < own)
    if not mine.size:
        return None
    count = len(mine)
    early = np.bincount(found.stages[mine], minlength=len(STAGES)) / count
    everything = found.right[-1], fit.classifier.pools[subset].counts, np.eye(len(STAGES))[-1]
    tiers = {
        "fast": (found.right[0], fit.tiers.terms.pools[texts].counts, np.eye(len(STAGES))[0]),
        "balanced": (found.right_in_the_end, found.cascade.counts, early),
        "full": everything,
    }
    rows = [
        {
            "tier": tier,
            "right": share_of(right[mine].tolist()),
            "answered": _coverage(counts, precision),
            "stages": {stage: rounded(float(share)) for stage, share in zip(STAGES, shares, strict=True)},
        }
        for tier, (right, counts, shares) in tiers.items()
    ]
    return {"fields": list(subset), "products": count, "rows": rows}


def _coverage(counts: AnswerCounts | None, precision: float) -> float | None:
    rule = None if counts is None else certify(counts, precision=precision)
    return rounded(rule.coverage) if isinstance(rule, Threshold) else None

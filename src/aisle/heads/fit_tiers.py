"""Learning a cascade: from which confidence on the cheap experts may answer for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.heads.answers import GRID
from aisle.heads.thresholds import LEAST_CONFIDENCE
from aisle.heads.tiers import NEVER, Cascade, count_cascade, leaf_confidence, stage_taken
from aisle.heads.tree import CategoryTree, chain_confidence

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]

LOSS = 0.0025
"""Right answers that each of the two early stages may cost, as a share of all products; one standard error included.

That error is never below one product, so with fewer than 400 held-out ones no stage answers for a later one.
"""


@dataclass(frozen=True, eq=False)
class FittedCascade:
    """A cascade, and what it did with products that it was not chosen on.

    Attributes
    ----------
    cascade : Cascade
        Chosen on all held-out products.
    rows : ndarray of int, shape (k,)
        The products that were judged.
    stages : ndarray of int, shape (k,)
        At which stage each was answered, by exits chosen without it; an index into `aisle.heads.tiers.STAGES`.
    right : ndarray of bool, shape (3, k)
        Whether the most probable terminal category of each stage is right; False where there is no such stage.
    """

    cascade: Cascade
    rows: Ids
    stages: Ids
    right: Mask

    @property
    def right_in_the_end(self) -> Mask:
        """Whether each product's most probable terminal category was right at the stage that answered."""
        return np.asarray(np.take_along_axis(self.right, self.stages[None], axis=0)[0])


def fit_cascade(
    held_out: Sequence[Array | None], terminals: Ids, *, tree: CategoryTree, folds: Sequence[Ids], groups: Ids
) -> FittedCascade | None:
    """Choose the exits of one set of fields, on held-out answers.

    Parameters
    ----------
    held_out : sequence of ndarray of float32, shape (m, nodes), or None
        Log-probabilities of the three stages; NaN for products that were not judged, None where there is no such stage.
        Of the last there always are.
    terminals, groups : ndarray of int, shape (m,)
        Where each product belongs; near-duplicates share a number.
    tree : CategoryTree
    folds : sequence of ndarray of int
        Exits that are judged on a fold are chosen on the others.

    Returns
    -------
    FittedCascade or None
        None where no product was judged at every stage.
    """
    known = [logs for logs in held_out if logs is not None]
    rows = np.flatnonzero(~np.any([np.isnan(logs[:, 0]) for logs in known], axis=0))
    if not rows.size:
        return None
    shape = (3, len(rows), tree.chains.shape[1])
    confidence, right = np.full(shape, np.nan), np.zeros(shape, dtype=np.bool_)
    for stage, logs in enumerate(held_out):
        if logs is not None:
            confidence[stage], right[stage] = chain_confidence(
                logs[rows].astype(np.float64), terminals[rows], tree=tree
            )
    sure = np.stack([leaf_confidence(part) for part in confidence[:2]])
    last = np.maximum((~np.isnan(confidence)).sum(axis=2) - 1, 0)
    hits = np.take_along_axis(right, last[:, :, None], axis=2)[:, :, 0]
    exits = np.full((2, len(rows)), NEVER)
    for fold in folds:
        mine = np.isin(rows, fold)
        if mine.any() and not mine.all():
            exits[:, mine] = _choose_exits(sure[:, ~mine], hits[:, ~mine])[:, None]
    single = np.unique(groups[rows], return_index=True)[1]
    counts = count_cascade(confidence[:, single], right[:, single], exits[:, single])
    return FittedCascade(Cascade(_choose_exits(sure, hits), counts), rows, stage_taken(sure, exits, 0.0), hits)


def _choose_exits(sure: Floats, hits: Mask) -> Floats:
    """Return the lowest confidences from which the terms, and then the texts, lose next to nothing."""
    exits = np.full(2, NEVER)
    waiting = np.ones(sure.shape[1], dtype=np.bool_)
    for stage in (0, 1):
        exits[stage] = _choose_exit(
            sure[stage, waiting], hits[2, waiting], hits[stage, waiting], most=LOSS * sure.shape[1]
        )
        waiting &= ~(sure[stage] >= exits[stage])
    return exits


def _choose_exit(sure: Floats, right_later: Mask, right_now: Mask, *, most: float) -> float:
    """Go down from the surest answers until, give or take a standard error, more than `most` right ones are lost."""
    chosen = NEVER
    for threshold in GRID[GRID >= LEAST_CONFIDENCE][::-1].tolist():
        out = sure >= threshold
        lost = np.count_nonzero(right_later[out] & ~right_now[out])
        won = np.count_nonzero(right_now[out] & ~right_later[out])
        if lost - won + np.sqrt(lost + won + 1) > most:
            break
        chosen = threshold if out.any() else NEVER
    return chosen

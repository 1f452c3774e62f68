"""What an engine is worth, from products that were held out while it learned: no further training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.engine.fields import TEXT_FIELDS
from aisle.heads.answers import AnswerCounts, answer_depths
from aisle.heads.conformal import fit_conformal
from aisle.heads.fit import Fit
from aisle.heads.fused import POOLED_STEPS, Subset, pooled_log_probability
from aisle.heads.pool import fit_pool
from aisle.heads.thresholds import NotCertified, Threshold, certify
from aisle.heads.tree import CategoryTree
from aisle.product import CategoryPath
from aisle.train.figures import Judged, figures, judge, rate, rounded, share_of
from aisle.train.tier_figures import tier_figures
from aisle.train.training import Trained

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

PRECISIONS = (0.90, 0.95, 0.98, 0.99)
"""For which a threshold is looked up."""
SET_SHARES = (0.90, 0.95)
"""How often a set of categories shall hold the true one."""


def held_out_evaluation(trained: Trained, *, own: int | None = None) -> dict[str, Any]:
    """Evaluate what was learned on products that its experts and weights had not seen.

    Parameters
    ----------
    trained : Trained
    own : int, optional
        Only the first so many products are judged: those of the catalogue itself, where others joined the training.

    Returns
    -------
    dict
        ``precision`` asked, ``fields``, ``subsets`` (each with ``fields``, ``figures``, ``certified``, ``sets``),
        ``controls``, ``tiers``, ``leaves``. Plain data, rounded.
    """
    fit = trained.fit
    own = len(trained.products) if own is None else own
    asked = trained.knowledge.precision
    found: dict[str, Any] = {"precision": asked, "fields": list(fit.classifier.fields), "products": own, "subsets": []}
    alone = _calibrated_experts(fit)
    for subset in fit.held_out:
        rows = _own(fit, subset, own)
        if rows.size:
            found["subsets"].append(
                _evaluate_subset(trained, subset, rows, before=_naive(fit, alone, subset, rows), asked=asked)
            )
    found["controls"] = _controls(fit, own)
    found["tiers"] = tier_figures(fit, own=own, precision=asked)
    found["leaves"] = _leaves(fit, own)
    return found


def _evaluate_subset(trained: Trained, subset: Subset, rows: Ids, *, before: Floats, asked: float) -> dict[str, Any]:
    fit, tree = trained.fit, trained.fit.classifier.tree
    logs = fit.logs(subset, rows)
    truths = paths_of(tree, fit.terminals[rows])
    found: dict[str, Any] = {"fields": list(subset), "figures": figures(logs, truths, tree=tree, before=before)}
    counts = fit.classifier.pools[subset].counts
    if counts is not None:
        found["certified"] = [certified(counts, precision=precision) for precision in precisions_with(asked)]
        rule = certify(counts, precision=asked)
        add_coverage(found["figures"]["categories"], judge(logs, truths, tree=tree), rule)
    single = rows[np.unique(trained.groups[rows], return_index=True)[1]]
    found["sets"] = conformal_sets(fit.logs(subset, single), paths_of(tree, fit.terminals[single]), tree=tree)
    return found


def precisions_with(asked: float) -> list[float]:
    """Return the precisions that are told of, the asked one among them."""
    return sorted({*PRECISIONS, asked})


def paths_of(tree: CategoryTree, terminals: Ids) -> list[CategoryPath]:
    """Return the path of each terminal node."""
    return [tree.paths[node] for node in terminals.tolist()]


def certified(counts: AnswerCounts, *, precision: float) -> dict[str, Any]:
    """Return from which confidence on answers have a precision, and how many there are then; or why none has."""
    rule = certify(counts, precision=precision)
    if isinstance(rule, NotCertified):
        return {"precision": precision, "threshold": None, "reason": rule.reason, "best": rule.best}
    place = int(np.searchsorted(counts.thresholds, rule.threshold))
    return {
        "precision": precision,
        "threshold": rule.threshold,
        "coverage": rounded(rule.coverage),
        "answered": rule.answered,
        "wrong": rule.wrong,
        "items": rule.items,
        "lower": rounded(rule.lower),
        "by_depth": counts.by_depth[place].tolist(),
    }


def add_coverage(categories: list[dict[str, Any]], judged: Judged, rule: Threshold | NotCertified) -> None:
    """Say of each top category how many of its products are answered at the asked precision, and how many wrongly."""
    if isinstance(rule, NotCertified):
        for row in categories:
            row["coverage"] = row["wrong"] = None
        return
    confidence, right = judged.chains()
    steps = answer_depths(confidence, rule.threshold)
    top = np.array([truth[0] for truth in judged.truths], dtype=object)
    for row in categories:
        mine = np.flatnonzero(np.asarray(top == row["category"][0]) & (steps >= 0))
        row["coverage"] = rounded(len(mine) / row["support"])
        row["wrong"] = int(np.count_nonzero(~right[mine, steps[mine]]))


def conformal_sets(
    log_probability: Floats, truths: Sequence[CategoryPath], *, tree: CategoryTree
) -> list[dict[str, Any]]:
    """Fit sets of categories to one half of the products and judge them on the other, both ways round.

    Parameters
    ----------
    log_probability : ndarray of float, shape (n, nodes)
        Of independent products: of near-duplicates one.
    truths : sequence of tuple of str
    tree : CategoryTree
    """
    if len(truths) < 4:
        return []
    judged = judge(log_probability, truths, tree=tree)
    halves = np.random.default_rng(0).permutation(len(truths)) % 2
    found = []
    for level in ("level_1", "leaf") if int(tree.depths.max()) > 1 else ("level_1",):
        shares, labels = judged.probabilities(level)
        for share in SET_SHARES:
            for class_wise in (False, True):
                sizes: list[int] = []
                inside: list[bool] = []
                own: list[int] = []
                for part in (0, 1):
                    fitted, new = np.flatnonzero(halves != part), np.flatnonzero(halves == part)
                    rule = fit_conformal(shares[fitted], labels[fitted], alpha=1 - share, class_wise=class_wise)
                    sets = rule.sets(shares[new])[:, :-1]  # the last class stands for unknown ones
                    padded = np.append(sets, np.zeros((len(sets), 1), dtype=np.bool_), axis=1)
                    sizes.extend(sets.sum(axis=1).tolist())
                    inside.extend(padded[np.arange(len(new)), labels[new]].tolist())
                    own.append(int(rule.own[:-1].sum()))
                found.append(
                    {
                        "level": level,
                        "asked": share,
                        "class_wise": class_wise,
                        "mean_size": rounded(float(np.mean(sizes))),
                        "classes": shares.shape[1] - 1,
                        "classes_of_their_own": min(own),
                        "coverage": share_of(inside),
                    }
                )
    return found


def _calibrated_experts(fit: Fit) -> Floats:
    """Return weights that make each expert's scores its own probabilities, shape (experts, POOLED_STEPS)."""
    found = np.zeros((len(fit.scores), POOLED_STEPS))
    for place in range(len(fit.scores)):
        rows = np.flatnonzero(~np.isnan(fit.scores[place, :, 0]))
        if rows.size:
            scores = fit.scores[place : place + 1, rows]
            found[place] = fit_pool(scores, fit.terminals[fit.rows[rows]], tree=fit.classifier.tree)[0]
    return found


def _naive(fit: Fit, alone: Floats, subset: Subset, rows: Ids) -> Floats:
    """Return the plain product of the experts' own probabilities: what weights are there to mend."""
    members = fit.classifier.members(subset)
    held_out = fit.scores[members][:, np.searchsorted(fit.rows, rows)]
    return pooled_log_probability(held_out, alone[members], tree=fit.classifier.tree)


def _own(fit: Fit, subset: Subset, own: int) -> Ids:
    """Return the catalogue's own products that have these fields and were held out."""
    rows = fit.judged(subset)
    return rows[rows < own]


def _controls(fit: Fit, own: int) -> dict[str, Any] | None:
    """Set text alone and photo alone beside everything, on the products that have everything."""
    everything = max(fit.held_out, key=len, default=())
    text = tuple(name for name in everything if name in TEXT_FIELDS)
    wanted = {"everything": everything, "text alone": text, "photo alone": ("photo",)}
    if not text or "photo" not in everything or any(subset not in fit.held_out for subset in wanted.values()):
        return None
    rows = _own(fit, everything, own)
    if not rows.size:
        return None
    tree = fit.classifier.tree
    truths = paths_of(tree, fit.terminals[rows])
    rows_of, right = [], {}
    for name, subset in wanted.items():
        judged = judge(fit.logs(subset, rows), truths, tree=tree)
        right[name] = judged.right("level_1")
        rows_of.append(
            {
                "name": name,
                "fields": list(subset),
                "level_1": share_of(right[name]),
                "leaf": share_of(judged.right("leaf")),
            }
        )
    both, words = right["everything"], right["text alone"]
    paired = {"photo_helps": int((both & ~words).sum()), "photo_harms": int((words & ~both).sum())}
    return {"products": len(rows), "rows": rows_of, "paired": paired}


def _leaves(fit: Fit, own: int) -> list[dict[str, Any]]:
    """Return how many products of each terminal category are answered rightly with everything they have."""
    tree = fit.classifier.tree
    if int(tree.depths.max()) < 2:
        return []
    best = np.full(own, -1, dtype=np.int64)
    for subset in sorted(fit.held_out, key=len):  # the largest set of fields that a product has comes last
        rows = _own(fit, subset, own)
        best[rows] = tree.most_probable(fit.logs(subset, rows))
    judged = np.flatnonzero(best >= 0)
    found = []
    for node in tree.terminals.tolist():
        mine = judged[fit.terminals[judged] == node]
        if mine.size:
            right = rate(int((best[mine] == node).sum()), len(mine))
            found.append({"category": list(tree.paths[node]), **right})
    return sorted(found, key=lambda row: (-row["of"], row["category"]))

"""The figures of many folds as one: means with intervals that know that folds share training rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aisle.heads.intervals import cross_validation_interval, paired_interval
from aisle.heads.reliability import brier_score, expected_calibration_error, negative_log_likelihood
from aisle.heads.tree import CategoryTree
from aisle.product import CategoryPath
from aisle.train.figures import CONFIDENT_SHARE, flat_figures, judge, levels_of, most_confident, rounded
from aisle.train.fold_tiers import FoldTiers, summarise_tiers

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]
Support = tuple[Mapping[CategoryPath, int], Mapping[CategoryPath, int]]

_RESAMPLES = 200


@dataclass(frozen=True, eq=False)
class FoldRows:
    """What one fold's engine made of its test products.

    Attributes
    ----------
    figures : dict of str to float
        Of this fold alone; empty where no product was tested.
    truths : tuple of tuple of str, n of them
        The category of each.
    confidence, right : dict of str to ndarray, shape (n,)
        By level: how sure each answer is, and whether it is right.
    promises : dict of float to (int, int) or None
        Precision to how many products were answered, and how many of them rightly; None where not certified.
    tiers : FoldTiers or None
        What cheaper answers were worth; None where there are none.
    """

    figures: dict[str, float]
    truths: tuple[CategoryPath, ...]
    confidence: dict[str, Floats]
    right: dict[str, Truths]
    promises: dict[float, tuple[int, int] | None]
    tiers: FoldTiers | None = None

    @classmethod
    def of(
        cls,
        log_probability: Floats,
        truths: tuple[CategoryPath, ...],
        *,
        tree: CategoryTree,
        promises: dict[float, tuple[int, int] | None],
        tiers: FoldTiers | None = None,
    ) -> Self:
        """Judge predictions (n, nodes)."""
        if not truths:
            return cls({}, (), {}, {}, promises)
        judged = judge(log_probability, truths, tree=tree)
        right = {level: judged.right(level) for level in levels_of(tree)}
        confidence = {level: judged.confidence(level) for level in ("level_1", "leaf")}
        flat = flat_figures(judged)
        shares, labels = judged.probabilities("level_1")
        found = {level: float(values.mean()) for level, values in right.items()}
        found |= {
            "top_3": flat["top_3"]["level_1"],
            "macro_f1": flat["macro_f1"]["level_1"],
            "hierarchical_f1": flat["hierarchical"]["f1"],
            "brier": brier_score(shares, labels),
            "nll": negative_log_likelihood(shares, labels),
        }
        return cls(found, truths, confidence, right, promises, tiers)


def summarise(
    folds_found: Sequence[Mapping[tuple[str, ...], FoldRows]],
    *,
    subsets: Sequence[tuple[str, ...]],
    folds: int,
    support: Support,
    least: int,
) -> list[dict[str, Any]]:
    """Bring the folds of all repeats together, a row for each set of fields.

    Parameters
    ----------
    folds_found : sequence of mapping
        One entry per fold, repeat after repeat.
    subsets : sequence of tuple of str
    folds : int
        Folds per repeat.
    support : (mapping, mapping)
        Products of each top category, and of each whole path.
    least : int
        Products that a category needs to count in the accuracy over supported categories.
    """
    found = []
    for subset in subsets:
        rows = [fold[subset] for fold in folds_found]
        tested = [fold for fold in rows if fold.truths]
        if not tested:
            continue
        shares = {
            name: _interval([fold.figures[name] for fold in tested if name in fold.figures], folds, share=name != "nll")
            for name in tested[0].figures
        }
        for level, sizes in zip(("level_1", "leaf"), support, strict=True):
            if kept := _supported(tested, sizes, level=level, least=least):
                shares[f"{level}_supported"] = _interval(kept, folds)
        repeats = [_join(rows[start : start + folds]) for start in range(0, len(rows), folds)]
        found.append(
            {
                "fields": list(subset),
                "products": sum(len(fold.truths) for fold in rows[:folds]),
                "figures": shares,
                "ece": _calibration_error([repeat for repeat in repeats if repeat is not None]),
                "most_confident": _most_confident([repeat for repeat in repeats if repeat is not None]),
                "tiers": summarise_tiers(
                    [fold.tiers for fold in tested],
                    interval=partial(_interval, folds=folds),
                    paired=partial(_interval, folds=folds, share=False),
                ),
                "certified": [_kept_promise(tested, precision, folds) for precision in tested[0].promises],
            }
        )
    return found


def _interval(scores: Sequence[float], folds: int, *, share: bool = True) -> dict[str, float]:
    found = (cross_validation_interval if share else paired_interval)(scores, folds=max(folds, 2))
    return {"mean": rounded(found.mean), "low": rounded(found.low), "high": rounded(found.high)}


def _supported(folds: Sequence[FoldRows], sizes: Mapping[CategoryPath, int], *, level: str, least: int) -> list[float]:
    """Return the accuracy of each fold over products of categories that are large enough; none if all are."""
    if min(sizes.values()) >= least:
        return []
    depth = 1 if level == "level_1" else None
    found = []
    for fold in folds:
        large = np.array([sizes[truth[:depth]] >= least for truth in fold.truths], dtype=np.bool_)
        if large.any():
            found.append(float(fold.right[level][large].mean()))
    return found


def _join(folds: Sequence[FoldRows]) -> tuple[Floats, Truths] | None:
    """Return the confidence of all answers of one repeat at the top, and whether they are right."""
    tested = [fold for fold in folds if fold.truths]
    if not tested:
        return None
    confidence = np.concatenate([fold.confidence["level_1"] for fold in tested])
    return np.clip(confidence, 0.0, 1.0), np.concatenate([fold.right["level_1"] for fold in tested])


def _calibration_error(repeats: Sequence[tuple[Floats, Truths]]) -> dict[str, float]:
    """Return the calibration error of each repeat's answers, and the ends of its interval, as means over repeats."""
    errors = [expected_calibration_error(*repeat, resamples=_RESAMPLES) for repeat in repeats]
    ends = {"mean": "value", "low": "low", "high": "high"}
    return {name: rounded(float(np.mean([getattr(error, end) for error in errors]))) for name, end in ends.items()}


def _most_confident(repeats: Sequence[tuple[Floats, Truths]]) -> dict[str, float]:
    """Return the accuracy among the most confident part of each repeat: mean, least and greatest over repeats."""
    shares = [most_confident(*repeat)["share"] for repeat in repeats]
    return {
        "part": CONFIDENT_SHARE,
        "mean": rounded(float(np.mean(shares))),
        "least": rounded(min(shares)),
        "greatest": rounded(max(shares)),
    }


def _kept_promise(folds: Sequence[FoldRows], precision: float, per_repeat: int) -> dict[str, Any]:
    """Say what test products made of a certified precision: how precise answers were, and how many were given."""
    certain = [fold.promises[precision] for fold in folds]
    counts = [count for count in certain if count is not None]
    answered, right = sum(count[0] for count in counts), sum(count[1] for count in counts)
    shares = [0.0 if count is None else count[0] / len(fold.truths) for fold, count in zip(folds, certain, strict=True)]
    given = [count[1] / count[0] for count in counts if count[0]]
    return {
        "asked": precision,
        "folds": len(folds),
        "folds_certified": len(counts),
        "coverage": _interval(shares, per_repeat),
        "precision": _interval(given, per_repeat) if given else None,
        "folds_below": sum(share < precision for share in given),
        "answered": answered,
        "right": right,
    }

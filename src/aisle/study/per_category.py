"""The best clustering of each category, text or photo: the bound that the original study quoted as 85 %."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.heads.intervals import wilson_interval
from aisle.study.features import row_title
from aisle.study.subject import Subject

Row = dict[str, Any]


def best_per_category(subject: Subject, recalls: Sequence[tuple[Row, NDArray[np.float64]]]) -> dict[str, Any] | None:
    """Let each category be recognised by the text or photo clustering that recognises it best.

    An oracle: what to trust is picked with the labels. It says what clusters could reach if something knew which of
    them to ask, not what anything reaches. The recall of a category is the mean over all seeds, so that no lucky seed
    is picked as well.

    Parameters
    ----------
    subject : Subject
        The products and their categories.
    recalls : sequence of (dict, ndarray of float, shape (categories,))
        The row of each feature set, and how much of each category lies in the cluster matched with it; not-a-number
        where a category was not clustered.

    Returns
    -------
    dict or None
        ``accuracy`` with its Wilson interval ``low`` and ``high``, ``products`` of ``of``, and ``categories``: each
        with ``category``, ``modality``, ``text_recall``, ``photo_recall`` (of the best set of that modality), the
        ``text`` and ``photo`` sets, ``correct`` and ``size``. A modality in which a category was not clustered is
        None there. None unless both modalities were scored.
    """
    by_modality = {
        modality: [pair for pair in recalls if pair[0]["modality"] == modality] for modality in ("text", "photo")
    }
    if not by_modality["text"] or not by_modality["photo"]:
        return None
    sizes = np.bincount(subject.labels, minlength=len(subject.categories))
    rows: list[Row] = []
    right = 0.0
    for place, category in enumerate(subject.categories):
        best = {modality: _best(pairs, place) for modality, pairs in by_modality.items()}
        shares = {modality: share for modality, (_, share) in best.items() if share is not None}
        winner = max(shares, key=lambda modality: shares[modality], default=None)
        correct = shares[winner] * int(sizes[place]) if winner else 0.0
        right += correct
        rows.append(
            {
                "category": category,
                "modality": winner,
                "text_recall": best["text"][1],
                "photo_recall": best["photo"][1],
                "text": best["text"][0],
                "photo": best["photo"][0],
                "correct": round(correct, 1),
                "size": int(sizes[place]),
            }
        )
    total = int(sizes.sum())
    interval = wilson_interval(round(right), total)
    return {
        "accuracy": right / total,
        "low": interval.low,
        "high": interval.high,
        "products": round(right),
        "of": total,
        "categories": rows,
    }


def _best(pairs: Sequence[tuple[Row, NDArray[np.float64]]], place: int) -> tuple[str | None, float | None]:
    """Return which set recognises a category best, and how much of it."""
    known = [(row, float(recalls[place])) for row, recalls in pairs if not np.isnan(recalls[place])]
    if not known:
        return None, None
    row, share = max(known, key=lambda pair: pair[1])
    return row_title(row), share

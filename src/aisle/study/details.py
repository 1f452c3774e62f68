"""What the report and the table of embeddings show of single products: maps, confusions, mistakes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.settings import Settings
from aisle.study.clustering import count_pairs, name_clusters
from aisle.study.comparison import Comparison, Scored
from aisle.study.projection import project
from aisle.study.subject import Subject

Labels = NDArray[np.int64]
Places = dict[str, NDArray[np.float32]]

MODALITIES = ("text", "photo", "fused")

_EXAMPLES = 4
_CONFUSED_PAIRS = 12


def place_products(found: Comparison, *, settings: Settings) -> Places:
    """Map the products by the best set of each modality, and by the best fusion; shape (n, 2) each."""
    return {
        name: project(scored.task.matrix, scored.embedding.present, settings=settings)
        for name, scored in _shown(found).items()
    }


def collect_details(
    subject: Subject,
    found: Comparison,
    places: Places,
    *,
    predicted: Labels,
    features: str,
    settings: Settings,
) -> dict[str, Any]:
    """Collect what the figures of the report are drawn from.

    Parameters
    ----------
    subject : Subject
        The products.
    found : Comparison
        The feature sets.
    places : dict of str to ndarray
        From `place_products`.
    predicted : ndarray of int, shape (n,)
        What a classifier says of each product when it has not seen it.
    features : str
        What that classifier reads.
    settings : Settings
        Cache and cores.
    """
    categories = list(subject.categories)
    shape = (len(categories), len(categories))
    maps, confusions = [], []
    for name, scored in _shown(found).items():
        clusters = name_clusters(scored.task, seed=scored.scores.median_seed, settings=settings)
        maps.append(
            {
                "title": scored.title,
                "points": [None if np.isnan(x) else [round(float(x), 3), round(float(y), 3)] for x, y in places[name]],
                "clusters": [None if cluster < 0 else int(cluster) for cluster in clusters],
                "cluster_names": categories,
            }
        )
        known = clusters >= 0
        counts = count_pairs(subject.labels[known], clusters[known], shape=shape)
        confusions.append(
            _confusion(scored.title, categories, counts, kind="clusters", chosen="the seed with the median ARI")
        )
    counts = count_pairs(subject.labels, predicted, shape=shape)
    confusions.append(
        _confusion(f"Classifier, {features}", categories, counts, kind="predictions", chosen="out of fold")
    )
    return {
        "categories": categories,
        "products": [
            {"id": p.id, "title": p.title, "category": int(label), "photo": _path(p.photo)}
            for p, label in zip(subject.products, subject.labels, strict=True)
        ],
        "maps": maps,
        "confusions": confusions,
        "mistakes": _mistakes(subject, predicted, counts),
    }


def tabulate_embeddings(subject: Subject, found: Comparison, places: Places) -> dict[str, Any]:
    """Collect the columns of ``embeddings.parquet``: one row per product."""
    table: dict[str, Any] = {
        "id": [product.id for product in subject.products],
        "title": [product.title for product in subject.products],
        "category": [subject.categories[label] for label in subject.labels],
    }
    main = next(name for name in ("fused", "text", "photo") if name in places)
    for name, points in places.items():
        prefix = "" if name == main else f"{name}_"
        table[f"{prefix}x"], table[f"{prefix}y"] = points[:, 0], points[:, 1]
    for name, scored in found.plain.items():
        table[f"{name}_embedding"] = scored.embedding.matrix
    return table


def _shown(found: Comparison) -> Mapping[str, Scored]:
    return {name: found.best[name] for name in MODALITIES if name in found.best}


def _path(photo: Path | bytes | None) -> str | None:
    return str(photo) if isinstance(photo, Path) else None


def _confusion(title: str, names: Sequence[str], counts: Labels, *, kind: str, chosen: str) -> dict[str, Any]:
    return {
        "title": title,
        "kind": kind,
        "clusters": list(names),
        "counts": counts.tolist(),
        "accuracy": float(np.trace(counts) / max(counts.sum(), 1)),
        "chosen": chosen,
    }


def _mistakes(subject: Subject, predicted: Labels, counts: Labels) -> list[dict[str, Any]]:
    """List what is confused with what, most often first, with products to look at."""
    wrong = counts - np.diag(np.diag(counts))
    pairs = sorted(np.argwhere(wrong).tolist(), key=lambda pair: (-wrong[tuple(pair)], pair))[:_CONFUSED_PAIRS]
    return [
        {
            "true": subject.categories[true],
            "predicted": subject.categories[guess],
            "count": int(wrong[true, guess]),
            "examples": [
                {"product": int(place)}
                for place in np.flatnonzero((subject.labels == true) & (predicted == guess))[:_EXAMPLES]
            ],
        }
        for true, guess in pairs
    ]

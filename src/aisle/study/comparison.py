"""Every feature set scored, text and photo fused, and the sets that the rest of a study builds on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.encode import Embedding, EncoderSpec
from aisle.errors import PhotoError
from aisle.progress import bar
from aisle.settings import Settings
from aisle.study.clustering import MEASURES, ClusterTask, SeedScores, score_seeds
from aisle.study.features import (
    NOT_USABLE,
    PLAIN_PHOTO,
    PLAIN_TEXT,
    TITLE,
    TOO_FEW,
    FeatureSet,
    compute_features,
    count_variants,
    row_title,
)
from aisle.study.fusion import concatenate, diffuse
from aisle.study.subject import MIN_CATEGORY, MIN_PRODUCTS, Subject

Row = dict[str, Any]
Presence = NDArray[np.bool_]

_PREFERRED = {"text": ("minilm", "use", "bert"), "photo": ("efficientnet-lite0-max", "resnet50-max", "vgg16")}
_FUSIONS: tuple[tuple[str, str, bool, Callable[..., NDArray[np.float32]]], ...] = (
    ("concatenation", "Scaled concatenation", False, concatenate),
    ("concatenation", "Scaled concatenation", True, concatenate),
    ("diffusion", "Diffusion over shared neighbours", False, diffuse),
)


@dataclass(frozen=True)
class Scored:
    """A feature set with its row of the summary."""

    row: Row
    task: ClusterTask
    embedding: Embedding
    scores: SeedScores
    rank: int = 0

    @property
    def title(self) -> str:
        """Name it for a reader."""
        return row_title(self.row)

    @property
    def left_out(self) -> list[int]:
        """Categories too few products of which have the modality."""
        return np.flatnonzero(np.isnan(self.scores.recalls)).tolist()


@dataclass
class Comparison:
    """What came of comparing the feature sets.

    Attributes
    ----------
    rows : list of dict
        One per feature set, with and without PCA, and one per encoder that could not be opened.
    fused : list of dict
        One per fusion.
    best : dict of str to Scored
        ``"text"`` and ``"photo"``: the set with the highest mean ARI; ``"fused"``: the same among fusions.
    plain : dict of str to Scored
        ``"text"`` and ``"photo"``: the raw set of the preferred encoder, chosen before any score is known.
    recalls : list of (dict, ndarray)
        Every scored row, with the mean recall of each category.
    problems : dict of int to PhotoError
        Photos that could not be decoded, by position.
    """

    rows: list[Row] = field(default_factory=list)
    fused: list[Row] = field(default_factory=list)
    best: dict[str, Scored] = field(default_factory=dict)
    plain: dict[str, Scored] = field(default_factory=dict)
    recalls: list[tuple[Row, NDArray[np.float64]]] = field(default_factory=list)
    problems: dict[int, PhotoError] = field(default_factory=dict)


def compare_features(subject: Subject, specs: Sequence[EncoderSpec], *, seeds: int, settings: Settings) -> Comparison:
    """Score every encoder in every variant, then the fusions of text and photo.

    Parameters
    ----------
    subject : Subject
        The products.
    specs : sequence of EncoderSpec
        The encoders.
    seeds : int
        k-means seeds per set.
    settings : Settings
        Cache and cores.
    """
    found = Comparison()
    total = sum(count_variants(subject, spec) for spec in specs)
    with bar(label="comparing features", total=total, unit="set") as progress:
        for features in compute_features(subject, specs, settings=settings):
            progress.set_postfix_str(f"{features.spec.name}, {features.variant}")
            if features.embedding is None:
                found.rows.append(_blank(features, features.status, features.reason))
                progress.update(count_variants(subject, features.spec))
                continue
            _add(found, features, features.embedding, subject=subject, seeds=seeds, settings=settings)
            progress.update()
    if {"text", "photo"} <= found.plain.keys():
        _fuse(found, subject, seeds=seeds, settings=settings)
    return found


def choose_rows(present: Presence, labels: NDArray[np.int64]) -> Presence:
    """Choose the rows that can be clustered, by the rule that chooses the products of a study.

    Only categories of which enough products have the modality count: with a row or two of each, every row would be a
    cluster of its own, and the agreement perfect.
    """
    sizes = np.bincount(labels[present], minlength=int(labels.max()) + 1)
    return np.asarray(present & (sizes >= MIN_CATEGORY)[labels], dtype=np.bool_)


def _add(
    found: Comparison,
    features: FeatureSet,
    embedding: Embedding,
    *,
    subject: Subject,
    seeds: int,
    settings: Settings,
) -> None:
    """Score one feature set with and without PCA."""
    modality = features.spec.modality
    found.problems.update(embedding.problems)
    rows = choose_rows(embedding.present, subject.labels)
    if (reason := _explain_unscored(embedding, rows, subject.labels)) is not None:
        found.rows.append(_blank(features, *reason))
        return
    for pca in (False, True):
        task = ClusterTask(embedding.matrix, rows, subject.labels, pca)
        scores = score_seeds(task, seeds=seeds, settings=settings)
        row = {
            "name": features.spec.name,
            "title": features.spec.title,
            "modality": modality,
            "variant": features.variant,
            "pca": pca,
            **scores.summary,
            "products": int(rows.sum()),
            "encode_seconds": round(embedding.seconds, 3),
            "status": "ok",
        }
        found.rows.append(row)
        found.recalls.append((row, scores.recalls))
        scored = Scored(row, task, embedding, scores, _rank(features))
        if modality not in found.best or row["ari_mean"] > found.best[modality].row["ari_mean"]:
            found.best[modality] = scored
        plain = found.plain.get(modality)
        if not pca and (plain is None or scored.rank < plain.rank):
            found.plain[modality] = scored


def _explain_unscored(embedding: Embedding, rows: Presence, labels: NDArray[np.int64]) -> tuple[str, str] | None:
    """Say why a feature set is not clustered, as status and reason; None if it is."""
    if rows.sum() < MIN_PRODUCTS or len(np.unique(labels[rows])) < 2:
        number = int(embedding.present.sum())
        return TOO_FEW, (
            f"{number or 'no'} product{'' if number == 1 else 's'} {'has' if number == 1 else 'have'} what it reads; "
            f"two categories with {MIN_CATEGORY} each, and {MIN_PRODUCTS} in all, are needed"
        )
    if broken := int((~np.isfinite(embedding.matrix[embedding.present])).any(axis=1).sum()):
        return NOT_USABLE, f"its output for {broken} products holds numbers that are not finite"
    return None


def _fuse(found: Comparison, subject: Subject, *, seeds: int, settings: Settings) -> None:
    """Score the fusions of the preferred text and photo encoders."""
    parts = [found.plain["text"], found.plain["photo"]]
    views = [part.embedding.matrix for part in parts]
    presence = [part.embedding.present for part in parts]
    everyone = np.logical_or.reduce(presence)
    rows = choose_rows(everyone, subject.labels)
    for name, title, pca, fuse in _FUSIONS:
        task = ClusterTask(fuse(views, presence=presence), rows, subject.labels, pca)
        scores = score_seeds(task, seeds=seeds, settings=settings)
        row = {
            "name": name,
            "title": title,
            "modality": "fused",
            "variant": " + ".join(part.row["name"] for part in parts),
            "views": [f"{part.row['name']} {part.row['variant']}" for part in parts],
            "pca": pca,
            **scores.summary,
            "products": int(rows.sum()),
            "encode_seconds": round(sum(part.embedding.seconds for part in parts), 3),
            "status": "ok",
        }
        found.fused.append(row)
        embedding = Embedding(matrix=task.matrix, present=everyone, seconds=row["encode_seconds"])
        if "fused" not in found.best or row["ari_mean"] > found.best["fused"].row["ari_mean"]:
            found.best["fused"] = Scored(row, task, embedding, scores)


def _rank(features: FeatureSet) -> int:
    """Say how much a set is preferred where one set per modality is built on; less is more.

    Somebody's own encoder first, then the preferred ones in their order, then the rest; whole raw texts before titles.
    """
    spec = features.spec
    preferred = _PREFERRED[spec.modality]
    encoder = preferred.index(spec.name) + 1 if spec.name in preferred else len(preferred) + 1
    variants = {PLAIN_TEXT: 0, PLAIN_PHOTO: 0, f"{TITLE}, raw": 1}
    return (0 if spec.folder is not None else encoder) * 10 + variants.get(features.variant, 9)


def _blank(features: FeatureSet, status: str, reason: str) -> Row:
    spec = features.spec
    return blank_row(
        spec.name, title=spec.title, modality=spec.modality, variant=features.variant, dimension=spec.dimension
    ) | {"status": status, "reason": reason}


def blank_row(name: str, *, title: str, modality: str, variant: str, dimension: int | None) -> Row:
    """Return the row of a feature set without scores."""
    scores: Mapping[str, None] = {f"{measure}_{part}": None for measure in MEASURES for part in ("mean", "std", "max")}
    return {
        "name": name,
        "title": title,
        "modality": modality,
        "variant": variant,
        "pca": False,
        "dimension": dimension,
        **scores,
        "seeds": 0,
        "products": 0,
        "encode_seconds": None,
    }

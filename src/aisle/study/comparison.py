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
from aisle.study.features import NOT_REACHABLE, PLAIN_PHOTO, PLAIN_TEXT, TITLE, FeatureSet, compute_features
from aisle.study.fusion import concatenate, diffuse
from aisle.study.subject import Subject

Row = dict[str, Any]

_VARIANTS = {"text": 6, "photo": 3}
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
        return f"{self.row['title']}, {self.row['variant']}" + (", PCA" if self.row["pca"] else "")


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
    total = sum(_VARIANTS[spec.modality] for spec in specs)
    with bar(label="comparing features", total=total, unit="set") as progress:
        for features in compute_features(subject, specs, settings=settings):
            progress.set_postfix_str(f"{features.spec.name}, {features.variant}")
            if features.embedding is None:
                found.rows.append(_unreachable(features))
                progress.update(_VARIANTS[features.spec.modality])
                continue
            _add(found, features, features.embedding, subject=subject, seeds=seeds, settings=settings)
            progress.update()
    if {"text", "photo"} <= found.plain.keys():
        _fuse(found, subject, seeds=seeds, settings=settings)
    return found


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
    labels = subject.labels
    if len(np.unique(labels[embedding.present])) < len(subject.categories):
        found.rows.append(_silent(features, embedding))
        return
    for pca in (False, True):
        task = ClusterTask(embedding.matrix, embedding.present, labels, pca)
        scores = score_seeds(task, seeds=seeds, settings=settings)
        row = {
            "name": features.spec.name,
            "title": features.spec.title,
            "modality": modality,
            "variant": features.variant,
            "pca": pca,
            **scores.summary,
            "products": int(embedding.present.sum()),
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


def _fuse(found: Comparison, subject: Subject, *, seeds: int, settings: Settings) -> None:
    """Score the fusions of the preferred text and photo encoders."""
    parts = [found.plain["text"], found.plain["photo"]]
    views = [part.embedding.matrix for part in parts]
    presence = [part.embedding.present for part in parts]
    everyone = np.logical_or.reduce(presence)
    for name, title, pca, fuse in _FUSIONS:
        task = ClusterTask(fuse(views, presence=presence), everyone, subject.labels, pca)
        scores = score_seeds(task, seeds=seeds, settings=settings)
        row = {
            "name": name,
            "title": title,
            "modality": "fused",
            "variant": " + ".join(part.row["name"] for part in parts),
            "views": [f"{part.row['name']} {part.row['variant']}" for part in parts],
            "pca": pca,
            **scores.summary,
            "products": int(everyone.sum()),
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


def _unreachable(features: FeatureSet) -> Row:
    return {**_blank(features), "status": NOT_REACHABLE, "reason": features.reason}


def _silent(features: FeatureSet, embedding: Embedding) -> Row:
    reason = f"only {int(embedding.present.sum())} products have what it reads, and not in every category"
    return {**_blank(features), "status": "too few products", "reason": reason}


def _blank(features: FeatureSet) -> Row:
    scores: Mapping[str, None] = {f"{measure}_{part}": None for measure in MEASURES for part in ("mean", "std", "max")}
    return {
        "name": features.spec.name,
        "title": features.spec.title,
        "modality": features.spec.modality,
        "variant": features.variant,
        "pca": False,
        "dimension": features.spec.dimension,
        **scores,
        "seeds": 0,
        "encode_seconds": None,
    }

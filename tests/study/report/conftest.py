"""A study as plain data, small enough to be rendered in a blink."""

import math
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

NAMES = (
    "Home Furnishing",
    "Baby Care",
    "Watches",
    "Home Decor & Festive Needs",
    "Kitchen & Dining",
    "Beauty and Personal Care",
    "Computers",
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What kind of study to make up."""

    products: int = 200
    categories: tuple[str, ...] = NAMES
    titles: tuple[str, ...] = ()
    photos: tuple[str | None, ...] = ()
    modalities: tuple[str, ...] = ("text", "photo")
    unreachable: tuple[str, ...] = ("use",)
    original: bool = True


ENCODERS = (
    ("bow", "Bag of words, counts", "text", 0.21, 0.4),
    ("tfidf", "TF-IDF", "text", 0.29, 0.5),
    ("word2vec", "Word2Vec", "text", 0.41, 6.1),
    ("bert", "BERT base uncased, pooled", "text", 0.11, 60.2),
    ("use", "Universal Sentence Encoder", "text", 0.55, 9.0),
    ("minilm", "MiniLM-L6-v2", "text", 0.583, 2.9),
    ("sift", "SIFT visual words", "photo", 0.024, 70.0),
    ("orb", "ORB visual words", "photo", 0.025, 7.4),
    ("vgg16", "VGG16, fc2", "photo", 0.461, 140.2),
    ("efficientnet-lite0-max", "EfficientNet-Lite0, max pooling", "photo", 0.479, 21.3),
    ("resnet50-max", "ResNet50, max pooling", "photo", 0.489, 80.0),
)


def score(base: float) -> dict[str, Any]:
    return {
        "ari_mean": base,
        "ari_std": 0.027,
        "ari_max": round(base + 0.051, 3),
        "ami_mean": base + 0.04,
        "v_mean": base + 0.045,
        "accuracy_mean": min(base + 0.16, 1.0),
        "accuracy_max": min(base + 0.22, 1.0),
        "seeds": 100,
        "dimension": 384,
    }


def make_features(plan: Plan) -> list[dict[str, Any]]:
    variants = {
        "text": ("title, raw", "title, lemmatised", "title + description, raw"),
        "photo": ("no filter", "gaussian", "median"),
    }
    rows: list[dict[str, Any]] = []
    for name, title, modality, base, seconds in ENCODERS:
        if modality not in plan.modalities:
            continue
        for step, variant in enumerate(variants[modality]):
            for pca in (False, True):
                row = {"name": name, "title": title, "modality": modality, "variant": variant, "pca": pca}
                if name in plan.unreachable:
                    reason = "cannot reach the model hub: no answer from any of its sources"
                    row |= dict.fromkeys(score(0.0)) | {"encode_seconds": None}
                    row |= {"status": "weights not reachable", "reason": reason}
                else:
                    row |= score(base - 0.004 * step - 0.002 * pca)
                    row |= {"encode_seconds": seconds, "status": "ok"}
                rows.append(row)
    return rows


def make_fused() -> list[dict[str, Any]]:
    views = ["minilm title + description", "efficientnet-lite0-max no filter"]
    first = {"name": "concatenation", "title": "Concatenation, each L2-normalised", "views": views}
    second = {"name": "spectral", "title": "Cross-view nearest neighbours", "views": views}
    shared = {"modality": "fused", "variant": "", "encode_seconds": None, "status": "ok"}
    return [first | shared | {"pca": False} | score(0.629), second | shared | {"pca": True} | score(0.671)]


def make_classifier(plan: Plan) -> list[dict[str, Any]]:
    found = [("text", 0.953), ("photo", 0.872)]
    found = [pair for pair in found if pair[0] in plan.modalities]
    if len(found) == 2:
        found.insert(0, ("text + photo", 0.957))
    return [
        {
            "features": features,
            "model": model,
            "accuracy_mean": mean - drop,
            "accuracy_low": mean - drop - 0.013,
            "accuracy_high": mean - drop + 0.012,
            "grouped_accuracy_mean": mean - drop - 0.012,
            "grouped_accuracy_low": mean - drop - 0.027,
            "grouped_accuracy_high": mean - drop + 0.003,
            "folds": 5,
            "repeats": 5,
            "macro_f1_mean": mean - drop - 0.002,
        }
        for features, mean in found
        for model, drop in (("SVC (C = 10)", 0.0), ("logistic regression", 0.004))
    ]


def make_summary(plan: Plan) -> dict[str, Any]:
    sizes = {name: len(range(index, plan.products, len(plan.categories))) for index, name in enumerate(plan.categories)}
    both = len(plan.modalities) == 2
    per_category = [
        {
            "category": name,
            "modality": "photo" if index % 2 else "text",
            "text_recall": 0.9,
            "photo_recall": 0.97,
            "correct": size - 3,
            "size": size,
        }
        for index, (name, size) in enumerate(sizes.items())
    ]
    return {
        "aisle": "0.1.0",
        "created": "2026-11-22T16:00:00Z",
        "seconds": 512.3,
        "seeds": 100,
        "starts": 10,
        "level": 1,
        "catalog": {
            "source": "catalogue.csv",
            "rows": plan.products + 4,
            "products": plan.products + 1,
            "quarantined": 3,
            "studied": plan.products,
            "unlabelled": 1,
            "small_categories": {"Umbrellas": 2},
            "photos": sum(photo is not None for photo in plan.photos),
            "photos_missing": 3,
            "photos_broken": [
                {"id": f"broken-{i}", "code": "truncated", "message": "the photo x.jpg is cut off"} for i in range(2)
            ],
            "categories": sizes,
            "near_duplicates": {"products": 273, "groups": 83, "largest": 21},
            "exact_duplicates": 0,
            "is_original": plan.original,
            "notes": ["Read as Windows-1252: it is not UTF-8"],
        },
        "features": make_features(plan),
        "fused": make_fused() if both else [],
        "best_per_category": {
            "accuracy": 0.87,
            "low": 0.848,
            "high": 0.889,
            "products": 913,
            "of": 1050,
            "text": {"features": "minilm", "variant": "title + description, raw"},
            "photo": {"features": "resnet50-max", "variant": "no filter"},
            "categories": per_category,
        }
        if both
        else None,
        "classifier": make_classifier(plan),
        "verdict": {
            "feasible": "yes",
            "sentence": "Yes: photo and text can tell these categories apart. An SVC is right for 95.7 % "
            "of the products that it has not seen, and for 94.5 % when near-duplicates are kept together.",
            "points": [
                "Text alone reaches 95.3 %: what the photo adds lies within the interval.",
                "Near-duplicates make the plain figure 1.2 points too kind.",
            ],
        },
    }


def make_details(plan: Plan) -> dict[str, Any]:
    dice = random.Random(7)  # noqa: S311
    n, k = plan.products, len(plan.categories)
    filed = [index % k for index in range(n)]
    maps = []
    for title, noise in (("Text: MiniLM", 9.0), ("Photo: ResNet50", 14.0), ("Fused", 7.0)):
        angle = [2 * math.pi * index / k for index in filed]
        points = [[40 * math.cos(a) + dice.gauss(0, noise), 40 * math.sin(a) + dice.gauss(0, noise)] for a in angle]
        clusters = [dice.randrange(k) if dice.random() < 0.2 else index for index in filed]
        names = [*plan.categories[:-1], f"{plan.categories[0]} (2)"]
        maps.append({"title": title, "points": points, "clusters": clusters, "cluster_names": names})
    maps[1]["points"][3] = None  # type: ignore[index]
    maps[1]["clusters"][3] = None  # type: ignore[index]
    counts = [[0] * k for _ in range(k)]
    for row, column in zip(filed, maps[0]["clusters"], strict=True):
        counts[row][column] += 1  # type: ignore[index]
    examples = [{"product": index, "probability": 0.83} for index in range(4)]
    mistake = {
        "true": plan.categories[0],
        "predicted": plan.categories[-1],
        "count": 12,
        "examples": examples,
    }
    return {
        "categories": list(plan.categories),
        "products": [
            {
                "id": str(index),
                "title": plan.titles[index % len(plan.titles)] if plan.titles else f"Product {index}",
                "category": filed[index],
                "photo": plan.photos[index % len(plan.photos)] if plan.photos else None,
            }
            for index in range(n)
        ],
        "maps": maps,
        "confusions": [
            {
                "title": "Text",
                "kind": "clusters",
                "clusters": maps[0]["cluster_names"],
                "counts": counts,
                "accuracy": 0.81,
                "chosen": "seed with the median ARI",
            },
            {
                "title": "Classifier",
                "kind": "predictions",
                "clusters": list(plan.categories),
                "counts": counts,
                "accuracy": 0.957,
            },
        ],
        "mistakes": [mistake],
    }


class Study:
    """Makes up studies; ``make(products=60)`` returns a summary and its details."""

    def __call__(self, **changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        plan = replace(Plan(), **changes)
        return make_summary(plan), make_details(plan)


@pytest.fixture
def study() -> Study:
    return Study()


@pytest.fixture
def photo(tmp_path: Path) -> str:
    from PIL import Image

    path = tmp_path / "photo.jpg"
    Image.new("RGB", (120, 90), (200, 60, 20)).save(path)
    return str(path)

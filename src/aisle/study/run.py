"""A study from a catalogue to its result."""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.cache import KeyedStore
from aisle.catalog import Catalog, read_catalog
from aisle.catalog.duplicates import exact_duplicates
from aisle.encode import EncoderSpec
from aisle.errors import StudyError
from aisle.files import sha256_bytes
from aisle.heads.blocks import Block, DenseBlock, LexicalBlock
from aisle.settings import Settings
from aisle.study.classifier import CLASSIFIER_VERSION, Task, score_classifiers
from aisle.study.clustering import count_pairs, name_clusters
from aisle.study.comparison import Comparison, Scored, blank_row, compare_features
from aisle.study.features import NOT_REACHABLE, WHOLE_TEXT, choose_encoders
from aisle.study.original import is_original_catalog
from aisle.study.per_category import best_per_category
from aisle.study.projection import project
from aisle.study.result import Study
from aisle.study.subject import Subject, choose_subject
from aisle.study.verdict import give_verdict

log = logging.getLogger(__name__)

Labels = NDArray[np.int64]

_EXAMPLES = 4
_CONFUSED_PAIRS = 12


def run_study(
    source: Any,
    *,
    encoders: Sequence[str] | None = None,
    seeds: int = 100,
    level: int = 1,
    columns: Mapping[str, str] | None = None,
    separator: str | None = None,
    settings: Settings | None = None,
) -> Study:
    """Find out whether photo and text can tell a catalogue's categories apart.

    Parameters
    ----------
    source : path, data frame, list of dict or Catalog
        See `aisle.read_catalog`.
    encoders : sequence of str, optional
        Names of the table (``aisle models list``), folders with an ONNX encoder, or ``hub:owner/name``. All of the
        table by default.
    seeds : int
        k-means seeds for each feature set.
    level : int
        Depth at which category paths are cut, from 1.
    columns, separator
        See `aisle.read_catalog`.
    settings : Settings, optional
        Cache and cores; this machine's by default.

    Returns
    -------
    Study
        Tables, figures, an HTML view of itself, and `Study.save`.

    Raises
    ------
    CatalogError
        The catalogue cannot be read.
    StudyError
        It cannot be studied: no labels, one category, too few products.
    UnknownEncoderError
        An encoder's name is not known.

    Examples
    --------
    >>> import aisle
    >>> study = aisle.run_study("products.csv")  # doctest: +SKIP
    >>> study.verdict  # doctest: +SKIP
    """
    started = time.perf_counter()
    if seeds < 1:
        raise StudyError(f"--seeds {seeds}: at least one seed is needed")
    settings = settings or Settings.load()
    catalog = source if isinstance(source, Catalog) else read_catalog(source, columns=columns, separator=separator)
    subject = choose_subject(catalog, level=level)
    chosen = choose_encoders(encoders, settings=settings)
    specs = [spec for spec in chosen if isinstance(spec, EncoderSpec)]
    found = compare_features(subject, specs, seeds=seeds, settings=settings)
    found.rows += [_no_repository(*pair) for pair in chosen if not isinstance(pair, EncoderSpec)]
    if not found.plain:
        raise StudyError("none of the encoders could be used: " + "; ".join(_reasons(found)))
    classifier, predicted = _classify(subject, found, settings=settings)
    summary: dict[str, Any] = {
        "aisle": version("aisle"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": 0.0,
        "seeds": seeds,
        "level": level,
        "catalog": _describe(catalog, subject, found, level=level),
        "features": found.rows,
        "fused": found.fused,
        "best_per_category": best_per_category(subject, found.recalls),
        "classifier": classifier,
    }
    summary["verdict"] = give_verdict(summary)
    shown = [found.best[name] for name in ("text", "photo", "fused") if name in found.best]
    details, places = _details(subject, shown, predicted, classifier, settings=settings)
    summary["seconds"] = round(time.perf_counter() - started, 1)
    return Study(summary=summary, details=details, table=_embeddings(subject, found, places), threads=settings.threads)


def _classify(subject: Subject, found: Comparison, *, settings: Settings) -> tuple[list[dict[str, Any]], Labels]:
    """Score the classifiers, or look up what they scored on the same features and labels."""
    texts = subject.texts(WHOLE_TEXT)
    parts = {name: scored.embedding for name, scored in found.plain.items()}
    names: dict[str, list[str]] = {}
    if any(texts):
        names["text"] = ["words", *(["text"] if "text" in parts else [])]
    if "photo" in parts:
        names["photo"] = ["photo"]
    views = {"text + photo": [*names["text"], *names["photo"]], **names} if len(names) == 2 else names
    task = Task(subject.labels, subject.groups)
    content = [
        subject.labels.tobytes(),
        subject.groups.tobytes(),
        "\0".join(texts).encode("utf-8", "replace"),
    ]
    content += [part.matrix.tobytes() + part.present.tobytes() for part in parts.values()]
    key = sha256_bytes(b"".join(content) + f"{list(views.items())} {CLASSIFIER_VERSION}".encode())
    store = KeyedStore(settings.cache_dir / "study" / "classifiers.sqlite")
    if (kept := store.get([key]).get(key)) is not None:
        results, predicted = json.loads(kept)
        return results, np.array(predicted, dtype=np.int64)
    blocks: dict[str, Block] = {name: DenseBlock(part.matrix, part.present) for name, part in parts.items()}
    if any(texts):
        blocks["words"] = LexicalBlock(texts)
    results, labels = score_classifiers(blocks, views=views, task=task, threads=settings.threads)
    store.put({key: json.dumps([results, labels.tolist()]).encode()})
    return results, labels


def _describe(catalog: Catalog, subject: Subject, found: Comparison, *, level: int) -> dict[str, Any]:
    products = subject.products
    sizes = np.bincount(np.unique(subject.groups, return_inverse=True)[1])
    exact = exact_duplicates([f"{p.title} {p.description}" for p in products], [p.photo for p in products])
    notes = list(catalog.notes)
    if subject.sampled_from:
        notes.append(f"a sample of {len(products)} of {subject.sampled_from} products was studied")
    return {
        "source": catalog.source,
        "rows": catalog.rows,
        "products": len(catalog.products),
        "quarantined": len(catalog.bad_rows),
        "studied": len(products),
        "unlabelled": subject.unlabelled,
        "small_categories": subject.small,
        "photos": sum(product.photo is not None for product in catalog.products),
        "photos_missing": len(catalog.photos_missing),
        "photos_broken": [
            {"id": products[place].id, "code": error.code, "message": str(error)}
            for place, error in sorted(found.problems.items())
        ],
        "categories": {name: int((subject.labels == place).sum()) for place, name in enumerate(subject.categories)},
        "near_duplicates": {
            "products": int(sizes[sizes > 1].sum()),
            "groups": int((sizes > 1).sum()),
            "largest": int(sizes.max()),
        },
        "exact_duplicates": len(products) - len(np.unique(exact)),
        "is_original": level == 1 and is_original_catalog([product.id for product in products]),
        "notes": notes,
    }


def _details(
    subject: Subject,
    shown: Sequence[Scored],
    predicted: Labels,
    classifier: Sequence[Mapping[str, Any]],
    *,
    settings: Settings,
) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    """Collect what the figures of the report are drawn from."""
    categories = list(subject.categories)
    maps, confusions, places = [], [], {}
    for scored in shown:
        clusters = name_clusters(scored.task, seed=scored.scores.median_seed, settings=settings)
        points = project(scored.task.matrix, scored.task.present, settings=settings)
        places[scored.row["modality"]] = points
        maps.append(
            {
                "title": scored.title,
                "points": [None if np.isnan(x) else [round(float(x), 3), round(float(y), 3)] for x, y in points],
                "clusters": [None if cluster < 0 else int(cluster) for cluster in clusters],
                "cluster_names": categories,
            }
        )
        known = clusters >= 0
        counts = count_pairs(subject.labels[known], clusters[known], shape=(len(categories),) * 2)
        confusions.append(_confusion(scored.title, categories, counts, "the seed with the median ARI"))
    counts = count_pairs(subject.labels, predicted, shape=(len(categories),) * 2)
    confusions.append(_confusion(f"Classifier, {classifier[0]['features']}", categories, counts, "out of fold"))
    return {
        "categories": categories,
        "products": [
            {"id": p.id, "title": p.title, "category": int(label), "photo": str(p.photo) if p.photo else None}
            for p, label in zip(subject.products, subject.labels, strict=True)
        ],
        "maps": maps,
        "confusions": confusions,
        "mistakes": _mistakes(subject, predicted, counts),
    }, places


def _confusion(title: str, names: list[str], counts: Labels, chosen: str) -> dict[str, Any]:
    accuracy = float(np.trace(counts) / max(counts.sum(), 1))
    return {
        "title": title,
        "clusters": names,
        "counts": counts.tolist(),
        "accuracy": accuracy,
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


def _embeddings(subject: Subject, found: Comparison, places: Mapping[str, NDArray[np.float32]]) -> dict[str, Any]:
    """Collect the columns of ``embeddings.parquet``."""
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


def _no_repository(name: str, reason: str) -> dict[str, Any]:
    modality = "photo" if name.endswith("#photo") else "text"
    row = blank_row(name, title=name, modality=modality, variant="", dimension=None)
    return row | {"status": NOT_REACHABLE, "reason": reason}


def _reasons(found: Comparison) -> list[str]:
    return [f"{row['name']}: {row['reason']}" for row in found.rows if "reason" in row]

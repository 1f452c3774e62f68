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
from aisle.extras import require
from aisle.files import sha256_bytes
from aisle.heads.blocks import Block, DenseBlock, LexicalBlock
from aisle.settings import Settings
from aisle.study.classifier import CLASSIFIER_VERSION, Task, score_classifiers
from aisle.study.comparison import Comparison, Scored, blank_row, compare_features
from aisle.study.details import collect_details, place_products, tabulate_embeddings
from aisle.study.features import NOT_REACHABLE, NOT_USABLE, WHOLE_TEXT, check_unseen, choose_encoders, split_names
from aisle.study.original import is_original_catalog
from aisle.study.per_category import best_per_category
from aisle.study.result import Study
from aisle.study.subject import MIN_CATEGORY, Subject, choose_subject
from aisle.study.verdict import give_verdict

log = logging.getLogger(__name__)

Labels = NDArray[np.int64]

_NAMES = 5  # of categories in a note


def run_study(
    source: Any,
    *,
    encoders: str | Sequence[str] | None = None,
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
    encoders : str or sequence of str, optional
        Names of the table (``aisle models list``), folders with an ONNX encoder, or ``hub:owner/name``; commas
        separate them in a string. All of the table by default.
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
    for module in ("jinja2", "pyarrow", "simplemma"):  # before the work, not after it
        require(module, extra="study")
    settings = settings or Settings.load()
    names = split_names(encoders, settings=settings)
    catalog = source if isinstance(source, Catalog) else read_catalog(source, columns=columns, separator=separator)
    subject = choose_subject(catalog, level=level, threads=settings.threads)
    chosen = choose_encoders(names, settings=settings)
    specs = [spec for spec in chosen if isinstance(spec, EncoderSpec)]
    check_unseen(specs, subject.products)
    found = compare_features(subject, specs, seeds=seeds, settings=settings)
    found.rows += [_no_repository(*pair) for pair in chosen if not isinstance(pair, EncoderSpec)]
    _warn(found)
    if not found.plain:
        reasons = "; ".join(f"{row['name']}: {row['reason']}" for row in found.rows)
        raise StudyError(f"none of the encoders could be used: {reasons}")
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
    places = place_products(found, settings=settings)
    details = collect_details(
        subject, found, places, predicted=predicted, features=classifier[0]["features"], settings=settings
    )
    summary["seconds"] = round(time.perf_counter() - started, 1)
    table = tabulate_embeddings(subject, found, places)
    return Study(summary=summary, details=details, table=table, threads=settings.threads)


def _classify(subject: Subject, found: Comparison, *, settings: Settings) -> tuple[list[dict[str, Any]], Labels]:
    """Score the classifiers, or look up what they scored on the same features and labels."""
    texts = subject.texts(WHOLE_TEXT)
    parts = {name: scored.embedding for name, scored in found.plain.items()}
    present = {name: part.present for name, part in parts.items()}
    views: dict[str, list[str]] = {}
    if any(texts):
        views["text"] = ["words", *(["text"] if "text" in parts else [])]
        present["words"] = np.array([bool(text) for text in texts])
    if "photo" in parts:
        views["photo"] = ["photo"]
    if len(views) == 2:
        views = {"text + photo": [*views["text"], *views["photo"]], **views}
    task = Task(subject.labels, subject.groups)
    content = {
        "labels": subject.labels.tolist(),
        "groups": subject.groups.tolist(),
        "texts": texts,
        "parts": {name: sha256_bytes(part.matrix.tobytes() + part.present.tobytes()) for name, part in parts.items()},
        "views": list(views.items()),
        "version": CLASSIFIER_VERSION,
    }
    key = sha256_bytes(json.dumps(content).encode())
    store = KeyedStore(settings.cache_dir / "study" / "classifiers.sqlite")
    if (kept := store.get([key]).get(key)) is not None:
        results, predicted = json.loads(kept)
        return results, np.array(predicted, dtype=np.int64)
    blocks: dict[str, Block] = {name: DenseBlock(part.matrix, part.present) for name, part in parts.items()}
    if any(texts):
        blocks["words"] = LexicalBlock(texts)
    results, labels = score_classifiers(blocks, views=views, task=task, threads=settings.threads)
    for row in results:
        row["products"] = int(np.logical_or.reduce([present[name] for name in views[row["features"]]]).sum())
    store.put({key: json.dumps([results, labels.tolist()]).encode()})
    return results, labels


def _warn(found: Comparison) -> None:
    """Say once what was not compared; each row says why."""
    unused: dict[str, list[str]] = {}
    for row in found.rows:
        if row["status"] in (NOT_REACHABLE, NOT_USABLE):
            unused.setdefault(row["status"], []).append(row["name"])
    for status, names in unused.items():
        log.warning("not compared, %s: %s (the report says why)", status, ", ".join(dict.fromkeys(names)))


def _describe(catalog: Catalog, subject: Subject, found: Comparison, *, level: int) -> dict[str, Any]:
    products = subject.products
    sizes = np.bincount(np.unique(subject.groups, return_inverse=True)[1])
    exact = exact_duplicates([f"{p.title} {p.description}" for p in products], [p.photo for p in products])
    notes = list(catalog.notes)
    if subject.sampled_from:
        notes.append(f"a sample of {len(products)} of {subject.sampled_from} products was studied")
    notes += [_note_left_out(subject, scored) for scored in found.plain.values() if scored.left_out]
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


def _note_left_out(subject: Subject, scored: Scored) -> str:
    names = [subject.categories[place] for place in scored.left_out]
    shown = ", ".join(names[:_NAMES]) + (f" and {len(names) - _NAMES} more" if len(names) > _NAMES else "")
    modality = scored.row["modality"]
    return f"fewer than {MIN_CATEGORY} products have a {modality} in {shown}: not in the {modality} clusters"


def _no_repository(name: str, reason: str) -> dict[str, Any]:
    modality = "photo" if name.endswith("#photo") else "text"
    row = blank_row(name, title=name, modality=modality, variant="", dimension=None)
    return row | {"status": NOT_REACHABLE, "reason": reason}

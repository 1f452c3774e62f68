"""Retraining: the catalogue and what people decided become a candidate, which goes live only if it is better."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aisle.encode.seen import seen_rows, training_keys
from aisle.engine.artifact_writer import write_artifact
from aisle.engine.engine import Engine, load_engine
from aisle.errors import TrainingError
from aisle.product import Product
from aisle.retrain.comparison import NOBODY, compare, judge
from aisle.retrain.gold import split_gold
from aisle.review.audited import audited_decisions
from aisle.review.labels import return_conflicts, training_labels
from aisle.review.policy import ReviewPolicy
from aisle.settings import Settings
from aisle.store.database import Database
from aisle.store.decisions import name_of
from aisle.store.photos import PhotoFolder
from aisle.store.records import StoredProduct
from aisle.train import TrainingOptions, engine_folder, train_engine

log = logging.getLogger(__name__)

AUDIT_DAYS = 90
"""Audited decisions that are this recent are compared on, and not learned from."""

_DAY = 86_400_000_000


@dataclass(frozen=True, kw_only=True)
class Retraining:
    """What a retraining reads.

    Attributes
    ----------
    products : sequence of Product
        The catalogue.
    database : Database
        What people decided.
    photos : PhotoFolder
        The photos of its products.
    gold : sequence of Product or None
        Labelled products to compare on; a fixed tenth of the catalogue by default.
    options : TrainingOptions
        Encoders and seed; depth, precision and smallest category are the live engine's.
    policy : ReviewPolicy
    settings : Settings
    """

    products: Sequence[Product]
    database: Database
    photos: PhotoFolder
    gold: Sequence[Product] | None
    options: TrainingOptions
    policy: ReviewPolicy
    settings: Settings


def retrain(work: Retraining, *, live: Engine, out: Path, now: int) -> dict[str, Any]:
    """Train a candidate, write it, and compare it with the live engine.

    Nothing is promoted here; decisions that contradict each other go back to the queue.

    Parameters
    ----------
    work : Retraining
    live : Engine
        The one that answers now.
    out : Path
        Where the candidate is written.
    now : int
        Microseconds since 1970 in UTC.

    Returns
    -------
    dict
        Plain values: ``live``, ``candidate`` (fingerprints), ``promote``, ``reason``, ``gold`` and ``audited`` (see
        `aisle.retrain.comparison.Pairs`), ``stand_in``, ``decisions``, ``learned``, ``conflicts``, ``capped``,
        ``categories``.

    Raises
    ------
    TrainingError
        There is nothing to learn from.
    """
    with work.database.write() as connection:
        recent = audited_decisions(connection, since=now - AUDIT_DAYS * _DAY)
        labels = training_labels(connection, policy=work.policy, without={stored.id for stored, _ in recent})
        return_conflicts(connection, now=now)
        capped = {name_of(connection, key_id=key): count for key, count in labels.capped.items()}
    learn, gold = _sides(work)
    audited = [_product(stored, truth, work.photos) for stored, truth in recent]
    vague = {path[:depth] for path in live.taxonomy for depth in range(1, len(path))}  # categories with some below them
    decided = [_product(row.product, row.path, work.photos) for row in labels.rows if row.path not in vague]
    facts = live.knowledge.facts
    options = replace(
        work.options, level=facts.get("level"), precision=live.precision, least=facts.get("least", work.options.least)
    )
    candidate = _train([*learn, *decided], options, out, work.settings)
    against, gold = _opponent(live, learn, _unseen(gold, decided), options, work.settings)
    gold = _unseen_by(candidate, gold)
    on_gold = compare(against, candidate, gold, level=options.level)
    fresh = _unseen_by(candidate, _unseen_by(live, audited))
    on_audited = compare(live, candidate, fresh, level=options.level) if fresh else NOBODY
    verdict = judge(on_gold, on_audited)
    return {
        "live": live.fingerprint,
        "candidate": candidate.fingerprint,
        "promote": verdict.promote,
        "reason": verdict.reason,
        "gold": on_gold.summary(),
        "audited": on_audited.summary(),
        "both": (on_gold + on_audited).summary(),
        "stand_in": against is not live,
        "catalogue": len(learn),
        "decisions": len(decided),
        "conflicts": len(labels.conflicts),
        "capped": capped,
        "categories": _categories(live, candidate),
    }


def _sides(work: Retraining) -> tuple[list[Product], list[Product]]:
    """Return what is learned from, and the gold set; no product is on both sides."""
    if work.gold is None:
        learn, gold = split_gold(work.products)
    else:
        gold = [product for product in work.gold if product.category]
        learn = [product for product in work.products if product.category]
        learn = _unseen(learn, gold)
    if not learn:
        raise TrainingError("the catalogue holds no labelled product to learn from")
    return learn, gold


def _unseen(products: Sequence[Product], others: Sequence[Product]) -> list[Product]:
    """Return the products that are not among others."""
    known = seen_rows(products, training_keys(others)).tolist()
    return [product for product, alike in zip(products, known, strict=True) if not alike]


def _unseen_by(engine: Engine, products: Sequence[Product]) -> list[Product]:
    known = seen_rows(products, engine.knowledge.references.seen).tolist()
    return [product for product, alike in zip(products, known, strict=True) if not alike]


def _train(products: Sequence[Product], options: TrainingOptions, out: Path, settings: Settings) -> Engine:
    trained = train_engine(products, options=options, settings=settings)
    folder = engine_folder(trained)
    write_artifact(out, folder.files, about=folder.about)
    return load_engine(out, settings=settings)


def _opponent(
    live: Engine, learn: Sequence[Product], gold: list[Product], options: TrainingOptions, settings: Settings
) -> tuple[Engine, list[Product]]:
    """Return whom the candidate is compared with on the gold set, and the part of it that both may be judged by.

    An engine that was trained before there was a gold set has learned from it, and would be judged too kindly: another
    one, trained on the same catalogue without the gold set and without what people decided, stands in for it.
    """
    unseen = _unseen_by(live, gold)
    if 2 * len(unseen) >= len(gold):
        return live, unseen
    log.warning("the live engine has learned from the gold set; one trained without it stands in for it")
    trained = train_engine(learn, options=options, settings=settings)
    return Engine(trained.knowledge, fingerprint="stand-in", settings=settings), gold


def _product(stored: StoredProduct, truth: tuple[str, ...], photos: PhotoFolder) -> Product:
    return Product(
        id=stored.id,
        title=stored.title,
        description=stored.description,
        attributes=stored.attributes,
        photo=photos.path(stored.photo) if stored.photo else None,
        category=truth,
    )


def _categories(live: Engine, candidate: Engine) -> dict[str, list[str]]:
    """Name the categories that come and go."""
    before, after = set(live.taxonomy), set(candidate.taxonomy)
    return {
        "added": [" > ".join(path) for path in sorted(after - before)],
        "removed": [" > ".join(path) for path in sorted(before - after)],
    }

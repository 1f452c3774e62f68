"""A service as it looks after some weeks, for whoever wants to see it: products that an engine has not seen come in."""

import contextlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

import numpy as np
from sqlalchemy import Connection

from aisle.catalog import read_catalog
from aisle.catalog.photo_pixels import PixelShape
from aisle.catalog.photos import decode_photo
from aisle.catalog.sample.generator import TRUTH_NAME
from aisle.engine.engine import Engine
from aisle.errors import PhotoError
from aisle.product import PATH_SEPARATOR, CategoryPath, Prediction, Product
from aisle.progress import bar
from aisle.review.agreement import agrees, proposal
from aisle.review.deciding import decide
from aisle.review.intake import receive
from aisle.review.policy import ReviewPolicy
from aisle.store.claims import claim
from aisle.store.database import Database
from aisle.store.photos import PhotoFolder, note_photo
from aisle.store.predictions import latest_prediction
from aisle.store.queue import count
from aisle.store.records import ApiKey, QueueFilters, QueueItem, StoredProduct

_WEEKS = 3
_HOUR = 3_600_000_000
_WEEK = 7 * 24 * _HOUR
_AUDITED = 0.25  # as many as to see something; a service audits one or two of a hundred
_LEFT = 24  # products that are left on the queue, to be looked at
_BATCH = 64
_THUMB = PixelShape(width=32, height=32, fit="inside")
_VOLUMES = (1.0, 3.0, 12.0, 40.0)


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """Who posts and who decides.

    Attributes
    ----------
    seller, moderator : ApiKey
    seed : int
    """

    seller: ApiKey
    moderator: ApiKey
    seed: int = 0


def fill(
    database: Database, photos: PhotoFolder, engine: Engine, *, catalog: Path, roles: Demonstration, now: int
) -> str:
    """Let the products of a labelled catalogue come in over three weeks, and a moderator decide on most of the queue.

    Parameters
    ----------
    database : Database
        A new one.
    photos : PhotoFolder
    engine : Engine
    catalog : Path
        A drawn sample that the engine has not seen; its truth is what the moderator says.
    roles : Demonstration
    now : int
        Where the three weeks end.

    Returns
    -------
    str
        What was done, in a sentence.
    """
    products = _with_true_labels(catalog)
    rng = np.random.default_rng(roles.seed)
    times = np.sort(rng.integers(now - _WEEKS * _WEEK, now, len(products))).tolist()
    predictions = _predict(engine, products)
    policy = ReviewPolicy(audit_share=_AUDITED)
    truths: dict[str, CategoryPath] = {}
    for product, prediction, moment, volume in zip(products, predictions, times, cycle(_VOLUMES), strict=False):
        stored = _stored(product, photos, owner=roles.seller.id, volume=volume)
        with database.write() as c:
            if stored.photo is not None:
                note_photo(c, sha=stored.photo, size=len(photos.read(stored.photo)), now=moment)
            receive(
                c,
                stored,
                prediction,
                chosen=None,
                precision=engine.precision,
                policy=policy,
                draw=float(rng.random()),
                now=moment,
            )
        truths[stored.id] = product.category[: len(prediction.leaf)]
    decided = _decide(database, truths, roles.moderator, policy, times)
    return f"{len(products)} products came in; {decided} of the queue were decided as they truly belong."


def _with_true_labels(sample: Path) -> list[Product]:
    """Read a drawn sample; where it mislabels a product on purpose, the moderator knows better."""
    wrong = json.loads((sample / TRUTH_NAME).read_text(encoding="utf-8"))["wrong_labels"]
    truth = {each["id"]: tuple(each["true"].split(PATH_SEPARATOR)) for each in wrong}
    labelled = [product for product in read_catalog(sample).products if product.category]
    return [replace(product, category=truth.get(product.id, product.category)) for product in labelled]


def _predict(engine: Engine, products: Sequence[Product]) -> list[Prediction]:
    found: list[Prediction] = []
    with bar(label="filling the queue", total=len(products), unit="product") as shown:
        for start in range(0, len(products), _BATCH):
            part = products[start : start + _BATCH]
            found += engine.predict(part)
            shown.update(len(part))
    return found


def _stored(product: Product, photos: PhotoFolder, *, owner: str, volume: float) -> StoredProduct:
    sha = None
    if isinstance(product.photo, Path):
        with contextlib.suppress(PhotoError):  # the service would refuse it
            decode_photo(product.photo, shape=_THUMB)
            sha = photos.keep(product.photo.read_bytes())
    return StoredProduct(
        id=uuid.uuid4().hex,
        owner=owner,
        title=product.title,
        description=product.description,
        attributes=dict(product.attributes),
        photo=sha,
        volume=volume,
    )


def _decide(
    database: Database, truths: dict[str, CategoryPath], moderator: ApiKey, policy: ReviewPolicy, times: Sequence[int]
) -> int:
    """Decide on the queue until few are left; each decision as if made in the weeks in which products came."""
    done = 0
    waiting = _waiting(database)
    moments = np.linspace(times[0] + _WEEK // 7, times[-1], max(1, waiting)).astype(np.int64).tolist()
    for moment in moments[: max(0, waiting - _LEFT)]:
        with database.write() as c:
            item = claim(c, by=moderator.id, now=moment, lease_us=_WEEKS * _WEEK)
            if item is None:
                break
            _answer(c, item, truths[item.product_id], moderator, policy)
        done += 1
    return done


def _answer(c: Connection, item: QueueItem, truth: CategoryPath, moderator: ApiKey, policy: ReviewPolicy) -> None:
    said = latest_prediction(c, product_id=item.product_id)
    held = item.claimed_until or 0
    accept = said is not None and agrees(truth, proposal(said))
    decide(
        c,
        product_id=item.product_id,
        kind="accept" if accept else "change",
        path=None if accept else truth,
        by=moderator.id,
        now=max(held - _WEEKS * _WEEK, item.created_at + _HOUR),
        policy=policy,
    )


def _waiting(database: Database) -> int:
    with database.read() as c:
        return count(c, QueueFilters())

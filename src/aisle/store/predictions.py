"""What engines said of products."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Text, and_, cast, func, insert, select

from aisle.errors import NotFoundError
from aisle.product import CategoryPath, Evidence, Neighbour, Prediction
from aisle.store.products import AT_ONCE
from aisle.store.records import StoredPrediction
from aisle.store.schema import decisions
from aisle.store.schema import predictions as table
from aisle.store.text import clean

_WEEK = 7 * 86_400_000_000
_MONDAY = 3 * 86_400_000_000  # the first moment, 1970, is a Thursday's


@dataclass(frozen=True, kw_only=True)
class FirstAnswers:
    """What an engine said of products when they came, those of which it said the same counted together.

    Attributes
    ----------
    chosen : tuple of str or None
        What the seller had chosen.
    week : int
        The first moment of the ISO week, in UTC, that they came in.
    number : int
        How many products.
    """

    decision: str
    path: CategoryPath
    leaf: CategoryPath
    chosen: CategoryPath | None
    week: int
    number: int


def keep_prediction(
    c: Connection, *, product_id: str, prediction: Prediction, precision: float, novelty: float, now: int
) -> int:
    """Keep what an engine said, and return its number.

    Parameters
    ----------
    precision : float
        The precision that the engine was asked for; `Prediction` does not say, and the audit compares with it.
    novelty : float
        How unlike every labelled product it is, in [0, 1].
    """
    values = {
        "product_id": product_id,
        "engine_id": clean(prediction.engine),
        "decision": prediction.decision,
        "path": list(prediction.path),
        "leaf": list(prediction.leaf),
        "probability": float(prediction.probability),
        "precision": float(precision),
        "alternatives": [[list(path), float(probability)] for path, probability in prediction.alternatives],
        "modalities": list(prediction.modalities),
        "evidence": _write_evidence(prediction.evidence),
        "reason": clean(prediction.reason),
        "novelty": float(novelty),
        "created_at": now,
    }
    return int(c.execute(insert(table).values(values).returning(table.c.id)).scalar_one())


def find_prediction(c: Connection, *, id: int) -> StoredPrediction:  # noqa: A002 - as the column
    """Return one prediction.

    Raises
    ------
    NotFoundError
        There is none with that number.
    """
    row = c.execute(select(table).where(table.c.id == id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no prediction {id}")
    return _prediction(row)


def find_predictions(c: Connection, *, ids: Sequence[int]) -> dict[int, StoredPrediction]:
    """Return predictions by their numbers; those that are not there are left out."""
    found: dict[int, StoredPrediction] = {}
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        found |= {row.id: _prediction(row) for row in c.execute(select(table).where(table.c.id.in_(some)))}
    return found


def latest_prediction(c: Connection, *, product_id: str) -> StoredPrediction | None:
    """Return the newest prediction of a product; None where there is none."""
    row = c.execute(_of(product_id).order_by(table.c.created_at.desc(), table.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _prediction(row)


def predictions_of(c: Connection, *, product_id: str) -> list[StoredPrediction]:
    """Return all predictions of a product, the oldest first."""
    return [_prediction(row) for row in c.execute(_of(product_id).order_by(table.c.created_at, table.c.id))]


def first_answers(c: Connection, *, since: int, until: int) -> list[FirstAnswers]:
    """Return what was said of the products that came in a time, by the predictions that they were received with.

    The database counts: a service has more products than a page of figures can wait for.

    Parameters
    ----------
    since, until : int
        The first moment, and the one after the last.
    """
    first = select(func.min(table.c.id)).group_by(table.c.product_id)
    sellers = and_(decisions.c.prediction_id == table.c.id, decisions.c.source == "seller")
    paths = [cast(column, Text) for column in (table.c.path, table.c.leaf, decisions.c.path)]
    week = (table.c.created_at + _MONDAY) // _WEEK
    alike: list[ColumnElement[Any]] = [table.c.decision, *paths, week]
    rows = (
        select(*alike, func.count())
        .select_from(table.outerjoin(decisions, sellers))
        .where(table.c.id.in_(first), table.c.created_at >= since, table.c.created_at < until)
        .group_by(*alike)
    )
    return [_first_answers(row) for row in c.execute(rows)]


def _first_answers(row: Sequence[Any]) -> FirstAnswers:
    decision, path, leaf, chosen, week, number = row
    return FirstAnswers(
        decision=decision,
        path=tuple(json.loads(path)),
        leaf=tuple(json.loads(leaf)),
        chosen=None if chosen is None else tuple(json.loads(chosen)),
        week=int(week) * _WEEK - _MONDAY,
        number=number,
    )


def _of(product_id: str) -> Any:
    return select(table).where(table.c.product_id == clean(product_id))


def _write_evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "shares": {name: float(share) for name, share in evidence.shares.items()},
        "terms": [[term, float(weight)] for term, weight in evidence.terms],
        "nearest": [
            {"id": each.id, "title": each.title, "category": list(each.category), "similarity": float(each.similarity)}
            for each in evidence.nearest
        ],
    }


def _read_evidence(kept: dict[str, Any]) -> Evidence:
    nearest = (Neighbour(**{**each, "category": tuple(each["category"])}) for each in kept["nearest"])
    terms = tuple((term, weight) for term, weight in kept["terms"])
    return Evidence(shares=kept["shares"], terms=terms, nearest=tuple(nearest))


def _prediction(row: Row[Any]) -> StoredPrediction:
    return StoredPrediction(
        id=row.id,
        product_id=row.product_id,
        engine_id=row.engine_id,
        decision=row.decision,
        path=tuple(row.path),
        leaf=tuple(row.leaf),
        probability=row.probability,
        precision=row.precision,
        alternatives=tuple((tuple(path), probability) for path, probability in row.alternatives),
        modalities=tuple(row.modalities),
        evidence=_read_evidence(row.evidence),
        reason=row.reason,
        novelty=row.novelty,
        created_at=row.created_at,
    )

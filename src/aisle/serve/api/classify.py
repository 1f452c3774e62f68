"""``/v1/classify``: where products belong; nothing is kept."""

import asyncio
from collections.abc import Iterator

from fastapi import APIRouter, Request

from aisle.files import sha256_bytes
from aisle.product import Prediction
from aisle.serve.api.bodies import (
    Answer,
    BatchAnswer,
    BatchBody,
    ClassifyBody,
    Row,
    RowProblem,
    prediction_answer,
)
from aisle.serve.api.uploads import Given, after, read_body, read_item, request_body
from aisle.serve.context import context, deadline, note
from aisle.serve.inference.live import LiveEngine, Loaded
from aisle.serve.problems import Problem, problem_from

router = APIRouter(prefix="/v1", tags=["classify"])


@router.post("/classify", openapi_extra=request_body(ClassifyBody))
async def classify(request: Request) -> Answer:
    """Classify a product: JSON, or a form with the photo as a file."""
    body = await read_body(request, ClassifyBody)
    given = await read_item(request, body)
    prediction = await predict(request, given, precision=body.precision, evidence=body.evidence)
    given = await after(given, prediction)
    loaded = answering(context(request).live, prediction)
    return answer(loaded, given, prediction, precision=body.precision, evidence=body.evidence)


@router.post("/classify/batch")
async def classify_batch(request: Request, body: BatchBody) -> BatchAnswer:
    """Classify products together; each is answered, or has a problem, by itself."""
    here = context(request)
    found = await asyncio.gather(*(read_item(request, item) for item in body.products), return_exceptions=True)
    good = [given for given in found if isinstance(given, Given)]
    predictions = await here.batcher.predict_many(
        [given.product for given in good],
        precision=body.precision,
        evidence=body.evidence,
        deadline=deadline(request),
    )
    note(request, engine=predictions[0].engine if predictions else None, products=len(body.products))
    for prediction in predictions:
        here.metrics.decided(prediction)
    told = iter(zip(good, predictions, strict=True))
    return BatchAnswer(results=[await _row(here.live, each, told, body) for each in found])


async def _row(
    live: LiveEngine, found: Given | BaseException, told: Iterator[tuple[Given, Prediction]], body: BatchBody
) -> Row:
    if isinstance(found, BaseException):
        return _problem(found)
    given, prediction = next(told)
    try:
        given = await after(given, prediction)
    except Problem as problem:
        return _problem(problem)
    loaded = answering(live, prediction)
    return Row(answer=answer(loaded, given, prediction, precision=body.precision, evidence=body.evidence))


async def predict(request: Request, given: Given, *, precision: float | None, evidence: bool) -> Prediction:
    """Ask the engine about a product, and note what the log and the figures need.

    Raises
    ------
    Problem
        503: too many wait.
    """
    here = context(request)
    prediction = await here.batcher.predict(
        given.product, precision=precision, evidence=evidence, deadline=deadline(request)
    )
    photo = given.product.photo
    if isinstance(photo, bytes):
        note(request, photo=sha256_bytes(photo), photo_bytes=len(photo))
    note(request, engine=prediction.engine, products=1)
    here.metrics.decided(prediction)
    return prediction


def answering(live: LiveEngine, prediction: Prediction) -> Loaded:
    """Return the engine that gave a prediction; another may have gone live meanwhile."""
    previous = live.previous
    return previous if previous is not None and previous.version == prediction.engine else live.loaded


def answer(loaded: Loaded, given: Given, prediction: Prediction, *, precision: float | None, evidence: bool) -> Answer:
    """Return what is answered about a product."""
    return prediction_answer(
        prediction,
        precision=loaded.engine.precision if precision is None else precision,
        taxonomy=loaded.taxonomy_version,
        evidence=evidence,
        warnings=given.warnings,
    )


def _problem(error: BaseException) -> Row:
    if not isinstance(error, Exception):
        raise error
    found: Problem = problem_from(error)
    return Row(problem=RowProblem(status=found.status, code=found.code, detail=str(found.detail), field=found.field))

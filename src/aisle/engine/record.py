"""A prediction as plain data, and the values of somebody's table as text that every reader takes."""

import base64
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from aisle.product import CategoryPath, Prediction, format_path

_DIGITS = 6
_SURROGATES = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def prediction_record(prediction: Prediction, *, extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a prediction as one JSON object.

    The keys are always the same; paths are text (``A > B``), numbers are rounded to six digits.

    Parameters
    ----------
    prediction : Prediction
        What an engine said.
    extra : mapping of str to object, optional
        Cells of the product's row that play no part, kept under ``extra``.
    """
    evidence = prediction.evidence
    return {
        "id": prediction.id,
        "path": path_text(prediction.path),
        "probability": rounded(prediction.probability),
        "decision": prediction.decision,
        "leaf": path_text(prediction.leaf),
        "alternatives": [{"path": path_text(path), "probability": rounded(p)} for path, p in prediction.alternatives],
        "modalities": list(prediction.modalities),
        "evidence": {
            "shares": {name: rounded(share) for name, share in evidence.shares.items()},
            "terms": [[term, rounded(weight)] for term, weight in evidence.terms],
            "nearest": [
                {"id": near.id, "title": near.title, "category": path_text(near.category),
                 "similarity": rounded(near.similarity)}
                for near in evidence.nearest
            ],
            "reason": prediction.reason,
        },
        "engine": prediction.engine,
        "extra": dict(extra or {}),
    }  # fmt: skip


def format_record(record: dict[str, Any], *, indent: int | None = None) -> str:
    """Return a record as strict JSON: no NaN, and no half characters, which many readers refuse."""
    try:
        text = json.dumps(record, ensure_ascii=False, allow_nan=False, default=_foreign, indent=indent)
    except Exception:  # the boundary of a row: the input's own values may be anything
        extra = {str(name): _bare(value) for name, value in record["extra"].items()}
        text = json.dumps(record | {"extra": extra}, ensure_ascii=False, allow_nan=False, indent=indent)
    return valid_text(text)


def cell_text(value: Any) -> str | None:
    """Return a cell of the input as text; None for null and not-a-number, JSON for nested values."""
    bare = value if isinstance(value, str) else _bare(value)
    if bare is None or isinstance(bare, str):
        return bare if bare is None else valid_text(bare)
    return valid_text(json.dumps(bare, ensure_ascii=False))


def _bare(value: Any) -> Any:
    """Return a value as JSON can hold it: NaN is null, and what cannot be written says so."""
    try:
        return json.loads(json.dumps(value, default=_foreign), parse_constant=lambda _: None)
    except Exception as err:  # the boundary of a cell: nested without end, or an object that cannot be shown
        return f"(not writable: {type(err).__name__})"


def _foreign(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if hasattr(value, "tolist"):
        return value.tolist()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def valid_text(text: str) -> str:
    """Replace halves of characters, which UTF-8 cannot hold."""
    return text if text.isascii() else _SURROGATES.sub(_REPLACEMENT, text)


def path_text(path: CategoryPath) -> str | None:
    """Write a path as people read it; None where there is none."""
    return format_path(path) if path else None


def rounded(value: float) -> float | None:
    """Round for people and for size; plain floats, whatever the engine computes in."""
    number = float(value)
    return round(number, _DIGITS) if math.isfinite(number) else None

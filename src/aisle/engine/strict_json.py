"""JSON in one form only, and JSON read without trusting whoever wrote it."""

import json
import math
import re
from typing import Any

import numpy as np

from aisle.errors import EngineError

MAX_JSON_BYTES = 64 << 20
MAX_DEPTH = 64

_INT64 = range(-(2**63), 2**63)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[[ord("["), ord("{")]] = 1
_STEPS[[ord("]"), ord("}")]] = -1


def dump_json(value: Any) -> bytes:
    """Write a value as UTF-8 JSON: sorted keys, two spaces, one line end; equal values are equal bytes.

    Raises
    ------
    EngineError
        The value is not JSON: another type, NaN, an infinity, or text that is no text.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2, sort_keys=True)
        return (text + "\n").encode()
    except (TypeError, ValueError, RecursionError) as err:
        raise EngineError(f"a value of the engine cannot be written as JSON: {err}") from err


def parse_json(data: bytes, *, source: str, limit: int = MAX_JSON_BYTES) -> Any:
    """Read JSON, and refuse what readers understand differently or choke on.

    Refused are: keys that occur twice, NaN and infinities, numbers beyond float64 and int64, half surrogate pairs,
    nesting deeper than `MAX_DEPTH`, and any encoding but UTF-8 without a mark (RFC 8259).

    Parameters
    ----------
    data : bytes
        The text; its hash has been checked.
    source : str
        What the error calls it.
    limit : int
        The largest size in bytes.

    Raises
    ------
    EngineError
        The text is refused.
    """
    try:
        if len(data) > limit:
            raise ValueError(f"it has {len(data):,} bytes, and may have {limit:,}")
        if _depth(data) > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH}")
        value = json.loads(
            data.decode(),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_int64,
        )
        if _SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as err:
        raise EngineError(f"{source} is not JSON that an engine holds: {err}; train the engine anew") from err
    return value


def _depth(data: bytes) -> int:
    """Return how deep brackets nest outside of strings; of valid JSON, what the parser is going to find."""
    unescaped = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(unescaped.split(b'"')[::2])
    return int(_STEPS[np.frombuffer(outside, dtype=np.uint8)].cumsum(dtype=np.int64).max(initial=0))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:30]} is too large")
    return number


def _int64(text: str) -> int:
    # The length first: Python itself takes quadratic time for long ones.
    if len(text) > 20 or (number := int(text)) not in _INT64:
        raise ValueError(f"the number {text[:30]} is too large")
    return number

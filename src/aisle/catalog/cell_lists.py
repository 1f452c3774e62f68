"""Lists inside one cell, as exports write them: JSON, or what Python prints."""

import ast
import json
from typing import Any

_MAX_LENGTH = 20_000


def parse_list(text: str) -> list[Any] | None:
    """Return the list that a cell holds, or None where it holds none.

    >>> parse_list('["a", "b"]'), parse_list("['a', 'b']"), parse_list("[brackets] in a name")
    (['a', 'b'], ['a', 'b'], None)
    """
    text = text.strip()
    if not (text.startswith("[") and text.endswith("]")) or len(text) > _MAX_LENGTH:
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return value if isinstance(value, list) else None
    return None

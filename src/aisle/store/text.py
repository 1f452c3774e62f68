"""Text that every database can hold.

PostgreSQL has no place for NUL in a text, and neither database for half of a surrogate pair, which is no character.
Both become U+FFFD, the replacement character, here and nowhere else: `clean` for text columns, `dump_json` for all that
is kept as JSON.
"""

import json
import re
from typing import Any

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def clean(text: str) -> str:
    r"""Replace what no database holds.

    >>> clean("a\0b") == "a\ufffdb"
    True
    """
    return _UNSTORABLE.sub(_REPLACEMENT, text)


def dump_json(value: Any) -> str:
    """Write JSON as it is kept, every text in it cleaned.

    Raises
    ------
    ValueError
        A number in it is not finite: PostgreSQL does not take it.
    """
    return json.dumps(_cleaned(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(name)): _cleaned(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    return value

"""Markdown that is inert whatever a catalogue holds."""

import re
import unicodedata
from collections.abc import Sequence

_SPECIAL = re.compile(r"([\\`*_\[\]|<~$]|&(?=#?\w+;))")


def markdown(text: str) -> str:
    r"""Make any text plain text in Markdown, within a line.

    >>> markdown("Mugs | *all* <b>")
    'Mugs \\| \\*all\\* \\<b>'
    """
    clean = "".join(" " if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") else char for char in text)
    return _SPECIAL.sub(r"\\\1", " ".join(clean.split()))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> list[str]:
    """Return the lines of a table whose first columns are words and whose others are figures."""
    marks = ["---"] * words + ["---:"] * (len(head) - words)
    return [f"| {' | '.join(row)} |" for row in (head, marks, *rows)]

"""Titles that hold a text, whatever its case, in any alphabet.

SQLite's LIKE and lower() know the case of A to Z only, and PostgreSQL's that of the server's locale; sellers write É.
So both cases of every letter are spelled out, as GLOB on SQLite and as a regular expression on PostgreSQL. No letter of
the text is an operator of either, so that no text is slow to look for.
"""

from typing import Any

from sqlalchemy import ColumnElement, Connection

from aisle.store.text import clean

LONGEST = 200
"""How much of the text is looked for, in characters."""


def holds_text(c: Connection, column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Return the condition that a column holds a text."""
    wanted = clean(text)[:LONGEST]
    if c.dialect.name == "sqlite":
        return column.bool_op("GLOB")("*" + "".join(map(_glob, wanted)) + "*")
    return column.bool_op("~")("".join(map(_regular, wanted)))


def _cases(letter: str) -> list[str]:
    forms = {letter, letter.lower(), letter.upper(), letter.title()}
    return sorted(form for form in forms if len(form) == 1)


def _glob(letter: str) -> str:
    cases = _cases(letter)
    return f"[{''.join(cases)}]" if len(cases) > 1 or letter in "*?[" else letter


def _regular(letter: str) -> str:
    cases = _cases(letter)
    if len(cases) > 1:
        return f"[{''.join(cases)}]"
    return letter if letter.isalnum() or ord(letter) > 127 or letter.isspace() else f"\\{letter}"

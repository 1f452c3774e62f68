"""Text for a person: at most 80 columns, the same on a terminal and in a pipe, safe whatever a catalogue holds."""

import sys
import textwrap
import unicodedata

WIDTH = 80


def say(text: str, *, indent: int = 0, hang: int | None = None) -> None:
    """Print a line, folded at the width; continuation lines hang under its text."""
    print("\n".join(fold(text, indent=indent, hang=hang)))


def fold(text: str, *, indent: int = 0, hang: int | None = None) -> list[str]:
    """Return text that is safe to print as lines of at most the width, in columns of the terminal."""
    first, rest = " " * indent, " " * (indent if hang is None else hang)
    lines: list[str] = []
    for width in (WIDTH, WIDTH // 2):  # half of it where a wide script takes two columns a character
        lines = textwrap.wrap(plain(text), width, initial_indent=first, subsequent_indent=rest)
        if all(columns_of(line) <= WIDTH for line in lines):
            break
    return lines


def plain(text: str, *, width: int | None = None) -> str:
    """Return text that is safe to print: no control characters, cut to a number of columns if asked.

    >>> plain("a" + chr(27) + "[31mred", width=6)
    'a?[31…'
    """
    text = "".join(char if char.isprintable() else "?" for char in text)
    if width is None or columns_of(text) <= width:
        return text
    used = 0
    for position, char in enumerate(text):
        used += columns_of(char)
        if used > width - 1:
            return f"{text[:position]}…"
    return text


def columns_of(text: str) -> int:
    """Count the terminal columns that a text takes: wide scripts take two a character, marks none."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def draw_bar(share: float, *, width: int) -> str:
    """Draw a share of a whole as a bar, never empty, in what the terminal can show."""
    full, half = ("█", "▌") if _can_print("█▌") else ("#", "")
    halves = round(2 * width * share)
    return (full * (halves // 2) + half * (halves % 2)) or half or full


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True

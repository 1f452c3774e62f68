"""Category paths as catalogues write them."""

import json
import re

from aisle.product import CategoryPath

_SEPARATOR = re.compile(r"\s*>>\s*|\s+>\s+")
_TIGHT = re.compile(r"\s*>\s*")


def parse_category(text: str, *, separator: str | None = None) -> CategoryPath:
    """Read a category path.

    Two forms are known without being told: ``A > B > C`` (Google, Shopify, Aisle) and the raw Flipkart export,
    ``["A >> B >> C"]``. Names may hold commas, ampersands, slashes and any script: only the separator splits. A lone
    name is a path of depth one.

    Parameters
    ----------
    text : str
        The cell.
    separator : str, optional
        What stands between two names, where the catalogue uses something else, e.g. ``"/"``.

    Returns
    -------
    tuple of str
        The names from the root down; empty for an empty cell.

    Examples
    --------
    >>> parse_category('["Watches >> Wrist Watches >> Acme"]')
    ('Watches', 'Wrist Watches', 'Acme')
    >>> parse_category("Bags, Wallets & Belts > Belts")
    ('Bags, Wallets & Belts', 'Belts')
    """
    text = _unwrap(text.strip())
    if separator is not None:
        names = text.split(separator)
    elif _SEPARATOR.search(text):
        names = _SEPARATOR.split(text)
    else:
        names = _TIGHT.split(text)
    return tuple(clean for name in names if (clean := " ".join(name.split())))


def _unwrap(text: str) -> str:
    """Take the path out of the one-element JSON list that the Flipkart export wraps it in."""
    if not text.startswith("["):
        return text
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text.strip("[]").strip().strip('"')
    if isinstance(value, list):
        return str(value[0]) if value else ""
    return text

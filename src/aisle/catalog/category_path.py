"""Category paths as catalogues write them."""

import re
from collections.abc import Sequence
from typing import Any

from aisle.catalog.cell_lists import parse_list
from aisle.product import CategoryPath

_TIGHT = re.compile(r"(?<=\S)>(?=\S)")
_SPACED = re.compile(r" >(?= )")
_EDGES = " >"


def parse_category(value: Any, *, separator: str | None = None) -> CategoryPath:
    """Read a category path.

    Known without being told are ``A > B > C`` (Google, Shopify, Aisle), ``A>B>C``, the raw Flipkart export,
    ``["A >> B >> C"]``, and a list of the names, ``["A", "B", "C"]``. Names may hold commas, ampersands,
    slashes and any script: only the separator splits, and a ``>`` that clings to one word alone (``Size
    >10``) is part of a name. Where a cell lists several paths, the first counts. A lone name is a path of
    depth one.

    Parameters
    ----------
    value : str or sequence
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
    if not isinstance(value, str):
        return _path_of_list(value, separator)
    text = " ".join(value.split())
    if text.startswith("["):
        found = parse_list(text)
        if found is not None:
            return _path_of_list(found, separator)
        text = _strip_brackets(text)
    return _clean(_split(text, separator))


def _split(text: str, separator: str | None) -> list[str]:
    if separator is not None:
        return text.split(separator)
    text = text.replace("&gt;", ">").strip(_EDGES)
    if ">>" in text:
        return text.split(">>")
    if " > " in text:
        return _SPACED.split(text)
    return _TIGHT.split(text)


def _path_of_list(values: Sequence[Any], separator: str | None) -> CategoryPath:
    """Read a list: one path, several paths of which the first counts, or the names of one path."""
    values = [value for value in values if value is not None and value != ""]
    if not values:
        return ()
    if not all(isinstance(value, str) for value in values):
        first = values[0]
        if isinstance(first, (list, tuple)):
            # Two levels are all that exports have; a list within that is no path.
            return _clean([name for name in first if isinstance(name, str)])
        return _clean([str(value) for value in values])
    paths = [_clean(_split(" ".join(value.split()), separator)) for value in values]
    if len(paths) == 1 or any(len(path) > 1 for path in paths):
        return paths[0]
    return tuple(name for path in paths for name in path)


def _strip_brackets(text: str) -> str:
    """Take the path out of a list that is not valid, as where a name holds a quote: ``["A >> 19" Rack"]``."""
    for left, right in (('["', '"]'), ("['", "']")):
        if text.startswith(left):
            return text.removeprefix(left).removesuffix("]").rstrip().removesuffix(right[0])
    return text


def _clean(names: Sequence[str]) -> CategoryPath:
    return tuple(clean for name in names if (clean := " ".join(name.split())))

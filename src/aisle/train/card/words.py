"""How a model card writes things."""

from collections.abc import Mapping, Sequence
from typing import Any

from aisle.report.markdown import markdown


def path_text(path: Sequence[str]) -> str:
    """Return a category path for a table."""
    return markdown(" > ".join(path))


def fields_text(fields: Sequence[str]) -> str:
    """Name a set of fields.

    >>> fields_text(["title", "photo"])
    'title + photo'
    """
    return " + ".join(fields) or "nothing"


def percent(share: float | None) -> str:
    """Write a share; what is not certain never reads as 100 %.

    >>> percent(0.957), percent(0.99999), percent(1.0), percent(None)
    ('95.7 %', '>99.9 %', '100.0 %', '–')
    """
    if share is None:
        return "–"  # noqa: RUF001 - a dash for what there is not
    return ">99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.1f} %"


def share_text(found: Mapping[str, Any]) -> str:
    """Write a share with its interval.

    >>> share_text({"share": 0.957, "low": 0.943, "high": 0.968})
    '95.7 % [94.3, 96.8]'
    """
    if found["share"] is None:
        return percent(None)
    return f"{percent(found['share'])} [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"


def everything_of(evaluation: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the figures of the products that have the most."""
    found: Mapping[str, Any] = max(evaluation["subsets"], key=lambda row: len(row["fields"]))
    return found


def subset_of(evaluation: Mapping[str, Any], fields: Sequence[str]) -> Mapping[str, Any] | None:
    """Return the figures of a set of fields, if there are any."""
    return next((row for row in evaluation["subsets"] if list(row["fields"]) == list(fields)), None)

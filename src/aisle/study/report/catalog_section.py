"""What the report tells about the catalogue."""

from collections.abc import Iterator, Mapping
from typing import Any

from aisle.report.svg import finite
from aisle.study.report.tables import size_tables

_MOST_BROKEN = 50
_MOST_SMALL = 60


def catalog_section(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the report says about the catalogue: counts, troubles, sizes of the categories."""
    catalog = summary.get("catalog") or {}
    broken = list(catalog.get("photos_broken") or ())
    small = catalog.get("small_categories") or {}
    pairs = small.items() if isinstance(small, Mapping) else [(name, None) for name in small]
    named = [f"{name} ({count:,})" if isinstance(count, int) else str(name) for name, count in pairs]
    return {
        "facts": list(_facts(catalog)),
        "notes": [str(note) for note in catalog.get("notes") or ()],
        "broken": [
            {"id": str(photo.get("id")), "code": str(photo.get("code")), "message": str(photo.get("message"))}
            for photo in broken[:_MOST_BROKEN]
        ],
        "broken_more": max(len(broken) - _MOST_BROKEN, 0),
        "small": named[:_MOST_SMALL],
        "small_more": max(len(named) - _MOST_SMALL, 0),
        "sizes": size_tables(catalog.get("categories") or {}),
    }


def _facts(catalog: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Source", str(catalog.get("source") or "")
    wanted = (
        ("rows", "Rows"),
        ("products", "Products read"),
        ("quarantined", "Rows set aside"),
        ("unlabelled", "Products without category"),
        ("studied", "Products studied"),
        ("photos", "Photos"),
        ("photos_missing", "Products without photo"),
    )
    for key, label in wanted:
        count = finite(catalog.get(key))
        if count is not None:
            yield label, f"{count:,.0f}"
    yield "Photos that cannot be decoded", f"{len(catalog.get('photos_broken') or ()):,}"
    near = catalog.get("near_duplicates") or {}
    if near.get("products"):
        text = f"{near['products']:,} products in {near.get('groups', 0):,} groups"
        yield "Near-duplicates", f"{text}, the largest of {near.get('largest', 0):,}"
    elif near:
        yield "Near-duplicates", "none found"
    count = finite(catalog.get("exact_duplicates"))
    if count is not None:
        yield "Exact duplicates", f"{count:,.0f}"

"""The report of ``aisle check`` for a person: at most 80 columns, the same on a terminal and in a pipe."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from aisle.catalog.inspection import Alike, Inspection, Lengths
from aisle.cli.terminal import columns_of, draw_bar, plain, say

_NAME = 36
_BAR = 30
_CATEGORIES = 20
_EXAMPLES = 3
_LABEL = 15


def print_inspection(found: Inspection, *, quarantine: Path | None) -> None:
    """Print what was found, most needed first; `quarantine` is where bad rows were written, if any."""
    say(found.source)
    say(f"{found.products:,} products in {found.rows:,} rows, {len(found.bad_rows):,} set aside")
    for note in found.notes:
        say(f"Note: {note}")
    _print_bad_rows(found, quarantine)
    _print_columns(found)
    _print_content(found)
    _print_categories(found)
    _print_duplicates(found)
    _print_concerns(found)


def _heading(text: str) -> None:
    print(f"\n{text}")


def _labelled(label: str, text: str) -> None:
    say(f"{label:{_LABEL}}{text}", indent=2, hang=2 + _LABEL)


def _print_bad_rows(found: Inspection, quarantine: Path | None) -> None:
    if not found.bad_rows:
        return
    _heading("Rows set aside")
    for code, count in Counter(bad.code for bad in found.bad_rows).most_common():
        _labelled(f"{code} ", f"{count:,}")
        for bad in [bad for bad in found.bad_rows if bad.code == code][:_EXAMPLES]:
            say(f"row {bad.row}: {bad.message}", indent=4, hang=6)
    if quarantine is not None:
        say(f"All of them are listed in {quarantine}", indent=2)


def _print_columns(found: Inspection) -> None:
    _heading("Columns")
    for role, names in found.columns.by_role.items():
        _labelled(role, ", ".join(names))
    if found.columns.unused:
        _labelled("not used", ", ".join(found.columns.unused))


def _print_content(found: Inspection) -> None:
    _heading("Content")
    _labelled("titles", _describe_lengths(found.titles, found.products))
    _labelled("descriptions", _describe_lengths(found.descriptions, found.products))
    photos = found.photos
    text = f"{photos.present:,} of {found.products:,}"
    if photos.missing:
        text += f", {photos.missing:,} missing"
        if photos.present:
            text += f" ({_some(photos.missing_ids)})"
    if not photos.decoded:
        text += "; not opened"
    elif photos.present:
        text += f"; {len(photos.broken):,} cannot be opened" if photos.broken else "; all can be opened"
    _labelled("photos", text)
    for code, count in Counter(photo.code for photo in photos.broken).most_common():
        _labelled("", f"{code} {count:,} ({_some([p.id for p in photos.broken if p.code == code])})")


def _describe_lengths(lengths: Lengths, products: int) -> str:
    if not lengths.present:
        return "none"
    return (
        f"{lengths.present:,} of {products:,}; characters: {lengths.shortest:,} to {lengths.longest:,}, "
        f"median {lengths.median:,}, 95 % have at most {lengths.long:,}"
    )


def _print_categories(found: Inspection) -> None:
    categories = found.categories
    _heading(f"Categories at level {found.level}: {len(categories):,}")
    shown = dict(list(categories.items())[:_CATEGORIES])
    _print_bars(shown)
    if len(categories) > len(shown):
        rest = sum(categories.values()) - sum(shown.values())
        say(f"and {len(categories) - len(shown):,} more with {rest:,} products", indent=2)
    if found.unlabelled:
        say(f"{found.unlabelled:,} products have no category", indent=2)
    if categories:
        small, single = found.smaller_than(10), found.smaller_than(2)
        if small:
            say(f"{small:,} categories hold fewer than 10 products, {single:,} of them only one", indent=2)
        depths = ", ".join(f"{count:,} of depth {depth}" for depth, count in found.depths.items())
        say(f"paths by depth: {depths}", indent=2, hang=4)


def _print_bars(categories: Mapping[str, int]) -> None:
    if not categories:
        return
    most = max(categories.values())
    width = max(len(f"{most:,}"), 4)
    for name, count in categories.items():
        name = plain(name, width=_NAME)
        print(f"  {name}{' ' * (_NAME - columns_of(name))} {count:{width},} {draw_bar(count / most, width=_BAR)}")


def _print_duplicates(found: Inspection) -> None:
    _heading("Duplicates")
    _labelled("exact", _describe_alike(found.same))
    _labelled("alike in text", _describe_alike(found.alike_text))
    if found.photos.decoded and found.photos.present:
        _labelled("alike in photo", _describe_alike(found.alike_photo))


def _describe_alike(alike: Alike) -> str:
    if not alike.groups:
        return "none"
    text = f"{alike.products:,} products in {alike.groups:,} groups, the largest of {alike.largest:,}"
    return f"{text}; {alike.mixed:,} across categories" if alike.mixed else text


def _print_concerns(found: Inspection) -> None:
    if not found.concerns:
        return
    _heading("Look at this first")
    for concern in found.concerns:
        say(f"! {concern.message}", indent=2, hang=4)


def _some(names: Iterable[str]) -> str:
    names = list(names)
    shown = ", ".join(plain(name, width=12) for name in names[:_EXAMPLES])
    return f"{shown}, ..." if len(names) > _EXAMPLES else shown

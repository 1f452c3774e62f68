"""Photos that lie beside a table in an object store, fetched a few at a time."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote

from aisle.batch.storage import filesystem, is_web, reason, shown
from aisle.catalog.photo_files import names_in
from aisle.catalog.photos import MAX_FILE_BYTES
from aisle.catalog.quarantine import BadRow
from aisle.catalog.tables import Row
from aisle.errors import CatalogError

_AT_ONCE = 8


def fetch_photos(rows: Iterator[Row | BadRow], *, columns: Sequence[str], url: str) -> Iterator[Row | BadRow]:
    """Put the bytes of photos into cells that name them.

    A name counts as a path from the folder of the table, out of which it cannot lead. There is no search for a name as
    there is on a disk, since that would take a listing of the whole store. A photo that is not there leaves its
    product without one, as on a disk; a store that does not answer ends the reading, or whole shards would go without.

    Parameters
    ----------
    rows : iterator of (int, mapping) or BadRow
        As they are read.
    columns : sequence of str
        Those that may hold a photo; the first names it.
    url : str
        The table's address.

    Raises
    ------
    CatalogError
        A photo cannot be fetched, though it may be there.
    """
    if not columns:
        yield from rows
        return
    while window := [*islice(rows, _AT_ONCE)]:
        wanted = {
            position: path
            for position, row in enumerate(window)
            if not isinstance(row, BadRow) and (path := _path(row[1].get(columns[0]), url))
        }
        photos = dict(zip(wanted, _fetch([*wanted.values()], url), strict=True))
        for position, row in enumerate(window):
            photo = photos.get(position)
            if photo and not isinstance(row, BadRow):
                yield row[0], {**row[1], columns[0]: photo}
            else:
                yield row


def _path(cell: Any, url: str) -> str:
    """Return where the photo lies that a cell names; nothing where it names none in the table's folder."""
    if isinstance(cell, Mapping):
        cell = None if cell.get("bytes") else cell.get("path")
    names = [*names_in(cell.strip())] if isinstance(cell, str) else []
    name = names[-1] if names else ""  # of a list its first entry, which comes last
    path = posixpath.normpath(name.replace("\\", "/"))
    if not name or "://" in name or "\0" in name or path in (".", "..") or path.startswith(("/", "../")):
        return ""
    return quote(path) if is_web(url) else path


def _fetch(paths: Sequence[str], url: str) -> list[bytes]:
    """Return the content of photos, beginning with as much as may be decoded; nothing for those not there."""
    if not paths:
        return []
    store, table = filesystem(url)
    folder = posixpath.dirname(table.partition("?")[0] if is_web(url) else table).rstrip("/")
    places = [f"{folder}/{path}" for path in paths]
    found = store.cat_ranges(places, [0] * len(places), [MAX_FILE_BYTES + 1] * len(places), on_error="return")
    return [_content(result, place, store) for result, place in zip(found, places, strict=True)]


def _content(result: bytes | Exception, place: str, store: Any) -> bytes:
    if isinstance(result, bytes):
        return result
    if isinstance(result, (FileNotFoundError, IsADirectoryError)):
        return b""
    try:
        if not store.info(place)["size"]:  # servers refuse to give a part of nothing
            return b""
    except Exception as err:  # the boundary to foreign drivers; what went wrong first is told
        result.add_note(str(err))
    name = shown(store.unstrip_protocol(place))
    raise CatalogError(f"the photo {name} cannot be fetched: {reason(result)}") from result

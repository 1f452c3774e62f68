"""What a batch reads: files, folders of tables, globs and addresses, each file once and in a fixed order."""

import glob
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from aisle.batch.storage import (
    Facts,
    StoredFile,
    facts_of_entry,
    facts_of_path,
    filesystem,
    is_remote,
    is_web,
    local_path,
    shown,
    told,
)
from aisle.catalog.tables import PHOTO_SUFFIXES, TABLE_SUFFIXES, table_kind
from aisle.errors import CatalogError, CatalogNotFoundError

_COMPRESSED = frozenset({".gz", ".zip", ".bz2", ".xz", ".zst"})
_NO_TABLE = "it holds no table (CSV, JSON lines, Parquet)"


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a batch reads.

    Attributes
    ----------
    url : str
        An absolute path on this machine, or an address.
    kind : {"csv", "jsonl", "parquet"}
        What it holds.
    size : int
        In bytes; nothing is in one of 0.
    stamp : str
        Another one whenever the file has changed; made of what the file system says, not of the content.
    """

    url: str
    kind: str
    size: int
    stamp: str

    @property
    def name(self) -> str:
        """The address without what is secret in it, for messages."""
        return shown(self.url)

    def file(self, *, block: int = 1 << 20) -> StoredFile:
        """Return the file, to be opened; `block` is how many bytes to fetch at once from an object store."""
        return StoredFile(self.url, block)

    def check_unchanged(self) -> None:
        """Raise a CatalogError where the file is gone, or is not what it was."""
        try:
            facts = self.file().facts()
        except CatalogNotFoundError as err:
            raise CatalogNotFoundError(f"{self.name} is gone since the batch was planned; put it back") from err
        if (facts.size, facts.stamp) != (self.size, self.stamp):
            raise CatalogError(f"{self.name} has changed since the batch was planned; run it again once it is complete")


@dataclass(frozen=True, slots=True)
class _Found:
    """A file, what was seen of it, and whether somebody named it, so that it must be a table."""

    url: str
    facts: Facts
    named: bool


def find_sources(patterns: Sequence[str], *, kind: str | None = None) -> tuple[Source, ...]:
    """Find the files that a batch is to read.

    A folder stands for all tables in it, though not in folders below; a glob for all files that it matches, which must
    be tables. Hidden files and quarantine files are left out unless they are named. A file that is found twice is read
    once.

    Parameters
    ----------
    patterns : sequence of str
        Files, folders, globs (``**`` stands for folders at any depth), and addresses, as ``s3://bucket/part-*.parquet``.
        An address of the web is one file.
    kind : {"csv", "jsonl", "parquet"}, optional
        What the files hold, where their names do not say.

    Returns
    -------
    tuple of Source
        By address. A file without content that nobody named is there too; it has no rows.

    Raises
    ------
    CatalogNotFoundError
        Nothing is there.
    CatalogError
        A file is of no known kind, a named one is empty, or all are.
    MissingExtraError
        What reads the addresses is not installed.
    """
    found: dict[str, Source] = {}
    for pattern in patterns:
        for file in _find(pattern, kind):
            if file.named and not file.facts.size:
                raise CatalogError(f"{shown(file.url)} is empty")
            suffix = _suffix(file.url)
            holds = kind if kind and suffix not in _COMPRESSED else table_kind(shown(file.url), suffix=suffix)
            source = Source(url=file.url, kind=holds, size=file.facts.size, stamp=file.facts.stamp)
            found.setdefault(file.url if is_remote(file.url) else os.path.realpath(file.url), source)
    sources = tuple(sorted(found.values(), key=lambda source: source.url))
    if not sources:
        raise CatalogError("no products are named; name a file, a folder, a glob or an address")
    if not any(source.size for source in sources):
        raise CatalogError(f"{sources[0].name} is empty" + (f", as are {len(sources) - 1} more" if sources[1:] else ""))
    return sources


def _find(pattern: str, kind: str | None) -> Iterator[_Found]:
    if pattern == "-":
        raise CatalogError("a batch cannot go on with standard input after a kill; write it to a file")
    if not pattern:
        raise CatalogError("the path of the products is empty; name a file, a folder, a glob or an address")
    with told(pattern):
        yield from _find_remote(pattern, kind) if is_remote(pattern) else _find_local(pattern, kind)


def _find_local(pattern: str, kind: str | None) -> Iterator[_Found]:
    path = local_path(pattern)
    if path.is_dir():
        files = {str(entry): entry for entry in path.iterdir() if entry.is_file()}
        paths = [files[name] for name in _tables(files, kind, place=pattern)]
    elif path.exists() or not glob.has_magic(str(path)):
        paths = [path]
    else:
        matches = [Path(match) for match in glob.iglob(str(path), recursive=True)]
        paths = [match for match in matches if match.is_file() and ".quarantine." not in match.name]
        if not paths:
            raise CatalogNotFoundError(f"no file matches {pattern}; check the pattern")
    for file in paths:
        yield _Found(os.path.abspath(file), facts_of_path(file), named=file == path)


def _find_remote(url: str, kind: str | None) -> Iterator[_Found]:
    store, path = filesystem(url)
    store.invalidate_cache()
    if is_web(url):
        yield _Found(url, facts_of_entry(store.info(path), url), named=True)
        return
    if glob.has_magic(path) and not store.exists(path):
        entries = _files(store.glob(path, detail=True).values())
        names = [name for name in entries if not _is_hidden(name)]
        if not names:
            raise CatalogNotFoundError(f"no file matches {shown(url)}; check the pattern")
    else:
        entry = store.info(path)
        if entry.get("type") != "directory":
            address = store.unstrip_protocol(path)
            yield _Found(address, facts_of_entry(entry, address), named=True)
            return
        entries = _files(store.ls(path, detail=True))
        names = _tables(entries, kind, place=shown(url))
    for name in names:
        address = store.unstrip_protocol(name)
        yield _Found(address, facts_of_entry(store.info(name), address), named=False)


def _files(entries: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {entry["name"]: entry for entry in entries if entry.get("type") == "file"}


def _tables(files: Iterable[str], kind: str | None, *, place: str) -> list[str]:
    """Return the files of a folder that are tables; one that is packed is no reason to lose its rows in silence."""
    tables = []
    for name in sorted(files):
        path = PurePosixPath(name)
        suffix = path.suffix.lower()
        if _is_hidden(name) or path.name.startswith("_"):  # as _SUCCESS, which says that the others are complete
            continue
        packed = suffix in _COMPRESSED and PurePosixPath(path.stem).suffix.lower() in TABLE_SUFFIXES
        if packed or suffix in TABLE_SUFFIXES - {".txt"} or (kind and not suffix):
            tables.append(name)
    if not tables:
        photos = any(PurePosixPath(name).suffix.lower() in PHOTO_SUFFIXES for name in files)
        remedy = "; `aisle classify` reads folders of photos" if photos else "; for those below it write '**/*.csv'"
        raise CatalogError(f"nothing can be read from {place}: {_NO_TABLE}{remedy}")
    return tables


def _is_hidden(name: str) -> bool:
    last = PurePosixPath(name).name
    return last.startswith(".") or ".quarantine." in last


def _suffix(url: str) -> str:
    return PurePosixPath(urlsplit(url).path if is_web(url) else url).suffix.lower()

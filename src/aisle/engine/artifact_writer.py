"""An engine's folder, written beside the old one and put in its place whole."""

import contextlib
import logging
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from aisle.engine.folder_reader import open_regular
from aisle.engine.layout import MANIFEST, MAX_MANIFEST_BYTES, Layout
from aisle.engine.manifest import Listed, Manifest, fingerprint, parse_manifest
from aisle.errors import DiskFullError, EngineError
from aisle.files import disk_errors, sha256_bytes, sync_folder

log = logging.getLogger(__name__)

_LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}
"""What file browsers leave in a folder that somebody has looked at."""


def write_artifact(folder: Path, files: Mapping[str, bytes], *, about: Mapping[str, Any]) -> str:
    """Write an engine: a folder that appears under its name only once it is complete.

    Everything goes to a folder beside it, the manifest last, and is flushed to the disk. Then the old engine steps
    aside, the new one takes its name, and the old one is removed. A kill at any moment leaves one of the two for
    `aisle.engine.artifact.open_artifact`.

    Parameters
    ----------
    folder : Path
        Where to write. Missing parents are made; an engine that is there is replaced; a link is followed.
    files : mapping of str to bytes
        By name, e.g. ``heads.safetensors`` or ``plots/reliability.svg``. `aisle.engine.layout.check_names` says which
        names are allowed.
    about : mapping of str to Any
        What to say of the engine, as JSON: versions of the taxonomy, the decode path, the encoders. No times, if the
        same engine is to be the same bytes.

    Returns
    -------
    str
        The fingerprint, 12 hex digits.

    Raises
    ------
    EngineError
        The folder holds anything but an engine; a name or a size is not allowed; or the system refuses to write.
    DiskFullError
        The disk is full. What was there is untouched.
    """
    listed = {name: Listed(len(data), sha256_bytes(data)) for name, data in files.items()}
    manifest = Manifest(listed, about, f"aisle {version('aisle')}").dump()
    layout = Layout(Path(folder))
    parse_manifest(manifest, source=str(layout.manifest))  # what is written can be read
    with _explained(layout.folder), disk_errors(layout.folder):
        real = layout.real
        if not real.name:
            raise EngineError(f"{folder} cannot be an engine; choose a folder of its own")
        real.parent.mkdir(parents=True, exist_ok=True)
        _recover(layout)
        _check_replaceable(real)
        staging = _beside(real, "part")
        try:
            _fill(staging, {**files, MANIFEST: manifest})
            _exchange(layout, staging)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        _discard(layout)
    return fingerprint(manifest)


def check_destination(folder: Path) -> None:
    """Refuse before the work what `write_artifact` would refuse after it, as far as that can be seen; change nothing.

    Raises
    ------
    EngineError
        The folder holds anything but an engine, or is a file.
    """
    layout = Layout(Path(folder))
    with _explained(layout.folder):
        _check_replaceable(layout.real)


def _beside(real: Path, kind: str) -> Path:
    return real.with_name(f".{real.name[:40]}.{secrets.token_hex(8)}.{kind}")


def _fill(staging: Path, files: Mapping[str, bytes]) -> None:
    """Write the files in the order given, and flush them, their folders and their names."""
    staging.mkdir()
    folders = {staging}
    for name, data in files.items():
        path = staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        folders.update(parent for parent in path.parents if parent.is_relative_to(staging))
        if name == MANIFEST:
            for each in folders:
                sync_folder(each)
        with path.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    sync_folder(staging)


def _exchange(layout: Layout, staging: Path) -> None:
    real, previous = layout.real, layout.previous
    try:
        if os.path.lexists(real):
            os.rename(real, previous)
        os.rename(staging, real)
    except BaseException:
        if os.path.lexists(previous) and not os.path.lexists(real):
            os.rename(previous, real)
        raise
    try:
        sync_folder(real.parent)
    except OSError as err:  # the new engine is there, and all of it
        log.warning("%s might not survive a power failure now (%s)", real, err)


def _recover(layout: Layout) -> None:
    """Finish what a writer that was stopped has left."""
    if not os.path.lexists(layout.previous):
        return
    if os.path.lexists(layout.real):
        _check_replaceable(layout.previous)
        _discard(layout)
    else:
        os.rename(layout.previous, layout.real)


def _discard(layout: Layout) -> None:
    """Remove the previous engine; first its name, so that half of it is never taken for an engine."""
    if not os.path.lexists(layout.previous):
        return
    doomed = _beside(layout.real, "old")
    try:
        os.rename(layout.previous, doomed)
        shutil.rmtree(doomed)
    except OSError as err:
        log.warning("the previous engine could not be removed (%s); remove %s", err, doomed)


def _check_replaceable(folder: Path) -> None:
    """Refuse to replace anything but nothing, an empty folder, or an engine and not a file more."""
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise EngineError(f"{folder} is a file, and an engine is a folder; choose another name")
    if not any(folder.iterdir()):
        return
    try:
        with open_regular(folder, MANIFEST) as (file, _):
            data = file.read(MAX_MANIFEST_BYTES + 1)
        listed = parse_manifest(data, source=str(folder / MANIFEST)).files
    except EngineError as err:
        reason = str(err).partition(";")[0]
        raise EngineError(
            f"{folder} is not empty and holds no engine that could be replaced ({reason}). Nothing was changed: choose "
            "another folder, or empty this one yourself"
        ) from err
    for name in _foreign(folder, {MANIFEST, *listed}):
        raise EngineError(
            f"{folder} holds {name!r}, which is no part of the engine there and would be lost. Nothing was changed: "
            "move it away, or choose another folder"
        )


def _foreign(folder: Path, files: set[str]) -> Iterator[str]:
    """Yield what lies in a folder beside the files named, and is no folder that they need."""
    folders = {"/".join(name.split("/")[:at]) for name in files for at in range(1, name.count("/") + 1)}
    waiting = [""]
    while waiting:
        parent = waiting.pop()
        with os.scandir(folder / parent) as entries:
            for entry in entries:
                name = f"{parent}/{entry.name}" if parent else entry.name
                if not entry.is_dir(follow_symlinks=False):
                    if name not in files and entry.name not in _LITTER:
                        yield name
                elif name in folders:
                    waiting.append(name)
                else:
                    yield name


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except (EngineError, DiskFullError):
        raise
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or err
        raise EngineError(
            f"the engine cannot be written to {folder}: {reason}. What was there is untouched: choose another folder, "
            "in one that is yours and on one disk"
        ) from err

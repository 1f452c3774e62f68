"""Files of a folder that may be hostile, opened so that nothing else can be: no links, no pipes, no way out."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from aisle.errors import EngineError

# Windows lacks most of these, and cannot open a file relative to an open folder.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_FILE = os.O_RDONLY | _NO_LINK | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FILE |= getattr(os, "O_NONBLOCK", 0)  # a pipe put there at the last moment does not block
_HAS_HANDLES = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd

_COPY = "make the engine a folder of plain files, for example with `cp -rL`"
_REASONS = {
    errno.ENOENT: "is missing",
    errno.ENOTDIR: "lies where there is no folder",
    errno.ELOOP: "is reached through a symbolic link",
}


@contextlib.contextmanager
def open_regular(folder: Path, name: str) -> Iterator[tuple[IO[bytes], int]]:
    """Open a file of a folder for reading.

    Each part of the name is opened relative to the folder above it and never through a link, so that an exchange of
    folders in the meantime leads nowhere else. What the open handle says counts, not what the name said before.

    Parameters
    ----------
    folder : Path
        The folder, which may itself be reached through a link.
    name : str
        The file, parts joined by ``/``, checked by `aisle.engine.layout.check_names`.

    Yields
    ------
    file : binary file
        Open for reading.
    size : int
        Its bytes, as the open handle says.

    Raises
    ------
    EngineError
        The file is missing, a link, a hard link, a pipe, a device or a folder, or cannot be read.
    """
    with _explained(folder, name), _descend(folder, name) as (base, last):
        before = _lstat(base, last)
        _expect_regular(before, folder / name)
        handle = os.open(_path(base, last), _FILE, dir_fd=_dir_fd(base))
        try:
            found = os.fstat(handle)
            _expect_regular(found, folder / name)
            if (found.st_dev, found.st_ino) != (before.st_dev, before.st_ino):
                raise EngineError(f"{folder / name} was exchanged while it was opened; load the engine again")
            with open(handle, "rb", closefd=False) as file:
                yield file, found.st_size
        finally:
            os.close(handle)


def regular_size(folder: Path, name: str) -> int:
    """Return the size in bytes of a file that `open_regular` would open, without opening it.

    Raises
    ------
    EngineError
        As `open_regular`.
    """
    with _explained(folder, name), _descend(folder, name) as (base, last):
        found = _lstat(base, last)
        _expect_regular(found, folder / name)
        return found.st_size


@contextlib.contextmanager
def _descend(folder: Path, name: str) -> Iterator[tuple[int | str, str]]:
    """Go down to the folder that holds the file: a handle, or a path where folders have no handles."""
    *parents, last = name.split("/")
    with contextlib.ExitStack() as stack:
        base = _open_folder(str(folder), None, stack)
        for part in parents:
            found = _lstat(base, part)
            if not stat.S_ISDIR(found.st_mode) or _is_link(found):
                raise EngineError(f"{folder / name} is reached through a link or a file; {_COPY}")
            base = _open_folder(part, base, stack)
        yield base, last


def _open_folder(part: str, base: int | str | None, stack: contextlib.ExitStack) -> int | str:
    if not _HAS_HANDLES:
        return part if base is None else os.path.join(str(base), part)
    inner = _dir_fd(base)
    handle = os.open(part, _FOLDER if inner is None else _FOLDER | _NO_LINK, dir_fd=inner)
    stack.callback(os.close, handle)
    return handle


def _dir_fd(base: int | str | None) -> int | None:
    return base if isinstance(base, int) else None


def _path(base: int | str, part: str) -> str:
    return part if isinstance(base, int) else os.path.join(base, part)


def _lstat(base: int | str, part: str) -> os.stat_result:
    return os.stat(_path(base, part), dir_fd=_dir_fd(base), follow_symlinks=False)


def _is_link(found: os.stat_result) -> bool:
    """Say whether it is a symbolic link, or what Windows has in its place."""
    attributes = getattr(found, "st_file_attributes", 0)
    return stat.S_ISLNK(found.st_mode) or bool(attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT)


def _expect_regular(found: os.stat_result, path: Path) -> None:
    if _is_link(found):
        raise EngineError(f"{path} is a symbolic link; {_COPY}")
    if stat.S_ISDIR(found.st_mode):
        raise EngineError(f"{path} is a folder where a file is expected; copy the engine again")
    if not stat.S_ISREG(found.st_mode):
        raise EngineError(f"{path} is no file but a pipe, a socket or a device; copy the engine again")
    if found.st_nlink > 1:
        raise EngineError(f"{path} is a hard link, which others may change; {_COPY}")


@contextlib.contextmanager
def _explained(folder: Path, name: str) -> Iterator[None]:
    """Turn what the system says into the one error."""
    try:
        yield
    except EngineError:
        raise
    except (OSError, ValueError) as err:  # ValueError: a NUL in the name of the folder
        code = err.errno if isinstance(err, OSError) else None
        reason = _REASONS.get(code or 0) or f"cannot be read ({getattr(err, 'strerror', None) or err})"
        raise EngineError(f"{folder / name} {reason}; name the folder of an engine, or copy it again") from err

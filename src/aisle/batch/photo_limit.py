"""A time limit for decoding a photo, which holds even where a decoder in C neither returns nor lets go.

A worker notes which photo it decodes in a small file and winds up the one alarm of `faulthandler`, which needs no
interpreter to go off: it writes where the process stands behind the note, and ends the process. Whoever is in charge
reads the note and has the shard done again without that photo. A process that ends otherwise leaves a note as well, but
nothing behind it.
"""

import faulthandler
import os
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from aisle.catalog.photo_watch import Photo, watch_photos
from aisle.errors import PhotoError
from aisle.files import disk_errors, sha256_bytes

_NOTE_BYTES = 4096


class PhotoLimit:
    """While it is entered, no photo of this process may take longer to decode.

    Of several that are decoded at once the one that was begun first is blamed; where one thread decodes, as in a worker
    of a batch, that is the one that hangs.

    Parameters
    ----------
    note : Path
        The file to note photos in; gone when it is left.
    seconds : float
        How long a photo may take, reading its file included.
    left_out : collection of str
        Photos, as `photo_name` names them, that are not even tried.

    Attributes
    ----------
    decoding : float
        Seconds spent on decoding, of all threads together.
    refused : list of str
        Those left out that came up.
    """

    def __init__(self, note: Path, *, seconds: float, left_out: Collection[str] = ()) -> None:
        self.decoding = 0.0
        self.refused: list[str] = []
        self._path = note
        self._limit = seconds
        self._left_out = left_out
        self._lock = threading.Lock()
        self._begun: dict[object, tuple[str, float]] = {}  # the photos at work, the oldest first

    def __enter__(self) -> Self:
        with disk_errors(self._path):
            self._file = self._path.open("wb", buffering=0)
            self._file.seek(_NOTE_BYTES)  # where the alarm writes
        watch_photos(self._watch)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        watch_photos(None)
        faulthandler.cancel_dump_traceback_later()
        self._file.close()
        self._path.unlink(missing_ok=True)

    @contextmanager
    def _watch(self, photo: Photo) -> Iterator[None]:
        name = photo_name(photo)
        if name in self._left_out:
            self.refused.append(name)
            raise PhotoError("too_slow", left_out_reason(name))
        place, begun = object(), time.monotonic()
        with self._lock:
            self._begun[place] = name, begun
            self._wind()
        try:
            yield
        finally:
            with self._lock:
                del self._begun[place]
                self._wind()
                self.decoding += time.monotonic() - begun

    def _wind(self) -> None:
        """Set the alarm to the photo that has been at work longest."""
        oldest = next(iter(self._begun.values()), None)
        if oldest is None:
            faulthandler.cancel_dump_traceback_later()
            return
        name, begun = oldest
        with disk_errors(self._path):
            os.pwrite(self._file.fileno(), name.encode() + b"\0", 0)
        left = max(begun + self._limit - time.monotonic(), 0.001)
        faulthandler.dump_traceback_later(left, exit=True, file=self._file)


def photo_name(photo: Photo) -> str:
    """Return what to call a photo: its path, or the hash of what is in it where it has none that is short."""
    if isinstance(photo, bytes):
        return f"SHA-256 {sha256_bytes(photo)}"
    raw = str(photo).encode("utf-8", "backslashreplace")
    return raw.decode() if len(raw) < _NOTE_BYTES else f"SHA-256 {sha256_bytes(raw)}"


def left_out_reason(name: str) -> str:
    """Return why a photo was not decoded."""
    return f"the photo {name} was left out: decoding it took too long in an earlier attempt"


def slow_photo(note: Path) -> str | None:
    """Return the photo that ended the process which left this note, and remove the note.

    None where there is no note, or the process ended otherwise.
    """
    try:
        data = note.read_bytes()
        note.unlink(missing_ok=True)
    except FileNotFoundError:
        return None
    name = data[:_NOTE_BYTES].partition(b"\0")[0]
    return name.decode() if len(data) > _NOTE_BYTES and name else None

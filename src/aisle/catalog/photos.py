"""The one decode path: from the bytes of a photo to the pixels an encoder sees.

Training, batch and HTTP all come through `decode_photo`. A change of decoder costs 0.7 to 2.3 points of
accuracy, a change of resize 0.6 to 2.3 ("SysNoise", MLSys 2023), so the path is one and has a
version, which is part of an engine.

The order is: size of the file, header, list of formats, pixels and predicted memory, scaled decode, one
colour model on white, one antialiased resize, orientation. Orientation comes last because every region cut
here is centred: turning the small result gives the same picture as turning the big source, without a second
copy of it.

Formats are JPEG (of an MPO the first picture), PNG, WebP and GIF (first frame). BMP, TIFF, AVIF and the rest
are refused by name: they hardly occur in catalogues, BMP's run-length decoder runs in Python, and libtiff is
a decoder of decoders whose memory no header predicts. Colour profiles are not applied.
"""

import io
import os
import stat
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.photo_header import PhotoFacts, read_header
from aisle.catalog.photo_pixels import PixelShape, decode_bytes, decode_small, finish, plan_decode
from aisle.catalog.photo_watch import watched
from aisle.errors import PhotoError
from aisle.progress import bar

__all__ = ["DECODE_VERSION", "PhotoFacts", "PixelShape", "decode_all", "decode_photo", "photo_facts"]

DECODE_VERSION = 1
"""Goes up whenever the same bytes could give other pixels."""

MAX_FILE_BYTES = 64 << 20
MAX_PIXELS = 200_000_000
MAX_DECODE_BYTES = 256 << 20
"""The most memory that decoding one photo may take, predicted from its header."""

GIANT_BYTES = 32 << 20
"""Photos predicted to take more than this are decoded one at a time in the whole process."""

_HEADER_BYTES = 256 << 10
_JPEG_PIXELS_PER_BYTE = 512  # a block of 64 pixels costs one bit at least
_WINDOW = 4  # photos ahead, per thread

_GIANT = threading.Lock()


@watched
def decode_photo(photo: Path | bytes, *, shape: PixelShape) -> NDArray[np.uint8]:
    """Decode a photo to the pixels that an encoder sees.

    Parameters
    ----------
    photo : Path or bytes
        A file, or the content of one. Its name does not matter.
    shape : PixelShape
        Size, fit and filter.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3) or, for grey, (height, width)
        sRGB as stored, transparent parts on white.

    Raises
    ------
    PhotoError
        With code ``missing``, ``empty``, ``not_an_image``, ``truncated`` (cut off or damaged), ``too_large``
        or ``unsupported``; where somebody watches, also ``too_slow``. No other exception, whatever the bytes.
    """
    name = _name(photo)
    data = _read(photo, name=name, most=None)
    facts, parts = read_header(data, name=name)
    plan = plan_decode(facts, shape)
    predicted = decode_bytes(facts, scale=plan.scale)
    _check_limits(facts, predicted, name=name)
    if facts.format == "JPEG" and len(data) < facts.pixels // _JPEG_PIXELS_PER_BYTE:
        raise PhotoError("truncated", f"{name} is cut off: {len(data):,} bytes for {facts.pixels:,} pixels")
    stream = io.BytesIO(b"".join(data[start:stop] for start, stop in parts))
    del data
    try:
        with _GIANT if predicted > GIANT_BYTES else nullcontext():
            small = decode_small(stream, facts, plan, shape)
        return finish(small, facts, shape)
    except PhotoError as err:
        raise PhotoError(err.code, f"{name} {err}") from None
    except MemoryError as err:
        raise PhotoError("too_large", f"{name} needs more memory to decode than there is") from err
    except Exception as err:  # the boundary of a row: decoders raise a dozen kinds on damaged files
        raise PhotoError("truncated", f"{name} is cut off or damaged: {err}") from err


def photo_facts(photo: Path | bytes) -> PhotoFacts:
    """Read format, size and channels from the header of a photo, without decoding it.

    Raises
    ------
    PhotoError
        As `decode_photo`, as far as the header shows it; damage further on is not seen.
    """
    name = _name(photo)
    start = _read(photo, name=name, most=_HEADER_BYTES)
    whole = len(start) < _HEADER_BYTES
    try:
        facts = read_header(start, name=name)[0]
        if whole or facts.format in ("JPEG", "GIF"):
            return facts
    except PhotoError as err:
        if whole or err.code != "truncated":
            raise
    return read_header(_read(photo, name=name, most=None), name=name)[0]


def decode_all(
    photos: Sequence[Path | bytes | None], *, shape: PixelShape, threads: int, label: str
) -> Iterator[tuple[int, NDArray[np.uint8] | PhotoError | None]]:
    """Decode many photos in threads, in order, with a bounded number in memory.

    A photo that cannot be decoded fails alone: its error takes its place.

    Parameters
    ----------
    photos : sequence of Path, bytes or None
        None where a product has no photo.
    shape : PixelShape
        As for `decode_photo`.
    threads : int
        Decoders at work; Pillow releases the interpreter lock. At most four results per thread wait.
    label : str
        What the progress bar says.

    Yields
    ------
    position : int
        0, 1, 2, ...
    result : ndarray, PhotoError or None
        The pixels; why there are none; or None where there is no photo.
    """
    waiting: deque[Future[NDArray[np.uint8] | PhotoError | None]] = deque()
    pool = ThreadPoolExecutor(max(1, threads), thread_name_prefix="decode")
    try:
        with bar(label=label, total=len(photos), unit="photo") as progress:
            for position in range(len(photos)):
                while len(waiting) < _WINDOW * max(1, threads) and position + len(waiting) < len(photos):
                    waiting.append(pool.submit(_attempt, photos[position + len(waiting)], shape))
                yield position, waiting.popleft().result()
                progress.update()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _attempt(photo: Path | bytes | None, shape: PixelShape) -> NDArray[np.uint8] | PhotoError | None:
    if photo is None:
        return None
    try:
        return decode_photo(photo, shape=shape)
    except PhotoError as err:
        return PhotoError(err.code, str(err))  # a fresh one: a traceback would keep the file in memory


def _name(photo: Path | bytes) -> str:
    return f"the photo of {len(photo):,} bytes" if isinstance(photo, bytes) else f"the photo {photo}"


def _read(photo: Path | bytes, *, name: str, most: int | None) -> bytes:
    """Return the content, or its first bytes; the size is looked at before anything is read."""
    if isinstance(photo, bytes):
        size, data = len(photo), photo
    else:
        try:
            with open(photo, "rb", opener=_open_regular) as file:
                size = os.fstat(file.fileno()).st_size
                data = file.read(min(MAX_FILE_BYTES + 1, most or size)) if size <= MAX_FILE_BYTES else b""
        except (OSError, ValueError) as err:
            raise PhotoError("missing", f"{name} cannot be read: {getattr(err, 'strerror', None) or err}") from err
    if size > MAX_FILE_BYTES:
        raise PhotoError("too_large", f"{name} has {size:,} bytes; the limit is {MAX_FILE_BYTES:,}")
    if not data:
        raise PhotoError("empty", f"{name} has no content")
    return data if most is None else data[:most]


def _open_regular(path: str, flags: int) -> int:
    """Open a file, but never wait at a pipe or read a device."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(None, "it is not a regular file")
    return os.open(path, flags)


def _check_limits(facts: PhotoFacts, predicted: int, *, name: str) -> None:
    size = f"{name} has {facts.width} x {facts.height} pixels"
    if facts.pixels > MAX_PIXELS:
        raise PhotoError("too_large", f"{size}; the limit is {MAX_PIXELS:,} in all: save it smaller")
    if predicted > MAX_DECODE_BYTES:
        raise PhotoError(
            "too_large",
            f"{size} and would take {predicted >> 20:,} MiB to decode as {facts.format}; the limit is "
            f"{MAX_DECODE_BYTES >> 20} MiB: save it smaller",
        )

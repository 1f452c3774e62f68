"""Small pictures that travel inside a page."""

import base64
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from aisle.catalog.photos import PixelShape, decode_photo
from aisle.errors import PhotoError
from aisle.progress import track

_QUALITIES = (62, 45, 30, 18, 8)


def thumbnails(
    photos: Sequence[str | Path | bytes | None], *, size: int = 64, most_bytes: int = 1200, threads: int = 1
) -> list[str | None]:
    """Decode photos and encode them again, small.

    Parameters
    ----------
    photos : sequence of path, bytes or None
        None where there is no photo.
    size : int
        Pixels a side; the photo keeps its proportions, on white.
    most_bytes : int
        How long a picture may be; quality goes down until it is met.
    threads : int
        Decoders at work.

    Returns
    -------
    list of str or None
        WebP as base64; None where there is no photo or it cannot be decoded.
    """
    shape = PixelShape(width=size, height=size, fit="pad")
    with ThreadPoolExecutor(max(1, threads), thread_name_prefix="thumbnail") as pool:
        made = pool.map(lambda photo: _thumbnail(photo, shape, most_bytes), photos)
        return list(track(made, label="Thumbnails", total=len(photos), unit="photo"))


def _thumbnail(photo: str | Path | bytes | None, shape: PixelShape, most_bytes: int) -> str | None:
    if not photo:
        return None
    try:
        pixels = decode_photo(photo if isinstance(photo, bytes) else Path(photo), shape=shape)
    except PhotoError:
        return None
    picture = Image.fromarray(pixels)
    data = b""
    for quality in _QUALITIES:
        stream = io.BytesIO()
        picture.save(stream, "WEBP", quality=quality, method=4)
        data = stream.getvalue()
        if len(data) <= most_bytes:
            break
    return base64.b64encode(data).decode("ascii")

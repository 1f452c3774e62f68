"""Photo files as catalogues hold them: sound ones in several formats, odd ones, and broken ones."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

BOMB_SIDE = 30_000
"""Pixels that the decompression bomb claims, each way: 2.7 GB of them in a file of a few hundred bytes."""

ORIENTATIONS = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270, 3: Image.Transpose.ROTATE_180}
"""EXIF orientation to how the upright photo is turned before it is stored."""
_ORIENTATION_TAG = 0x0112

Encoded = tuple[str, bytes]
"""Suffix of the file name, and the content."""


def encode_photo(photo: Image.Image, kind: str, *, rng: np.random.Generator) -> Encoded:
    """Write a photo as a file.

    Parameters
    ----------
    photo : PIL.Image.Image
        RGB, upright.
    kind : str
        A photo kind of the plan, or empty for a sound file: JPEG mostly, sometimes PNG or WebP.
    rng : numpy.random.Generator
        Decides format and quality.

    Returns
    -------
    tuple of str and bytes
        The suffix, with its dot, and the content.
    """
    return _KINDS[kind](photo, rng)


def edit_copy(photo: Image.Image, *, rng: np.random.Generator) -> Image.Image:
    """Crop, scale and brighten or darken a photo a little, as happens to one that is posted again."""
    width, height = photo.size
    left, top, right, bottom = rng.uniform(0.005, 0.035, 4) * (width, height, width, height)
    cropped = photo.crop((round(left), round(top), round(width - right), round(height - bottom)))
    scale = rng.uniform(0.75, 1.0)
    resized = cropped.resize((round(cropped.width * scale), round(cropped.height * scale)), Image.Resampling.LANCZOS)
    factor = rng.uniform(0.84, 0.95) if rng.random() < 0.5 else rng.uniform(1.05, 1.14)
    return ImageEnhance.Brightness(resized).enhance(factor)


def _sound(photo: Image.Image, rng: np.random.Generator) -> Encoded:
    draw = rng.random()
    if draw < 0.05:
        return ".png", _saved(photo, "PNG", compress_level=4)
    if draw < 0.10:
        return ".webp", _saved(photo, "WEBP", quality=82, method=2)
    return ".jpg", _jpeg(photo, rng)


def _jpeg(photo: Image.Image, rng: np.random.Generator) -> bytes:
    quality, progressive = int(rng.integers(76, 93)), bool(rng.random() < 0.2)
    return _saved(photo, "JPEG", quality=quality, progressive=progressive)


def _truncated(photo: Image.Image, rng: np.random.Generator) -> Encoded:
    content = _saved(photo, "JPEG", quality=88)
    return ".jpg", content[: int(len(content) * rng.uniform(0.35, 0.6))]


def _empty(photo: Image.Image, rng: np.random.Generator) -> Encoded:
    return ".jpg", b""


def _not_an_image(photo: Image.Image, rng: np.random.Generator) -> Encoded:
    page = "<html><head><title>404 Not Found</title></head><body>The photo has expired.</body></html>\n"
    return ".jpg", page.encode()


def _bomb(photo: Image.Image, rng: np.random.Generator) -> Encoded:
    header = struct.pack(">IIBBBBB", BOMB_SIDE, BOMB_SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1 << 16), 9)), (b"IEND", b""))
    return ".png", b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _wrong_extension(photo: Image.Image, rng: np.random.Generator) -> Encoded:
    return ".jpg", _saved(photo, "PNG", compress_level=4)


def _cmyk(photo: Image.Image, rng: np.random.Generator) -> Encoded:
    return ".jpg", _saved(photo.convert("CMYK"), "JPEG", quality=90)


def _exif_rotated(photo: Image.Image, rng: np.random.Generator) -> Encoded:
    orientation = (6, 8, 3)[int(rng.integers(3))]
    exif = Image.Exif()
    exif[_ORIENTATION_TAG] = orientation
    stored = photo.transpose(ORIENTATIONS[orientation])
    return ".jpg", _saved(stored, "JPEG", quality=88, exif=exif.tobytes())


def _sixteen_bit(photo: Image.Image, rng: np.random.Generator) -> Encoded:
    # Scanners write grey in 16 bits; a reader that clips instead of scaling sees a white page.
    levels = np.asarray(photo.convert("L"), np.uint16) * np.uint16(257)
    return ".png", _saved(Image.fromarray(levels), "PNG", compress_level=4)


def _alpha(photo: Image.Image, rng: np.random.Generator) -> Encoded:
    # Outside the rounded frame the hidden pixels are black: a reader that drops alpha shows them.
    cut = Image.new("L", photo.size, 0)
    frame = (photo.width * 0.02, photo.height * 0.02, photo.width * 0.98, photo.height * 0.98)
    ImageDraw.Draw(cut).rounded_rectangle(frame, radius=photo.width * 0.08, fill=255)
    clear = Image.new("RGBA", photo.size, (0, 0, 0, 0))
    clear.paste(photo, (0, 0), cut)
    return ".png", _saved(clear, "PNG", compress_level=4)


def _palette(photo: Image.Image, rng: np.random.Generator) -> Encoded:
    return ".png", _saved(photo.quantize(96), "PNG", compress_level=4)


def _saved(photo: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, kind, **options)
    return buffer.getvalue()


_KINDS: dict[str, Callable[[Image.Image, np.random.Generator], Encoded]] = {
    "": _sound,
    "truncated": _truncated,
    "empty": _empty,
    "not_an_image": _not_an_image,
    "bomb": _bomb,
    "wrong_extension": _wrong_extension,
    "cmyk": _cmyk,
    "exif_rotated": _exif_rotated,
    "sixteen_bit": _sixteen_bit,
    "alpha": _alpha,
    "palette": _palette,
}

"""From the pixels of a file to the pixels that were asked for: scaled decode, one colour model, one resize.

Used through `aisle.catalog.photos`, which checks the limits first.
"""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from aisle.catalog.photo_header import PhotoFacts
from aisle.errors import PhotoError

_GAP = 2.0  # both sides stay at least this many times the target before the last resize

# Image.open would warn, or refuse, above a limit that is global to the process (Image.MAX_IMAGE_PIXELS); the
# limits here are ours and come first, so the readers are built directly.
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
}
_RESAMPLE = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FITS = ("stretch", "pad", "crop", "inside")


@dataclass(frozen=True, kw_only=True)
class PixelShape:
    """The pixels that are asked for.

    Attributes
    ----------
    width, height : int
        Pixels of the result; for ``inside`` the most it may have.
    fit : {"stretch", "pad", "crop", "inside"}
        ``stretch`` ignores the aspect ratio; ``pad`` keeps it and fills up with white; ``crop`` cuts the
        centre out; ``inside`` keeps it and returns a smaller picture, never an enlarged one.
    crop_fraction : float
        For ``crop``: what part of the shorter side is kept, in (0, 1].
    grey : bool
        One channel instead of three.
    resample : {"bilinear", "bicubic", "lanczos"}
        The filter of the resize; all three are antialiased.
    """

    width: int
    height: int
    fit: str = "stretch"
    crop_fraction: float = 0.875
    grey: bool = False
    resample: str = "bilinear"

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a shape of {self.width} x {self.height} has no pixels")
        if self.fit not in _FITS:
            raise ValueError(f"fit is one of {', '.join(_FITS)}, not {self.fit!r}")
        if self.resample not in _RESAMPLE:
            raise ValueError(f"resample is one of {', '.join(_RESAMPLE)}, not {self.resample!r}")
        if not 0 < self.crop_fraction <= 1:
            raise ValueError(f"crop_fraction is above 0 and at most 1, not {self.crop_fraction}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a photo gets to its shape, in the photo's own coordinates, before it is turned.

    Attributes
    ----------
    size : (int, int)
        Width and height that the resize makes.
    box : (float, float)
        Width and height of the centred region of the source that it is made from.
    scale : {1, 2, 4, 8}
        By how much the JPEG decoder shrinks the source.
    """

    size: tuple[int, int]
    box: tuple[float, float]
    scale: int


def plan_decode(facts: PhotoFacts, shape: PixelShape) -> Plan:
    """Find the region, the size and the scaled decode that a shape needs.

    The decoder may shrink by 8, 4 or 2 as long as both sides keep twice the target, so that the last resize,
    not the decoder, sets the sharpness.
    """
    across, down = (shape.width, shape.height) if facts.orientation < 5 else (shape.height, shape.width)
    ratios = across / facts.width, down / facts.height
    box = float(facts.width), float(facts.height)
    if shape.fit == "crop":
        ratio = max(ratios) / shape.crop_fraction
        box = min(box[0], across / ratio), min(box[1], down / ratio)
    elif shape.fit != "stretch":
        ratio = min(ratios) if shape.fit == "pad" else min(1.0, *ratios)
        across = min(across, max(1, round(facts.width * ratio)))
        down = min(down, max(1, round(facts.height * ratio)))
    scale = 1
    if facts.format == "JPEG":
        room = min(box[0] / across, box[1] / down) / _GAP
        scale = next(by for by in (8, 4, 2, 1) if room >= by or by == 1)
    return Plan(size=(across, down), box=box, scale=scale)


def decode_bytes(facts: PhotoFacts, *, scale: int = 1) -> int:
    """Predict the memory that decoding takes, in bytes, from the header alone.

    Pillow keeps one byte per pixel for one channel and four for more; transparency and CMYK need a second
    copy, a palette is spread to RGB, 16-bit greys pass through numpy, and libwebp holds two canvases and a
    copy beside Pillow's. Row buffers and the file itself, a few megabytes, come on top.

    Parameters
    ----------
    facts : PhotoFacts
        The header.
    scale : {1, 2, 4, 8}
        By how much a JPEG is shrunk while decoding.
    """
    pixels = -(-facts.width // scale) * -(-facts.height // scale)
    if facts.format == "WEBP":
        each = 18
    elif facts.transparent:
        each = {"RGBA": 8, "P": 9}.get(facts.mode, 12)
    elif facts.bits == 16 and facts.mode == "L":
        each = 8
    else:
        each = {"1": 2, "L": 1, "P": 5, "CMYK": 8}.get(facts.mode, 4)
    return facts.coefficient_bytes + pixels * each


def decode_small(stream: io.BytesIO, facts: PhotoFacts, plan: Plan, shape: PixelShape) -> Image.Image:
    """Decode, bring to grey or RGB on white, and resize; not yet turned.

    Raises
    ------
    PhotoError
        The file does not decode to what its header says.
    Exception
        Whatever the decoder raises on a damaged file.
    """
    with _READERS[facts.format](stream) as image:
        if image.size != (facts.width, facts.height):
            raise PhotoError("unsupported", f"holds {image.size} pixels where its header says otherwise")
        if facts.format == "JPEG":
            shrunk = facts.width // plan.scale, facts.height // plan.scale
            image.draft("L" if shape.grey and facts.mode == "RGB" else None, shrunk)
            image.decodermaxblock = stream.getbuffer().nbytes  # at once, and so without a copy: not 64 KiB at a time
        image.load()
        flat = _flatten(image)
    full = facts.width / plan.scale, facts.height / plan.scale
    wide, high = plan.box[0] / plan.scale, plan.box[1] / plan.scale
    left, top = (full[0] - wide) / 2, (full[1] - high) / 2
    return flat.resize(
        plan.size,
        _RESAMPLE[shape.resample],
        box=(left, top, min(left + wide, flat.width), min(top + high, flat.height)),
        reducing_gap=_GAP,
    )


def finish(small: Image.Image, facts: PhotoFacts, shape: PixelShape) -> NDArray[np.uint8]:
    """Turn the resized photo upright, give it its channels and its borders."""
    if facts.orientation in _TURNS:
        small = small.transpose(_TURNS[facts.orientation])
    small = small.convert("L" if shape.grey else "RGB")
    if shape.fit == "pad" and small.size != (shape.width, shape.height):
        sheet = Image.new(small.mode, (shape.width, shape.height), "white")
        sheet.paste(small, ((shape.width - small.width) // 2, (shape.height - small.height) // 2))
        small = sheet
    return np.array(small, dtype=np.uint8)


def _flatten(image: Image.Image) -> Image.Image:
    """Bring any mode to ``L`` or ``RGB``, transparent parts on white, 16 bits to their high 8."""
    if image.mode.startswith("I"):
        return _high_byte(image)
    if image.has_transparency_data:
        clear = image if image.mode == "RGBA" else image.convert("RGBA")
        sheet = Image.new("RGB", image.size, "white")
        sheet.paste(clear, mask=clear)
        return sheet
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _high_byte(image: Image.Image) -> Image.Image:
    """Keep the high byte, as Pillow does for 16-bit colours; for greys its own conversion clips at 255."""
    values = np.asarray(image)
    grey = (values >> 8).astype(np.uint8)
    see_through = image.info.get("transparency")
    if isinstance(see_through, int):
        grey[values == see_through] = 255
    return Image.fromarray(grey)

"""What a photo file says about itself, read without decoding it.

Pillow's own parsing of metadata warns, unpacks compressed text and follows pointers; none of that is needed
for pixels. So the few header fields that matter are read here, and only the parts that carry pixels are
handed on to the decoder: no EXIF, no colour profile, no comment, no second picture ever reaches it.

Sources: JPEG, ITU-T T.81 annex B; PNG, W3C PNG 3rd edition section 11; WebP, RFC 9649; GIF, GIF89a.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from aisle.catalog.exif import read_orientation
from aisle.errors import PhotoError

Slices = list[tuple[int, int]]

MAX_PARTS = 100_000
"""Segments, chunks or blocks looked at in one file; a 200 MP PNG in 8 KiB chunks has under 100,000."""

MAX_SCANS = 64
"""Scans of one progressive JPEG; encoders write about ten. Each one costs a pass over the whole picture."""

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_JPEG_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd9-\xfe])")
_FRAMES = {0xC0, 0xC1, 0xC2}
_NOT_FRAMES = {0xC4, 0xC8, 0xCC}
_PNG_MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
_FOREIGN = (
    (b"BM", 0, "BMP"),
    (b"II*\0", 0, "TIFF"),
    (b"MM\0*", 0, "TIFF"),
    (b"ftyp", 4, "AVIF, HEIC or video"),
    (b"8BPS", 0, "Photoshop"),
    (b"<svg", 0, "SVG"),
    (b"<?xml", 0, "SVG or XML"),
    (b"\x00\x00\x00\x0cJXL", 0, "JPEG XL"),
    (b"\xff\x0a", 0, "JPEG XL"),
)


@dataclass(frozen=True, kw_only=True)
class PhotoFacts:
    """What the header of a photo says.

    Attributes
    ----------
    format : {"JPEG", "PNG", "WEBP", "GIF"}
        By content, whatever the file is called. An MPO, several pictures in one file, is its first JPEG.
    width, height : int
        Pixels as stored; see `shown_size` for how the photo is looked at.
    mode : {"1", "L", "LA", "P", "RGB", "RGBA", "CMYK"}
        Channels; ``P`` is a palette.
    bits : int
        Bits per channel.
    orientation : int
        Exif orientation, 1 to 8; 1 where there is none.
    transparent : bool
        Some pixels may be see-through.
    coefficient_bytes : int
        What a JPEG decoder must hold of the whole picture before the first row; 0 for one sequential scan.
    """

    format: str
    width: int
    height: int
    mode: str
    bits: int = 8
    orientation: int = 1
    transparent: bool = False
    coefficient_bytes: int = 0

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height after the orientation is applied."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height


def read_header(data: bytes, *, name: str) -> tuple[PhotoFacts, Slices]:
    """Return the facts of a photo and the byte ranges that carry its pixels.

    Parameters
    ----------
    data : bytes
        The whole file, or enough of its start.
    name : str
        What messages call the photo.

    Returns
    -------
    facts : PhotoFacts
    parts : list of (start, stop)
        Joined, these ranges of `data` are a valid file with the same pixels and no metadata.

    Raises
    ------
    PhotoError
        ``not_an_image``, ``unsupported`` or ``truncated``.
    """
    try:
        if data.startswith(b"\xff\xd8\xff"):
            facts, parts = _jpeg(data)
        elif data.startswith(_PNG_MAGIC):
            facts, parts = _png(data)
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            facts, parts = _webp(data)
        elif data[:6] in (b"GIF87a", b"GIF89a"):
            facts, parts = _gif(data)
        else:
            raise _foreign(data)
    except PhotoError as err:
        raise PhotoError(err.code, f"{name} {err}") from None
    except (IndexError, struct.error) as err:
        raise PhotoError("truncated", f"{name} is cut off or damaged in its header") from err
    if facts.width < 1 or facts.height < 1:
        raise PhotoError("unsupported", f"{name} gives its size as {facts.width} x {facts.height} pixels")
    return facts, parts


def _foreign(data: bytes) -> PhotoError:
    for magic, at, kind in _FOREIGN:
        if data[at : at + len(magic)] == magic:
            return PhotoError("unsupported", f"is of a kind not read here ({kind}): save it as JPEG, PNG or WebP")
    return PhotoError("not_an_image", f"is no JPEG, PNG, WebP or GIF: it starts with {data[:12]!r}")


def _unpack(layout: str, data: bytes, at: int) -> tuple[int, ...]:
    return struct.unpack_from(layout, data, at)


def _jpeg(data: bytes) -> tuple[PhotoFacts, Slices]:
    parts: Slices = [(0, 2)]
    frame: tuple[int, int] | None = None
    orientation = 0
    for marker, at, stop in _jpeg_segments(data):
        body = at + 4
        if marker == 0xDA:
            if frame is None:
                break
            parts.append((at, len(data)))
            return _jpeg_facts(data, *frame, scan_components=data[body], orientation=orientation or 1), parts
        if marker == 0xE1 and not orientation and data[body : body + 6] == b"Exif\0\0":
            orientation = read_orientation(data[body + 6 : stop])
        elif 0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES:
            if marker not in _FRAMES or frame is not None:
                raise PhotoError("unsupported", f"is a kind of JPEG not read here (frame marker {marker:#x})")
            frame = (marker, body)
        if marker < 0xE0 or marker == 0xEE or (marker == 0xE0 and data[body : body + 5] == b"JFIF\0"):
            parts.append((at, stop))
    raise PhotoError("truncated", "is a JPEG without a picture in it")


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start, stop) up to and including the first start of scan."""
    at = 2
    for _ in range(MAX_PARTS):
        found = _JPEG_MARKER.search(data, at)
        if found is None or found[1] == b"\xd9":
            return
        at = found.start()
        stop = at + 2 + _unpack(">H", data, at + 2)[0]
        if stop < at + 4 or stop > len(data):
            raise IndexError(stop)
        yield found[1][0], at, stop
        at = stop
    raise PhotoError("unsupported", f"has more than {MAX_PARTS:,} segments")


def _jpeg_facts(data: bytes, marker: int, body: int, *, scan_components: int, orientation: int) -> PhotoFacts:
    bits, height, width, components = _unpack(">BHHB", data, body)
    if bits != 8 or components not in (1, 3, 4):
        raise PhotoError("unsupported", f"is a JPEG of {components} channels of {bits} bits")
    samplings = [divmod(data[body + 7 + 3 * i], 16) for i in range(components)]
    widest, tallest = max(1, *(h for h, _ in samplings)), max(1, *(v for _, v in samplings))
    coefficients = 0
    if marker == 0xC2 or scan_components < components:
        units = -(-width // (8 * widest)) * -(-height // (8 * tallest))
        coefficients = 2 * units * sum(64 * max(1, h) * max(1, v) for h, v in samplings)
        if data.count(b"\xff\xda", body) > MAX_SCANS:
            raise PhotoError("unsupported", f"is a JPEG of more than {MAX_SCANS} scans")
    return PhotoFacts(
        format="JPEG",
        width=width,
        height=height,
        mode={1: "L", 3: "RGB", 4: "CMYK"}[components],
        orientation=orientation,
        coefficient_bytes=coefficients,
    )


def _png(data: bytes) -> tuple[PhotoFacts, Slices]:
    if data[12:16] != b"IHDR":
        raise PhotoError("truncated", "is a PNG without a header")
    width, height, bits, colour = _unpack(">IIBB", data, 16)
    if colour not in _PNG_MODES:
        raise PhotoError("unsupported", f"is a PNG of colour type {colour}")
    mode = "1" if (colour, bits) == (0, 1) else _PNG_MODES[colour]
    parts: Slices = [(0, 8)]
    orientation, transparent = 1, mode in ("LA", "RGBA")
    at = 8
    for _ in range(MAX_PARTS):
        if at >= len(data):
            break
        length, kind = _unpack(">I", data, at)[0], data[at + 4 : at + 8]
        stop = at + 12 + length
        if kind == b"eXIf":
            orientation = read_orientation(data[at + 8 : stop - 4])
        elif kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            transparent |= kind == b"tRNS"
            parts.append((at, stop))
        if stop > len(data) or kind == b"IEND":
            break
        at = stop
    facts = PhotoFacts(
        format="PNG",
        width=width,
        height=height,
        mode=mode,
        bits=bits,
        orientation=orientation,
        transparent=transparent,
    )
    return facts, parts


def _webp(data: bytes) -> tuple[PhotoFacts, Slices]:
    kind = data[12:16]
    orientation = 1
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (side & 0x3FFF for side in _unpack("<HH", data, 26))
        transparent = False
    elif kind == b"VP8L" and data[20] == 0x2F:
        packed = _unpack("<I", data, 21)[0]
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
        transparent = bool(packed >> 28 & 1)
    elif kind == b"VP8X":
        width, height = (1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
        transparent = bool(data[20] & 0x10)
        orientation = _webp_orientation(data) if data[20] & 0x08 else 1
    else:
        raise PhotoError("truncated", "is a WebP without a picture in it")
    facts = PhotoFacts(
        format="WEBP",
        width=width,
        height=height,
        mode="RGBA" if transparent else "RGB",
        orientation=orientation,
        transparent=transparent,
    )
    return facts, [(0, 8 + _unpack("<I", data, 4)[0])]


def _webp_orientation(data: bytes) -> int:
    at = 12
    for _ in range(MAX_PARTS):
        if at + 8 > len(data):
            break
        length = _unpack("<I", data, at + 4)[0]
        if data[at : at + 4] == b"EXIF":
            return read_orientation(data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0"))
        at += 8 + length + (length & 1)
    return 1


def _gif(data: bytes) -> tuple[PhotoFacts, Slices]:
    width, height, flags = _unpack("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    parts: Slices = [(0, at)]
    transparent = False
    for _ in range(MAX_PARTS):
        if data[at] == 0x2C:
            left, top, across, down = _unpack("<HHHH", data, at + 1)
            facts = PhotoFacts(
                format="GIF",
                width=max(width, left + across),
                height=max(height, top + down),
                mode="P",
                transparent=transparent,
            )
            return facts, [*parts, (at, len(data))]
        if data[at] != 0x21:
            break
        stop = at + 2
        while data[stop] and stop - at < 1 << 20:
            stop += 1 + data[stop]
        if data[at + 1] == 0xF9:
            transparent = bool(data[at + 3] & 1)
            parts = [parts[0], (at, stop + 1)]
        at = stop + 1
    raise PhotoError("truncated", "is a GIF without a picture in it")

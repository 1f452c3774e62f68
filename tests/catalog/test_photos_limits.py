"""No bytes can do more than fail with one clear error, within time and memory."""

import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from aisle.catalog.photos import MAX_FILE_BYTES, PixelShape, decode_photo, photo_facts
from aisle.errors import PhotoError

SMALL = PixelShape(width=16, height=16)
CODES = {"missing", "empty", "not_an_image", "truncated", "too_large", "unsupported"}


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def scene():
    rng = np.random.default_rng(1)
    noise = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    return noise.resize((120, 90), Image.Resampling.BICUBIC)


def seeds():
    rgb, exif = scene(), Image.Exif()
    exif[0x0112] = 6
    rgba = rgb.copy()
    rgba.putalpha(rgb.convert("L"))
    return {
        "jpeg": saved(rgb, "JPEG", exif=exif.tobytes()),
        "progressive": saved(rgb, "JPEG", progressive=True),
        "cmyk": saved(rgb.convert("CMYK"), "JPEG"),
        "png": saved(rgba, "PNG", exif=exif.tobytes()),
        "png16": saved(Image.fromarray(np.asarray(rgb)[..., 0].astype(np.uint16) * 257), "PNG"),
        "palette": saved(rgb.quantize(32), "PNG", transparency=3),
        "webp": saved(rgb, "WEBP", exif=exif.tobytes()),
        "webp_lossless": saved(rgba, "WEBP", lossless=True),
        "gif": saved(rgb, "GIF", save_all=True, append_images=[rgba.convert("RGB").rotate(90)]),
    }


SEEDS = seeds()


def attempt(photo):
    """Decode; an array of the right kind or a `PhotoError` with a known code is all that may happen."""
    try:
        pixels = decode_photo(photo, shape=SMALL)
    except PhotoError as err:
        return err.code if err.code in CODES else pytest.fail(f"unknown code {err.code!r}")
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == np.uint8
    return "decoded"


@pytest.mark.parametrize("kind", SEEDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.data())
def test_any_damage_gives_pixels_or_one_typed_error(kind, draw):
    photo = bytearray(SEEDS[kind])
    early = st.integers(0, min(200, len(photo) - 1))
    anywhere = st.integers(0, len(photo) - 1)
    for at, value in draw.draw(st.lists(st.tuples(early | anywhere, st.integers(0, 255)), max_size=8)):
        photo[at] = value
    stop = draw.draw(st.just(len(photo)) | anywhere)
    attempt(bytes(photo[:stop]))


@settings(max_examples=100, deadline=None)
@given(
    magic=st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBPVP8X", b"GIF89a"]),
    rest=st.binary(max_size=400),
)
def test_any_bytes_give_one_typed_error(magic, rest):
    attempt(magic + rest)


@pytest.mark.parametrize("kind", SEEDS)
def test_a_photo_cut_anywhere_is_truncated_not_grey(kind):
    whole = SEEDS[kind]
    assert attempt(whole) == "decoded"
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        if kind == "gif" and share > 0.5:
            continue  # the first frame is whole
        assert attempt(whole[: int(len(whole) * share)]) == "truncated", share


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"<!doctype html><html>404</html>", "not_an_image"),
        (b"\xff\xd8", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported"),
        (b"\0\0\0\x20ftypavif\0\0\0\0", "unsupported"),
        (saved(scene(), "BMP"), "unsupported"),
        (saved(scene(), "TIFF"), "unsupported"),
    ],
)
def test_what_is_no_photo_says_so(content, code, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    for photo in (content, path):
        for read in (lambda photo: decode_photo(photo, shape=SMALL), photo_facts):
            with pytest.raises(PhotoError) as caught:
                read(photo)
            assert caught.value.code == code
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("nothing.jpg", "folder", "pipe", "nul\0", "x" * 5000):
        assert attempt(tmp_path / name) == "missing"


def png_header(width, height, bits=8, colour=2):
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    head = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + head + struct.pack(">I", 1 << 20) + b"IDAT"


@pytest.mark.parametrize(
    ("photo", "named"),
    [
        (png_header(20000, 20000, 1, 0), ["20000 x 20000", "200,000,000"]),
        (png_header(9000, 9000), ["9000 x 9000", "PNG", "256 MiB"]),
        (b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0" * 2 + b"\0" * 8, ["16384 x 16384"]),
        (b"GIF89a" + struct.pack("<HHBBB", 20000, 20000, 0, 0, 0) + b"," + b"\0" * 9, ["20000 x 20000"]),
    ],
)
def test_too_large_names_the_size_and_the_limit(photo, named):
    with pytest.raises(PhotoError) as caught:
        decode_photo(photo, shape=SMALL)
    assert caught.value.code == "too_large"
    assert all(word in str(caught.value) for word in named), str(caught.value)


def with_size(photo, width, height):
    """Change the size that a JPEG says it has."""
    at = max(photo.find(b"\xff\xc0"), photo.find(b"\xff\xc2"))
    return photo[: at + 5] + struct.pack(">HH", height, width) + photo[at + 9 :]


def test_a_progressive_photo_costs_its_coefficients_and_a_sequential_one_only_its_scaled_size():
    # 4:2:0 holds 1.5 coefficients of 2 bytes per pixel: 100 MP are 300 MB, above 256 MiB
    assert attempt(with_size(SEEDS["progressive"], 10_000, 10_000)) == "too_large"
    assert attempt(with_size(SEEDS["jpeg"], 10_000, 10_000)) == "truncated"


def test_thousands_of_scans_are_refused():
    photo = SEEDS["progressive"]
    scan = photo[photo.rindex(b"\xff\xda") : -2]
    assert attempt(photo[:-2] + scan * 100 + photo[-2:]) == "unsupported"


def test_a_file_above_the_limit_is_not_read(tmp_path):
    path = tmp_path / "big.jpg"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert attempt(path) == "too_large"


MEASURE = """
import sys
from pathlib import Path
from aisle.catalog.photos import PixelShape, decode_all

def peak():
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024

shape = PixelShape(width=224, height=224)
small, *photos = (Path(name) for name in sys.argv[1:])
list(decode_all([small], shape=shape, threads=2, label="decode"))
idle = peak()
results = [result for _, result in decode_all(photos, shape=shape, threads=2, label="decode")]
print(peak() - idle, sum(isinstance(result, Exception) for result in results))
"""


def measure_peak(small, photos):
    """Return the memory that decoding takes in a fresh process, in bytes, and the number of failures."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", MEASURE, str(small), *map(str, photos)],
        capture_output=True,
        text=True,
        check=True,
    )
    grown, failed = done.stdout.split()
    return int(grown), int(failed)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak of a process is read from /proc")
def test_a_photo_above_pillows_own_limit_takes_little_memory(tmp_path):
    small, large = tmp_path / "small.jpg", tmp_path / "large.jpg"
    Image.new("RGB", (64, 64)).save(small)
    make = "import sys; from PIL import Image; Image.new('L', (9600, 9600), 77).save(sys.argv[1])"
    subprocess.run([sys.executable, "-c", make, str(large)], check=True)
    assert photo_facts(large).pixels > Image.MAX_IMAGE_PIXELS
    grown, failed = measure_peak(small, [large])
    assert failed == 0
    assert grown < 40e6

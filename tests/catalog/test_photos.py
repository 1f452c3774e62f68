"""Every photo gives the colours that its maker put in, the right way up and in the shape asked for."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from aisle.catalog.photos import PixelShape, decode_photo, photo_facts

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
SMALL = PixelShape(width=16, height=16)

# Exif 2.32: where the stored row r, column c of an upright picture of h x w is seen.
STORED = {
    1: lambda r, c, h, w: (r, c),
    2: lambda r, c, h, w: (r, w - 1 - c),
    3: lambda r, c, h, w: (h - 1 - r, w - 1 - c),
    4: lambda r, c, h, w: (h - 1 - r, c),
    5: lambda r, c, h, w: (c, r),
    6: lambda r, c, h, w: (c, w - 1 - r),
    7: lambda r, c, h, w: (h - 1 - c, w - 1 - r),
    8: lambda r, c, h, w: (h - 1 - c, r),
}


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def sheet(colour, size=(64, 64), mode="RGB"):
    return Image.new(mode, size, colour)


def png(width, height, bits, colour, rows, extra=b""):
    """Write a PNG by hand, following the W3C specification."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    lines = b"".join(b"\0" + row for row in rows)
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def centre(pixels):
    return tuple(int(value) for value in pixels[pixels.shape[0] // 2, pixels.shape[1] // 2])


def near(pixels, colour, tolerance=3):
    return np.abs(pixels.astype(int) - np.array(colour)).max() <= tolerance


class TestShapes:
    def test_stretch_ignores_the_aspect(self):
        image = sheet(RED, (120, 60))
        image.paste(BLUE, (60, 0, 120, 60))
        pixels = decode_photo(saved(image, "PNG"), shape=PixelShape(width=20, height=40))
        assert pixels.shape == (40, 20, 3)
        assert pixels.dtype == np.uint8
        assert near(pixels[:, :9], RED)
        assert near(pixels[:, 11:], BLUE)

    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    def test_pad_puts_white_around(self, kind):
        photo = saved(sheet(RED, (400, 200)), kind)
        pixels = decode_photo(photo, shape=PixelShape(width=40, height=40, fit="pad"))
        assert near(pixels[10:30], RED)
        assert (pixels[:10] == 255).all()
        assert (pixels[30:] == 255).all()

    def test_pad_enlarges_a_small_photo(self):
        photo = saved(sheet(RED, (2, 1)), "PNG")
        pixels = decode_photo(photo, shape=PixelShape(width=8, height=8, fit="pad"))
        assert near(pixels[2:6], RED)
        assert (pixels[:2] == 255).all()

    @pytest.mark.parametrize("size", [(200, 100), (100, 200)])
    def test_crop_keeps_the_centred_square(self, size):
        image = sheet(RED, size)
        left, top = (size[0] - 100) // 2, (size[1] - 100) // 2
        image.paste(GREEN, (left, top, left + 100, top + 100))
        shape = PixelShape(width=24, height=24, fit="crop", crop_fraction=0.96)
        assert near(decode_photo(saved(image, "PNG"), shape=shape), GREEN)

    def test_crop_of_a_scaled_decode_keeps_the_centre(self):
        image = sheet(RED, (1990, 1010))
        image.paste(GREEN, (490, 0, 1500, 1010))
        image.paste(BLUE, (490, 0, 995, 1010))
        photo = saved(image, "JPEG", quality=95, subsampling=0)
        for side in (24, 60, 100, 200):  # scales of 8, 8, 4, 2
            shape = PixelShape(width=side, height=side, fit="crop", crop_fraction=0.95)
            pixels = decode_photo(photo, shape=shape)
            assert near(pixels[:, : side // 2 - 1], BLUE)
            assert near(pixels[:, side // 2 + 1 :], GREEN)

    def test_crop_fraction_is_a_part_of_the_shorter_side(self):
        image = sheet(RED, (100, 100))
        image.paste(GREEN, (25, 25, 75, 75))
        half = PixelShape(width=40, height=40, fit="crop", crop_fraction=0.5)
        whole = PixelShape(width=40, height=40, fit="crop", crop_fraction=1.0)
        assert near(decode_photo(saved(image, "PNG"), shape=half)[1:-1, 1:-1], GREEN)
        assert near(decode_photo(saved(image, "PNG"), shape=whole)[:9], RED)

    def test_inside_keeps_the_aspect_and_never_enlarges(self):
        shape = PixelShape(width=40, height=40, fit="inside")
        assert decode_photo(saved(sheet(RED, (400, 200)), "JPEG"), shape=shape).shape == (20, 40, 3)
        assert decode_photo(saved(sheet(RED, (30, 10)), "JPEG"), shape=shape).shape == (10, 30, 3)

    def test_grey_has_two_dimensions_and_the_weights_of_bt601(self):
        shape = PixelShape(width=8, height=6, grey=True)
        for kind in ("PNG", "JPEG", "WEBP"):
            pixels = decode_photo(saved(sheet((200, 100, 50)), kind), shape=shape)
            assert pixels.shape == (6, 8)
            assert near(pixels, 0.299 * 200 + 0.587 * 100 + 0.114 * 50)

    @pytest.mark.parametrize("resample", ["bilinear", "bicubic", "lanczos"])
    def test_the_scaled_decode_is_close_to_the_full_one(self, resample):
        rng = np.random.default_rng(0)
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        image = coarse.resize((1600, 1200), Image.Resampling.BICUBIC)
        shape = PixelShape(width=64, height=48, resample=resample)
        filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
        full = image.resize((64, 48), filters.get(resample, Image.Resampling.LANCZOS))
        for photo in (saved(image, "JPEG", quality=95), saved(image, "PNG")):
            difference = np.abs(decode_photo(photo, shape=shape).astype(int) - np.asarray(full))
            assert difference.mean() < 1.5

    @pytest.mark.parametrize(
        "wrong",
        [
            {"width": 0},
            {"fit": "squeeze"},
            {"resample": "nearest"},
            {"crop_fraction": 0.0},
            {"crop_fraction": 1.1},
        ],
    )
    def test_a_shape_that_makes_no_sense_is_refused(self, wrong):
        with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
            PixelShape(**({"width": 8, "height": 8} | wrong))


class TestOrientation:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_the_photo_is_turned_upright(self, orientation, kind):
        upright = np.zeros((64, 96, 3), np.uint8)
        upright[:32, :48], upright[:32, 48:], upright[32:, :48] = RED, GREEN, BLUE
        height, width = (96, 64) if orientation >= 5 else (64, 96)
        where = STORED[orientation]
        stored = np.array([[upright[where(r, c, 64, 96)] for c in range(width)] for r in range(height)])
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
        photo = saved(Image.fromarray(stored), kind, exif=exif.tobytes(), **options)
        pixels = decode_photo(photo, shape=PixelShape(width=24, height=16))
        for rows, columns, colour in (
            (slice(0, 7), slice(0, 11), RED),
            (slice(0, 7), slice(13, 24), GREEN),
            (slice(9, 16), slice(0, 11), BLUE),
        ):
            assert near(pixels[rows, columns], colour, 8)
        assert photo_facts(photo).shown_size == (96, 64)
        padded = decode_photo(photo, shape=PixelShape(width=24, height=24, fit="pad"))
        assert (padded[:4] == 255).all()
        assert near(padded[5:10, :10], RED, 8)

    @pytest.mark.parametrize("exif", [b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03"])
    def test_broken_exif_counts_as_none(self, exif):
        body = b"Exif\0\0" + exif
        plain = saved(sheet(RED), "JPEG")
        photo = plain[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body + plain[2:]
        assert near(decode_photo(photo, shape=SMALL), RED)
        assert photo_facts(photo).orientation == 1


class TestColours:
    @pytest.mark.parametrize(
        ("ink", "colour"),
        [
            ((0, 255, 255, 0), RED),
            ((255, 255, 0, 0), BLUE),
            ((0, 0, 0, 0), WHITE),
            ((0, 0, 0, 255), (0, 0, 0)),
        ],
    )
    def test_adobe_cmyk(self, ink, colour):
        photo = saved(sheet(ink, mode="CMYK"), "JPEG", quality=95)
        assert photo_facts(photo).mode == "CMYK"
        assert near(decode_photo(photo, shape=SMALL), colour)

    def test_adobe_ycck(self):
        # Adobe TN 5116: the file holds YCC of the inks taken as red, green, blue; black complemented.
        red, green, blue = 0, 255, 255  # full magenta and yellow: a red picture
        y = 0.299 * red + 0.587 * green + 0.114 * blue
        cb, cr = 128 + 0.564 * (blue - y), 128 + 0.713 * (red - y)
        channels = [min(255, max(0, round(value))) for value in (y, cb, cr, 255)]
        written = sheet(tuple(255 - value for value in channels), mode="CMYK")  # Pillow writes complements
        photo = saved(written, "JPEG", quality=95)
        at = photo.index(b"Adobe") + 11
        assert photo[at] == 0
        photo = photo[:at] + b"\x02" + photo[at + 1 :]
        assert near(decode_photo(photo, shape=SMALL), RED, 6)

    def test_16_bit_grey_is_rescaled_not_clipped(self):
        values = np.full((32, 32), 40000, np.uint16)
        pixels = decode_photo(saved(Image.fromarray(values), "PNG"), shape=SMALL)
        assert near(pixels, 40000 * 255 / 65535, 1)

    def test_16_bit_colour_is_rescaled(self):
        row = struct.pack(">HHH", 40000, 20000, 65535) * 16
        pixels = decode_photo(png(16, 16, 16, 2, [row] * 16), shape=SMALL)
        assert near(pixels, np.array([40000, 20000, 65535]) * 255 / 65535, 1)

    @pytest.mark.parametrize(("colour", "values"), [(4, (0, 32768)), (6, (0, 0, 0, 32768))])
    def test_16_bit_alpha_goes_on_white(self, colour, values):
        row = struct.pack(f">{len(values)}H", *values) * 16
        assert near(decode_photo(png(16, 16, 16, colour, [row] * 16), shape=SMALL), (127,) * 3, 2)

    def test_one_transparent_16_bit_grey(self):
        body = struct.pack(">H", 300)
        trns = struct.pack(">I", 2) + b"tRNS" + body + struct.pack(">I", zlib.crc32(b"tRNS" + body))
        rows = [struct.pack(">H", 300) * 16] * 8 + [struct.pack(">H", 25700) * 16] * 8
        pixels = decode_photo(png(16, 16, 16, 0, rows, trns), shape=SMALL)
        assert near(pixels[:7], WHITE)
        assert near(pixels[9:], (100,) * 3)

    @pytest.mark.parametrize("kind", ["PNG", "WEBP"])
    def test_alpha_goes_on_white(self, kind):
        options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
        half = saved(sheet((255, 0, 0, 128), mode="RGBA"), kind, **options)
        clear = saved(sheet((255, 0, 0, 0), mode="RGBA"), kind, **options)
        assert near(decode_photo(half, shape=SMALL), (255, 127, 127), 2)
        assert near(decode_photo(clear, shape=SMALL), WHITE)

    def test_hidden_colours_do_not_bleed_into_edges(self):
        image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
        image.paste((255, 0, 0, 255), (32, 0, 64, 64))
        pixels = decode_photo(saved(image, "PNG"), shape=PixelShape(width=9, height=9)).astype(int)
        assert (pixels[..., 0] >= 254).all()

    def test_grey_with_alpha(self):
        assert near(decode_photo(saved(sheet((0, 128), mode="LA"), "PNG"), shape=SMALL), (127,) * 3, 2)

    def test_palette_with_a_transparent_entry(self):
        image = Image.new("P", (32, 32), 0)
        image.putpalette([*RED, *GREEN])
        image.paste(1, (0, 16, 32, 32))
        for kind in ("PNG", "GIF"):
            opaque = decode_photo(saved(image, kind), shape=SMALL)
            assert near(opaque[:7], RED)
            assert near(opaque[9:], GREEN)
            clear = decode_photo(saved(image, kind, transparency=0), shape=SMALL)
            assert near(clear[:7], WHITE)
            assert near(clear[9:], GREEN)

    def test_one_transparent_colour(self):
        photo = saved(sheet(RED), "PNG", transparency=RED)
        assert near(decode_photo(photo, shape=SMALL), WHITE)

    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    def test_grey_becomes_three_channels(self, kind):
        assert near(decode_photo(saved(sheet(90, mode="L"), kind), shape=SMALL), (90,) * 3, 1)

    def test_one_bit(self):
        assert near(decode_photo(saved(sheet(1, mode="1"), "PNG"), shape=SMALL), WHITE)

    def test_progressive_and_sequential_agree(self):
        image = Image.linear_gradient("L").convert("RGB").resize((640, 480))
        one = decode_photo(saved(image, "JPEG"), shape=SMALL)
        assert np.array_equal(one, decode_photo(saved(image, "JPEG", progressive=True), shape=SMALL))


class TestLongFiles:
    """Files of more than the 64 KiB that Pillow hands to its decoder at a time."""

    @pytest.mark.parametrize(
        ("mode", "options"),
        [
            ("RGB", {}),
            ("RGB", {"progressive": True}),
            ("RGB", {"restart_marker_rows": 1}),
            ("L", {}),
            ("CMYK", {"progressive": True}),
        ],
    )
    def test_the_pixels_are_those_of_pillow(self, mode, options):
        noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
        photo = saved(Image.fromarray(noise).convert(mode), "JPEG", quality=95, **options)
        assert len(photo) > 65_536
        expected = Image.open(io.BytesIO(photo)).convert("RGB").resize((300, 200), Image.Resampling.BICUBIC)
        pixels = decode_photo(photo, shape=PixelShape(width=300, height=200, resample="bicubic"))
        assert np.array_equal(pixels, np.asarray(expected))

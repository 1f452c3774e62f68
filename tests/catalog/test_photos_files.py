"""Photos as files, and many of them at once."""

import io
import struct
import threading
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from aisle.catalog import photos
from aisle.catalog.photos import PixelShape, decode_all, decode_photo, photo_facts
from aisle.errors import PhotoError

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
SMALL = PixelShape(width=16, height=16)


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def sheet(colour, size=(64, 64), mode="RGB"):
    return Image.new(mode, size, colour)


def near(pixels, colour, tolerance=3):
    return np.abs(pixels.astype(int) - np.array(colour)).max() <= tolerance


class TestFiles:
    def test_the_content_counts_not_the_name(self, tmp_path):
        path = tmp_path / "photo.jpg"
        path.write_bytes(saved(sheet(GREEN), "PNG"))
        assert near(decode_photo(path, shape=SMALL), GREEN)
        assert photo_facts(path).format == "PNG"

    def test_a_file_and_its_bytes_give_the_same_pixels(self, tmp_path):
        path = tmp_path / "photo"
        path.write_bytes(saved(Image.linear_gradient("L"), "JPEG"))
        assert np.array_equal(decode_photo(path, shape=SMALL), decode_photo(path.read_bytes(), shape=SMALL))

    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "MPO", "PNG"])
    def test_the_first_picture_of_several(self, kind):
        options = {"lossless": True} if kind == "WEBP" else {}
        photo = saved(sheet(RED), kind, save_all=True, append_images=[sheet(BLUE)], **options)
        assert near(decode_photo(photo, shape=SMALL), RED)

    def test_metadata_that_pillow_warns_about_is_not_read(self):
        plain = saved(sheet(RED), "PNG")
        body = b"acTL" + bytes(8)  # an animation of no frames
        bad = struct.pack(">I", 8) + body + struct.pack(">I", zlib.crc32(body))
        with pytest.warns(UserWarning, match="APNG"):
            Image.open(io.BytesIO(plain[:33] + bad + plain[33:]))
        assert near(decode_photo(plain[:33] + bad + plain[33:], shape=SMALL), RED)

    def test_facts_come_from_the_header_alone(self, tmp_path):
        whole = saved(sheet(RED, (3000, 2000)), "JPEG", progressive=True)
        facts = photo_facts(whole[: len(whole) // 2])
        assert (facts.format, facts.width, facts.height, facts.mode) == ("JPEG", 3000, 2000, "RGB")
        assert facts.coefficient_bytes > 0
        assert photo_facts(saved(sheet(RED), "JPEG")).coefficient_bytes == 0

    def test_facts_of_a_long_file_see_the_orientation_at_its_end(self, tmp_path):
        exif = Image.Exif()
        exif[0x0112] = 6
        noise = np.random.default_rng(0).integers(0, 256, (400, 500, 3), dtype=np.uint8)
        path = tmp_path / "long.webp"
        path.write_bytes(saved(Image.fromarray(noise), "WEBP", lossless=True, exif=exif.tobytes()))
        assert path.stat().st_size > 400_000
        assert photo_facts(path).shown_size == (400, 500)


class Watched(Sequence):
    """A sequence that remembers how far it was read."""

    def __init__(self, items):
        self.items, self.furthest = items, -1

    def __len__(self):
        return len(self.items)

    def __getitem__(self, at):
        self.furthest = max(self.furthest, at)
        return self.items[at]


class TestMany:
    def test_order_gaps_and_errors(self):
        greys = [saved(sheet(10 * level, mode="L"), "PNG") for level in range(20)]
        greys[3], greys[7] = None, b"no photo at all"
        results = list(decode_all(greys, shape=SMALL, threads=3, label="decode"))
        assert [position for position, _ in results] == list(range(20))
        assert results[3][1] is None
        assert isinstance(results[7][1], PhotoError)
        assert results[7][1].code == "not_an_image"
        assert results[7][1].__traceback__ is None
        assert all(int(pixels[0, 0, 0]) == 10 * at for at, pixels in results if at not in (3, 7))

    def test_nothing_to_do(self):
        assert list(decode_all([], shape=SMALL, threads=2, label="decode")) == []

    def test_the_look_ahead_is_bounded_and_stops_with_its_reader(self):
        items = Watched([saved(sheet(RED), "PNG")] * 100)
        running = decode_all(items, shape=SMALL, threads=2, label="decode")
        next(running)
        assert items.furthest < 10
        running.close()
        assert not any(thread.name.startswith("decode") for thread in threading.enumerate())

    def test_giants_are_decoded_one_at_a_time(self, monkeypatch):
        inside, most, real = [], [], photos.decode_small

        def watched(*args):
            inside.append(1)
            most.append(len(inside))
            try:
                return real(*args)
            finally:
                inside.pop()

        monkeypatch.setattr(photos, "GIANT_BYTES", 0)
        monkeypatch.setattr(photos, "decode_small", watched)
        photo = saved(Image.linear_gradient("L").resize((1500, 1500)), "JPEG")
        assert len(list(decode_all([photo] * 12, shape=SMALL, threads=4, label="decode"))) == 12
        assert max(most) == 1

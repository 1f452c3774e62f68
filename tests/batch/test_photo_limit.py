"""A photo has so many seconds, even where its decoder neither returns nor lets the interpreter go on."""

import subprocess
import sys
import threading
import time

import pytest
from PIL import Image
from tests.batching import HANGS

from aisle.batch.photo_limit import PhotoLimit, photo_name, slow_photo
from aisle.catalog.photo_pixels import PixelShape
from aisle.catalog.photos import decode_photo
from aisle.errors import PhotoError

SHAPE = PixelShape(width=8, height=8)
DECODING = """
import io, sys, time
from pathlib import Path
from PIL import Image
from aisle.batch.photo_limit import PhotoLimit
from aisle.catalog import photos
from aisle.catalog.photo_pixels import PixelShape
from aisle.encode.parallel import map_threads
from aisle.errors import PhotoError
from tests.batching import HANGS, StubMaker, make_job

StubMaker(job=make_job(), folder=None).hang()
seconds, note, *names = sys.argv[1:]
def decode(name):
    try:
        photos.decode_photo(HANGS if name == "bytes" else Path(name), shape=PixelShape(width=8, height=8))
    except PhotoError:
        pass
file = io.BytesIO()
Image.new("RGB", (8, 8)).save(file, "PNG")
photos.decode_photo(file.getvalue(), shape=PixelShape(width=8, height=8))  # the first one loads decoders
with PhotoLimit(Path(note), seconds=float(seconds)):
    list(map_threads(decode, names, threads=1))
    print("decoded", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "good.png"
    Image.new("RGB", (16, 16), (200, 30, 30)).save(path)
    return path


@pytest.fixture
def hanging(tmp_path):
    path = tmp_path / "Tür\n.jpg"
    path.write_bytes(HANGS)
    return path


@pytest.fixture
def note(tmp_path):
    return tmp_path / "photo.note"


def decoding(note, *names, seconds):
    command = [sys.executable, "-c", DECODING, str(seconds), str(note), *map(str, names)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("order", ["first", "last"])
def test_a_decoder_that_holds_everything_ends_its_process(note, photo, hanging, order):
    names = [hanging, photo] if order == "first" else [photo, photo, hanging]
    with decoding(note, *names, seconds=0.5) as process:
        assert process.communicate(timeout=50) == ("", "")  # not after the minute that it would sleep
    assert process.returncode == 1
    assert slow_photo(note) == str(hanging)
    assert slow_photo(note) is None
    assert not note.exists()


def test_a_photo_without_a_name_is_told_by_its_content(note):
    with decoding(note, "bytes", seconds=0.3) as process:
        process.wait(50)
    assert slow_photo(note) == photo_name(HANGS)
    assert photo_name(HANGS).startswith("SHA-256 ")


def test_a_process_that_ends_otherwise_blames_no_photo(note, photo):
    with decoding(note, photo, seconds=0.5) as process:
        assert process.stdout.readline() == "decoded\n"
        time.sleep(0.8)  # longer than the limit, but no photo is being decoded
        assert process.poll() is None
        process.kill()
    assert str(photo).encode() in note.read_bytes()
    assert slow_photo(note) is None


def test_photos_in_time_leave_nothing(note, photo):
    with PhotoLimit(note, seconds=5) as limit:
        for _ in range(3):
            assert decode_photo(photo, shape=SHAPE).shape == (8, 8, 3)
        assert note.exists()
    assert 0 < limit.decoding < 5
    assert not note.exists()
    decode_photo(photo, shape=SHAPE)
    assert not note.exists()


def test_a_photo_that_is_left_out_is_not_opened(note, hanging, photo):
    with PhotoLimit(note, seconds=5, left_out=[photo_name(hanging)]) as limit:
        with pytest.raises(PhotoError, match="left out: decoding it took too long in an earlier attempt") as caught:
            decode_photo(hanging, shape=SHAPE)
        decode_photo(photo, shape=SHAPE)
    assert caught.value.code == "too_slow"
    assert limit.refused == [str(hanging)]


def test_the_oldest_of_several_photos_is_noted(note, monkeypatch, tmp_path):
    """The alarm is set to it, so that it is the one to blame."""
    begun, go = threading.Barrier(2), threading.Event()

    def slow(photo, *, name, most):
        begun.wait(10)
        go.wait(10)
        return b"x"

    monkeypatch.setattr("aisle.catalog.photos._read", slow)

    def decode(path):
        with pytest.raises(PhotoError):
            decode_photo(path, shape=SHAPE)

    noted = []
    with PhotoLimit(note, seconds=30):
        threads = [threading.Thread(target=decode, args=(tmp_path / name,)) for name in ("1.jpg", "2.jpg")]
        for thread in threads:
            thread.start()
            while not (note.stat().st_size and note.read_bytes()):
                time.sleep(0.01)
            time.sleep(0.05)
            noted.append(note.read_bytes().partition(b"\0")[0].decode())
        go.set()
        for thread in threads:
            thread.join()
    assert noted == [str(tmp_path / "1.jpg")] * 2


def test_a_long_name_fits_into_a_note(tmp_path):
    names = [photo_name(tmp_path / (letter * 5000)) for letter in "ab"]
    assert len(set(names)) == 2
    assert max(map(len, names)) < 100

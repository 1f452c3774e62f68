"""The decode path on the real photos: 51 originals up to 94 MP and the 1,047 photos of the study."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aisle.catalog.photos import PixelShape, decode_all, photo_facts
from aisle.errors import PhotoError

DATA = Path(os.environ.get("AISLE_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA}: set AISLE_REAL_DATA"),
]

MEASURE = """
import sys
from pathlib import Path
from aisle.catalog.photos import PixelShape, decode_all

def peak():
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) * 1024

photos = sorted(Path(sys.argv[1]).iterdir())
idle = peak()
shape = PixelShape(width=224, height=224)
results = [result for _, result in decode_all(photos, shape=shape, threads=2, label="decode")]
print(peak() - idle, sum(isinstance(result, Exception) for result in results))
"""


def test_the_originals_decode_within_300_megabytes():
    folder = DATA / "photos-original"
    assert max(photo_facts(photo).pixels for photo in folder.iterdir()) == 8484 * 11042
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", MEASURE, str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    grown, failed = map(int, done.stdout.split())
    assert failed == 0
    assert grown < 300e6


def test_every_photo_of_the_study_decodes():
    photos = sorted((DATA / "flipkart-1050" / "images").iterdir())
    shape = PixelShape(width=32, height=32)
    results = [result for _, result in decode_all(photos, shape=shape, threads=2, label="decode")]
    assert len(results) == 1047
    assert not [result for result in results if isinstance(result, PhotoError)]

"""One large photo in a fresh process: ``python one_photo.py aisle|pillow LARGE SMALL`` prints seconds and bytes.

SMALL is decoded first, so that what a first photo loads counts for neither.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from timed import peak_memory

SIDE = 224


def with_pillow(photo: Path) -> object:
    """Decode the whole photo, then resize it."""
    with Image.open(photo) as image:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def with_aisle() -> Callable[[Path], object]:
    """Decode as an encoder asks for it."""
    from aisle.catalog.photos import PixelShape, decode_photo

    shape = PixelShape(width=SIDE, height=SIDE, resample="bicubic")
    return lambda photo: decode_photo(photo, shape=shape)


def main() -> None:
    """Decode both, and measure the second."""
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    decode = with_aisle() if sys.argv[1] == "aisle" else with_pillow
    decode(Path(sys.argv[3]))
    before = peak_memory()
    started = time.perf_counter()
    decode(Path(sys.argv[2]))
    print(json.dumps({"seconds": time.perf_counter() - started, "bytes": peak_memory() - before}))


if __name__ == "__main__":
    main()

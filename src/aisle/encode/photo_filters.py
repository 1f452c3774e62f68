"""What the study does to pixels before an encoder sees them: nothing, or one of two blurs."""

import numpy as np
from numpy.typing import NDArray

from aisle.extras import require

FILTERS = ("none", "gaussian", "median")
_SIDE = 5


def apply_filter(pixels: NDArray[np.uint8], *, name: str) -> NDArray[np.uint8]:
    """Filter a photo, (height, width) or (height, width, 3), with a 5 x 5 window.

    Raises
    ------
    ValueError
        The filter is not one of ``FILTERS``.
    """
    if name == "none":
        return pixels
    cv2 = require("cv2", extra="study")
    if name == "gaussian":
        return np.asarray(cv2.GaussianBlur(pixels, (_SIDE, _SIDE), 0), dtype=np.uint8)
    if name == "median":
        return np.asarray(cv2.medianBlur(pixels, _SIDE), dtype=np.uint8)
    raise ValueError(f"filter is one of {', '.join(FILTERS)}, not {name!r}")

"""The nearest products among any number of them: exact below a hundred thousand, and above with a known recall."""

from aisle.nearest.found import Alike, Found
from aisle.nearest.index import EXACT_BELOW, NearestIndex

__all__ = ["EXACT_BELOW", "Alike", "Found", "NearestIndex"]

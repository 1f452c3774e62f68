"""Draws a sample catalogue with known truth: seven categories, and the trouble that catalogues have."""

from aisle.catalog.sample.generator import SampleSummary, draw_sample

__all__ = ["SampleSummary", "draw_sample"]

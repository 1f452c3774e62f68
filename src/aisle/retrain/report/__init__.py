"""The page of a retraining."""

from aisle.retrain.report.page import render_retraining

__all__ = ["render_retraining"]

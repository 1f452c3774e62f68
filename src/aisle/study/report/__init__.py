"""The report of a study: plain data in, one HTML page, figures and a notebook view out."""

from aisle.study.report.figures import Figure, best_variants, figures
from aisle.study.report.render import notebook_html, render_report

__all__ = ["Figure", "best_variants", "figures", "notebook_html", "render_report"]

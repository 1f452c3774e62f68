"""The result of a study: numbers, tables, figures, and files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from aisle.extras import require
from aisle.files import atomic_write, write_text
from aisle.study.report import Figure, figures, notebook_html, render_report


@dataclass(frozen=True, repr=False)
class Study:
    """What a study found.

    Attributes
    ----------
    summary : dict
        All numbers, as ``summary.json`` has them.
    details : dict
        Products, maps, confusions and mistakes, from which figures are drawn.
    table : dict of str to array
        The columns of ``embeddings.parquet``.
    threads : int
        Cores to use for drawing.
    """

    summary: Mapping[str, Any]
    details: Mapping[str, Any]
    table: Mapping[str, Any]
    threads: int = 1

    @property
    def verdict(self) -> str:
        """The answer in one sentence or two."""
        return str(self.summary["verdict"]["sentence"])

    @cached_property
    def tables(self) -> dict[str, Any]:
        """The tables as pandas data frames: ``features``, ``fused``, ``best_per_category``, ``classifier``."""
        pandas = require("pandas", extra="study")
        oracle = self.summary["best_per_category"]
        return {
            "features": pandas.DataFrame(self.summary["features"]),
            "fused": pandas.DataFrame(self.summary["fused"]),
            "best_per_category": pandas.DataFrame(oracle["categories"] if oracle else []),
            "classifier": pandas.DataFrame(self.summary["classifier"]),
        }

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """The figures by name; each shows itself in a notebook and saves itself as SVG."""
        return figures(self.summary, self.details)

    def save(self, folder: str | Path) -> dict[str, Path]:
        """Write ``summary.json``, ``report.html`` and ``embeddings.parquet``, each whole or not at all.

        Returns
        -------
        dict of str to Path
            What was written, by kind.

        Raises
        ------
        DiskFullError
            The disk is full.
        """
        out = Path(folder)
        paths = {
            "summary": out / "summary.json",
            "embeddings": out / "embeddings.parquet",
            "report": out / "report.html",
        }
        write_text(paths["summary"], json.dumps(self.summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        with atomic_write(paths["embeddings"]) as file:
            require("pyarrow.parquet", extra="data").write_table(self._arrow(), file)
        write_text(paths["report"], render_report(self.summary, self.details, threads=self.threads))
        return paths

    def __repr__(self) -> str:
        return f"<Study of {self.summary['catalog']['source']}: {self.verdict}>"

    def _repr_html_(self) -> str:
        return notebook_html(self.summary, self.details)

    def _arrow(self) -> Any:
        arrow = require("pyarrow", extra="data")
        columns = {}
        for name, values in self.table.items():
            matrix = np.asarray(values) if not isinstance(values, list) else None
            if matrix is not None and matrix.ndim == 2:
                columns[name] = arrow.FixedSizeListArray.from_arrays(arrow.array(matrix.ravel()), matrix.shape[1])
            else:
                columns[name] = arrow.array(values)
        return arrow.table(columns)

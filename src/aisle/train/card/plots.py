"""The plots of a model card, each an SVG that stands alone."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from aisle.report.ranges import Axis, Row, Series, range_figure
from aisle.report.svg import label, line, number, percent, svg, text_width
from aisle.train.card.words import everything_of, fields_text, subset_of

_WIDTH, _HEIGHT = 470.0, 400.0
_LEFT, _TOP, _RIGHT, _BOTTOM = 60.0, 52.0, 448.0, 340.0
_LEAST = 5
"""A bin of fewer products says nothing, and is not drawn."""
_NAMED = 3
"""More fields than that have no room beside the axis."""


def plots(evaluation: Mapping[str, Any]) -> dict[str, str]:
    """Draw everything that the evaluation has data for.

    Parameters
    ----------
    evaluation : mapping
        From `aisle.train.evaluation.held_out_evaluation`.

    Returns
    -------
    dict of str to str
        ``reliability``, ``coverage`` and ``subsets``, as SVG; empty where nothing was held out.
    """
    if not evaluation.get("subsets"):
        return {}
    return {
        "reliability": reliability_plot(everything_of(evaluation)["figures"]["calibration"]),
        "coverage": coverage_plot(evaluation),
        "subsets": subsets_plot(evaluation["subsets"]),
    }


def reliability_plot(calibration: Mapping[str, Any]) -> str:
    """Draw the share that is right against the confidence, before and after calibration."""
    frame = _Frame(low_x=0.0, high_x=1.0, low_y=0.0, high_y=1.0)
    parts = frame.axes("confidence of the top category", "share that is right")
    parts.append(line(frame.x(0), frame.y(0), frame.x(1), frame.y(1), kind="ideal"))
    signs = [("c1", "dot2", "experts multiplied as they are", calibration.get("before")),
             ("c0", "dot", "as this engine answers", calibration["after"])]  # fmt: skip
    at = _LEFT
    for _, dot, text, found in signs:
        if found is None:
            continue
        error = found["level_1"]["ece"]
        parts.append(_dot(dot, at + 6, 14, 4.5))
        parts.append(label(at + 16, 18, text, kind="note"))
        parts.append(label(at + 16, 31, f"calibration error {100 * error:.1f} points", kind="note"))
        at += 34 + max(text_width(text, size=10.5), 110)
        rows = found["level_1"]["reliability"]
        most = max(row["count"] for row in rows)
        for row in (row for row in rows if row["count"] >= _LEAST):
            x = frame.x(row["confidence"])
            whisker = "whisker" if dot == "dot" else "whisker2"
            parts.append(line(x, frame.y(row["low"]), x, frame.y(row["high"]), kind=whisker))
            parts.append(_dot(dot, x, frame.y(row["right"]), 2.5 + 5 * math.sqrt(row["count"] / most)))
    note = f"The larger the dot, the more products; bins of fewer than {_LEAST} are left out."
    parts.append(label((_LEFT + _RIGHT) / 2, _BOTTOM + 54, note, kind="note", anchor="middle"))
    return svg(parts, width=_WIDTH, height=_HEIGHT, title="Reliability before and after calibration", kind="card")


def coverage_plot(evaluation: Mapping[str, Any]) -> str:
    """Draw the precision of answers against how many products get one, the most confident first."""
    curves = _curves(evaluation)
    lowest = min(point[1] for _, row in curves for point in row["figures"]["curve"])
    low = max(0.0, math.floor(lowest * 20) / 20)
    frame = _Frame(low_x=0.0, high_x=1.0, low_y=min(low, 0.95), high_y=1.0)
    parts = frame.axes("share of products that get an answer", "share of answers that is right (top category)")
    at, down = _LEFT, 18.0
    for place, (name, row) in enumerate(curves):
        room = 40 + text_width(name, size=10.5)
        if at > _LEFT and at + room > _WIDTH:
            at, down = _LEFT, down + 16
        parts.append(line(at, down - 4, at + 20, down - 4, kind=f"c{place}"))
        parts.append(label(at + 26, down, name, kind="note"))
        at += room + 4
        points = " ".join(f"{number(frame.x(x))},{number(frame.y(y))}" for x, y in row["figures"]["curve"])
        parts.append(f'<polyline class="c{place}" points="{points}"/>')
    return svg(parts, width=_WIDTH, height=_HEIGHT, title="Precision against coverage", kind="card")


def subsets_plot(subsets: Sequence[Mapping[str, Any]]) -> str:
    """Draw the accuracy for each set of fields that a product may have."""
    deep = any(_differ(row) for row in subsets)
    rows = []
    for row in reversed(subsets):
        top, leaf = row["figures"]["accuracy"]["level_1"], row["figures"]["accuracy"]["leaf"]
        series = [Series(kind="main", middle=top["share"], low=top["low"], high=top["high"])]
        if deep:
            series.append(Series(kind="second", middle=leaf["share"], low=leaf["low"], high=leaf["high"]))
        side = f"{percent(leaf['share'])} whole path" if deep else ""
        name = "everything" if row is subsets[-1] and len(row["fields"]) > _NAMED else fields_text(row["fields"])
        rows.append(Row(label=name, text=percent(top["share"]), side=side, series=tuple(series)))
    signs = [("dot", "top category"), ("span", "95 % interval")]
    if deep:
        signs.insert(1, ("dot2", "whole path"))
    axis = Axis(title="accuracy on products held out", signs=tuple(signs), column="accuracy", percent=True, start=None)
    return range_figure(rows, axis, title="Accuracy by what a product has")


def _differ(row: Mapping[str, Any]) -> bool:
    accuracy = row["figures"]["accuracy"]
    return bool(accuracy["leaf"] != accuracy["level_1"])


def _curves(evaluation: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the sets of fields that are drawn: everything, text alone, photo alone, the title alone."""
    full = everything_of(evaluation)
    text = [name for name in full["fields"] if name != "photo"]
    most = "everything" if len(full["fields"]) > 1 else fields_text(full["fields"])
    wanted = {most: full["fields"], "text alone": text, "photo alone": ["photo"], "title alone": ["title"]}
    found: list[tuple[str, Mapping[str, Any]]] = []
    for name, fields in wanted.items():
        row = subset_of(evaluation, fields)
        if row is not None and all(row is not other for _, other in found):
            found.append((name, row))
    return found


def _dot(kind: str, x: float, y: float, radius: float) -> str:
    return f'<circle class="{kind}" cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" fill-opacity="0.85"/>'


class _Frame:
    """Two axes with a scale each."""

    def __init__(self, *, low_x: float, high_x: float, low_y: float, high_y: float) -> None:
        self._x, self._y = (low_x, high_x), (low_y, high_y)

    def x(self, value: float) -> float:
        low, high = self._x
        return _LEFT + (value - low) / (high - low) * (_RIGHT - _LEFT)

    def y(self, value: float) -> float:
        low, high = self._y
        return _BOTTOM - (max(value, low) - low) / (high - low) * (_BOTTOM - _TOP)

    def axes(self, below: str, beside: str) -> list[str]:
        """Draw grid, ticks and titles."""
        parts = []
        for step in range(6):
            x = self._x[0] + (self._x[1] - self._x[0]) * step / 5
            y = self._y[0] + (self._y[1] - self._y[0]) * step / 5
            parts.append(line(_LEFT, self.y(y), _RIGHT, self.y(y), kind="grid"))
            parts.append(line(self.x(x), _TOP, self.x(x), _BOTTOM, kind="grid"))
            parts.append(label(_LEFT - 7, self.y(y) + 4, f"{100 * y:.3g} %", kind="note", anchor="end"))
            parts.append(label(self.x(x), _BOTTOM + 16, f"{100 * x:.3g} %", kind="note", anchor="middle"))
        parts.append(line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, kind="base"))
        parts.append(label((_LEFT + _RIGHT) / 2, _BOTTOM + 35, below, kind="soft", anchor="middle"))
        turned = label(0, 0, beside, kind="soft", anchor="middle")
        parts.append(f'<g transform="translate(12 {number((_TOP + _BOTTOM) / 2)}) rotate(-90)">{turned}</g>')
        return parts


def folds_plot(found: Mapping[str, Any]) -> str:
    """Draw what `aisle.train.cross_validation.cross_validate` found: accuracy for each set of fields.

    Where other products joined the training, what they changed is drawn below each.
    """
    more = {tuple(row["fields"]): row for row in found["with_extra"] or ()}
    rows = []
    for row in found["subsets"]:
        mean = row["figures"]["level_1"]
        series = [Series(kind="main", middle=mean["mean"], low=mean["low"], high=mean["high"])]
        other = more.get(tuple(row["fields"]))
        side = ""
        if other is not None:
            found_more = other["figures"]["level_1"]
            ends = {name: found_more[name] for name in ("low", "high")}
            series.append(Series(kind="second", middle=found_more["mean"], **ends))
            side = f"{percent(found_more['mean'])} with others"
        name = "everything" if len(row["fields"]) > _NAMED else fields_text(row["fields"])
        rows.append(Row(label=name, text=percent(mean["mean"]), side=side, series=tuple(series)))
    signs = [("dot", "mean over the folds"), ("span", "95 % interval")]
    if more:
        signs.insert(1, ("dot2", "other products joining the training"))
    axis = Axis(title="accuracy, top category", signs=tuple(signs), column="accuracy", percent=True, start=None)
    return range_figure(rows, axis, title="Accuracy in cross-validation")

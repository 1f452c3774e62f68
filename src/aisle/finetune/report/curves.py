"""Curves of a training: one figure of the losses, one of the accuracy, the epoch that was kept marked in both."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aisle.report.svg import finite, label, line, number, svg, text_width, ticks

_WIDTH, _HEIGHT = 360.0, 270.0
_LEFT, _TOP, _RIGHT, _BOTTOM = 46.0, 50.0, 346.0, 222.0
_DOT = 3.5
_AROUND = 0.02
"""Room above and below values that differ by less: an axis is no microscope."""

Epochs = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class _Curve:
    """A column of the log, and how it is drawn."""

    column: str
    name: str
    line: str
    dot: str


_LOSSES = (_Curve("training_loss", "training", "c0", "dot"), _Curve("validation_loss", "validation", "c1", "dot2"))
_ACCURACY = (_Curve("validation_accuracy", "validation", "c0", "dot"),)


def loss_figure(epochs: Epochs, *, best: int, title: str) -> str:
    """Draw the losses of learned and of held-out products, epoch by epoch.

    Parameters
    ----------
    epochs : sequence of mapping
        The log: ``number``, ``training_loss``, ``validation_loss``.
    best : int
        The number of the epoch that was kept.
    title : str
        What the figure shows, for those who cannot see it.

    Returns
    -------
    str
        SVG, 360 pixels wide.
    """
    return _figure(epochs, _LOSSES, best=best, title=title, write=lambda value: f"{value:g}", heading="loss")


def accuracy_figure(epochs: Epochs, *, best: int, title: str) -> str:
    """Draw the share of held-out products in their category, epoch by epoch; see `loss_figure`."""
    return _figure(
        epochs,
        _ACCURACY,
        best=best,
        title=title,
        write=lambda value: f"{100 * value:g} %",
        heading="accuracy",
        most=1.0,
    )


def _figure(
    epochs: Epochs,
    curves: Sequence[_Curve],
    *,
    best: int,
    title: str,
    write: Callable[[float], str],
    heading: str,
    most: float | None = None,
) -> str:
    drawn = [(curve, _points(epochs, curve.column)) for curve in curves]
    values = [value for _, points in drawn for _, value in points] or [0.0, 1.0]
    around = _AROUND if max(values) - min(values) < _AROUND else 0.0
    marks = ticks(max(0.0, min(values) - around), max(values) + around, most=5)
    marks = [mark for mark in marks if most is None or mark <= most]
    last = max([int(epoch["number"]) for epoch in epochs] or [1])

    def x(at: float) -> float:
        return _LEFT + 12 + (_RIGHT - _LEFT - 24) * ((at - 1) / (last - 1) if last > 1 else 0.5)

    def y(value: float) -> float:
        return _BOTTOM - (value - marks[0]) / (marks[-1] - marks[0]) * (_BOTTOM - _TOP)

    parts = [*_key(curves, heading), *_axes(marks, last, x=x, y=y, write=write)]
    if best:
        parts.append(line(x(best), _TOP, x(best), _BOTTOM, kind="ideal"))
    for curve, points in drawn:
        places = [(x(at), y(value)) for at, value in points]
        path = " ".join(f"{number(across)},{number(down)}" for across, down in places)
        parts.append(f'<polyline class="{curve.line}" points="{path}"/>')
        parts += [_dot(curve.dot, *place, radius=_DOT) for place in places]
        parts += [_dot("ring", x(at), y(value), radius=_DOT + 3) for at, value in points if at == best]
    return svg(parts, width=_WIDTH, height=_HEIGHT, title=title, kind="curves")


def _points(epochs: Epochs, column: str) -> list[tuple[int, float]]:
    """Return number and value of the epochs that have one."""
    found = ((int(epoch["number"]), finite(epoch.get(column))) for epoch in epochs)
    return [(at, value) for at, value in found if value is not None]


def _key(curves: Sequence[_Curve], heading: str) -> list[str]:
    parts = [label(2, 14, heading.upper(), kind="head")]
    across = 2.0
    for curve in curves if len(curves) > 1 else ():
        parts += [line(across, 32, across + 24, 32, kind=curve.line), _dot(curve.dot, across + 12, 32, radius=_DOT)]
        parts.append(label(across + 30, 36, curve.name, kind="note"))
        across += 48 + text_width(curve.name, size=10.5)
    parts.append(_dot("ring", across + 8, 32, radius=_DOT + 1.5))
    parts.append(label(across + 20, 36, "epoch that was kept", kind="note"))
    return parts


def _axes(
    marks: Sequence[float],
    last: int,
    *,
    x: Callable[[float], float],
    y: Callable[[float], float],
    write: Callable[[float], str],
) -> list[str]:
    parts = [line(_LEFT, y(mark), _RIGHT, y(mark), kind="grid") for mark in marks]
    parts += [label(_LEFT - 6, y(mark) + 4, write(mark), kind="note", anchor="end") for mark in marks]
    whole = {round(mark) for mark in ticks(1, last, most=8)} if last > 8 else set(range(1, last + 1))
    shown = sorted(mark for mark in whole | {1} if 1 <= mark <= last)
    parts += [label(x(mark), _BOTTOM + 16, str(mark), kind="note", anchor="middle") for mark in shown]
    parts.append(line(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, kind="base"))
    parts.append(label((_LEFT + _RIGHT) / 2, _BOTTOM + 35, "epoch", kind="soft", anchor="middle"))
    return parts


def _dot(kind: str, x: float, y: float, *, radius: float) -> str:
    return f'<circle class="{kind}" cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"/>'

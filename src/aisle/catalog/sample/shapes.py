"""Outlines in board units: every one is an array of points (points, 2)."""

from collections.abc import Iterator, Sequence

import numpy as np

from aisle.catalog.sample.canvas import Outline

Points = Sequence[tuple[float, float]]


def polygon(points: Points) -> Outline:
    """Return straight lines between points."""
    return np.asarray(points, np.float32)


def box(left: float, top: float, right: float, bottom: float, *, radius: float = 0.0) -> Outline:
    """Return a rectangle, its corners rounded by a radius."""
    radius = min(radius, (right - left) / 2, (bottom - top) / 2)
    if radius <= 0:
        return polygon([(left, top), (right, top), (right, bottom), (left, bottom)])
    corners = (
        (right - radius, bottom - radius, 0),
        (left + radius, bottom - radius, 90),
        (left + radius, top + radius, 180),
        (right - radius, top + radius, 270),
    )
    return np.concatenate([arc((x, y), radius, start, start + 90, steps=8) for x, y, start in corners])


def arc(
    centre: tuple[float, float],
    radius: float | tuple[float, float],
    start: float,
    stop: float,
    *,
    steps: int = 40,
) -> Outline:
    """Return a part of an ellipse; angles in degrees, 0 to the right and 90 straight down."""
    across, down = radius if isinstance(radius, tuple) else (radius, radius)
    angles = np.radians(np.linspace(start, stop, steps))
    points = np.stack([centre[0] + across * np.cos(angles), centre[1] + down * np.sin(angles)], axis=1)
    return points.astype(np.float32)


def ellipse(x: float, y: float, across: float, down: float | None = None) -> Outline:
    """Return an ellipse from its centre and its half axes; a circle where one is given."""
    return arc((x, y), (across, across if down is None else down), 0, 360, steps=72)


def curve(points: Points, *, closed: bool = False, steps: int = 10) -> Outline:
    """Return a smooth line through points (Catmull-Rom spline); a point given twice makes a corner."""
    knots = np.asarray(points, np.float32)
    around = (
        np.concatenate([knots[-1:], knots, knots[:2]]) if closed else np.concatenate([knots[:1], knots, knots[-1:]])
    )
    t = np.linspace(0, 1, steps, endpoint=False, dtype=np.float32)[:, None]
    pieces = []
    for before, here, there, after in zip(around, around[1:], around[2:], around[3:], strict=False):
        if np.array_equal(here, there):  # a corner: the spline would tie a knot in it
            continue
        bend = (2 * before - 5 * here + 4 * there - after) * t**2 + (3 * (here - there) + after - before) * t**3
        pieces.append(here + 0.5 * ((there - before) * t + bend))
    if not closed:
        pieces.append(knots[-1:])
    return np.concatenate(pieces).astype(np.float32)


def lathe(centre: float, profile: Points, *, smooth: bool = True) -> Outline:
    """Return the silhouette of a turned body: `profile` lists (height, half width) from top to bottom."""
    side: Points = [(half, y) for y, half in profile]
    right = curve(side) if smooth else polygon(side)
    left = right[::-1] * np.array([-1, 1], np.float32)
    return np.concatenate([right, left]) + np.array([centre, 0], np.float32)


def turned(outline: Outline, degrees: float, centre: tuple[float, float] = (50, 50)) -> Outline:
    """Return an outline rotated clockwise about a point."""
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    pivot = np.array(centre, np.float32)
    return ((outline - pivot) @ rotation + pivot).astype(np.float32)


def moved(outline: Outline, right: float, down: float) -> Outline:
    """Return an outline shifted."""
    return (outline + np.array([right, down], np.float32)).astype(np.float32)


def spots(
    count: int, centre: tuple[float, float], radius: float, start: float = -90
) -> Iterator[tuple[float, float, float]]:
    """Yield (x, y, angle in degrees) of points spread evenly on a circle, the first on top."""
    for index in range(count):
        angle = start + 360 * index / count
        turn = np.radians(angle)
        yield float(centre[0] + radius * np.cos(turn)), float(centre[1] + radius * np.sin(turn)), angle

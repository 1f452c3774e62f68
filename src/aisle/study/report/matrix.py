"""Confusion matrices: counts in cells, shaded by their share of the row."""

from collections.abc import Sequence
from dataclasses import dataclass

from aisle.report.svg import label, number, svg, text_width

MOST = 24
"""Rows and columns that are drawn; beyond that the smallest become "other"."""


@dataclass(frozen=True)
class Matrix:
    """Counts with the names of their rows (true categories) and columns (clusters or predictions)."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def make_matrix(rows: Sequence[str], columns: Sequence[str], counts: Sequence[Sequence[int]]) -> Matrix:
    """Order the columns like the rows they match best, and merge what is too small to be read.

    Parameters
    ----------
    rows, columns : sequence of str
        Names.
    counts : sequence of sequence of int
        One list per row.
    """
    order = list(range(len(columns)))
    if list(rows) != list(columns):
        order.sort(key=lambda column: _best(counts, column))
    ordered = [[int(row[column]) for column in order] for row in counts]
    names = [columns[column] for column in order]
    if len(rows) > MOST or len(names) > MOST:
        return _merge(list(rows), names, ordered)
    return Matrix(tuple(rows), tuple(names), tuple(tuple(row) for row in ordered))


def _best(counts: Sequence[Sequence[int]], column: int) -> tuple[int, int]:
    values = [row[column] for row in counts]
    largest = max(values, default=0)
    return (values.index(largest) if values else 0, -largest)


def _merge(rows: list[str], columns: list[str], counts: list[list[int]]) -> Matrix:
    """Keep the largest rows, and the columns that match a kept row best."""
    kept_rows = _largest([sum(row) for row in counts], range(len(rows)))
    if rows == columns:
        kept_columns = kept_rows
    else:
        totals = [sum(values) for values in zip(*counts, strict=True)]
        matching = [index for index in range(len(columns)) if _best(counts, index)[0] in kept_rows]
        kept_columns = _largest(totals, matching)
    by_row, by_column = _places(len(rows), kept_rows), _places(len(columns), kept_columns)
    table = [[0] * (max(by_column) + 1) for _ in range(max(by_row) + 1)]
    for row, values in zip(by_row, counts, strict=True):
        for column, value in zip(by_column, values, strict=True):
            table[row][column] += value
    merged = tuple(tuple(values) for values in table)
    return Matrix(_names(rows, kept_rows), _names(columns, kept_columns), merged)


def _largest(totals: Sequence[int], allowed: Sequence[int]) -> list[int]:
    if len(totals) <= MOST:
        return list(range(len(totals)))
    return sorted(sorted(allowed, key=lambda index: -totals[index])[: MOST - 1])


def _places(count: int, kept: Sequence[int]) -> list[int]:
    """Return the new position of each line; those that are not kept share the last."""
    place = {index: position for position, index in enumerate(kept)}
    return [place.get(index, len(kept)) for index in range(count)]


def _names(names: Sequence[str], kept: Sequence[int]) -> tuple[str, ...]:
    rest = len(names) - len(kept)
    return (*(names[index] for index in kept), *((f"other ({rest})",) if rest else ()))


def matrix_figure(matrix: Matrix, *, title: str, across: str) -> str:
    """Draw a matrix.

    Parameters
    ----------
    matrix : Matrix
        What to draw.
    title : str
        What it shows, for those who cannot see it.
    across : str
        What the columns are: ``cluster`` or ``predicted``.

    Returns
    -------
    str
        SVG; as wide as its cells need.
    """
    size = max(len(matrix.columns), len(matrix.rows))
    wide, high, font = (54.0, 34.0, 12.0) if size <= 8 else (38.0, 27.0, 11.0) if size <= 14 else (28.0, 22.0, 9.5)
    left = min(max((text_width(name, size=12) for name in matrix.rows), default=0.0) + 18, 190.0)
    longest = min(max((text_width(name, size=12) for name in matrix.columns), default=0.0), 172.0)
    top = 0.64 * longest + 34
    width = left + wide * len(matrix.columns) + max(0.77 * longest - wide / 2, 50.0) + 8
    parts = [
        label(left - 10, top - 12, "true category", kind="note", anchor="end"),
        label(left, 12, across, kind="note"),
    ]
    for column, name in enumerate(matrix.columns):
        place = f"translate({number(left + wide * (column + 0.5))} {number(top - 8)}) rotate(-40)"
        parts.append(f'<g transform="{place}">{label(0, 0, name, width=172, size=12)}</g>')
    for index, (name, counts) in enumerate(zip(matrix.rows, matrix.counts, strict=True)):
        y = top + index * high
        parts.append(label(left - 10, y + high / 2 + 4, name, anchor="end", width=left - 14, size=12))
        total = sum(counts)
        for column, count in enumerate(counts):
            parts.extend(_cell(left + column * wide, y, wide, high, count=count, total=total, font=font))
        x = left + wide * len(matrix.columns) + 8
        parts.append(label(x, y + high / 2 + 4, f"of {total:,}", kind="note"))
    height = top + high * len(matrix.rows) + 8
    return svg(parts, width=width, height=height, title=title, kind="matrix")


def _cell(x: float, y: float, wide: float, high: float, *, count: int, total: int, font: float) -> list[str]:
    share = count / total if total else 0.0
    opacity = 0.04 + 0.96 * share if count else 0.025
    box = f'x="{number(x + 1)}" y="{number(y + 1)}" width="{number(wide - 2)}" height="{number(high - 2)}"'
    text = f"{count:,}" if count else "·"
    kind = "strong" if share > 0.7 else "" if count else "faint"
    style = f' style="font-size:{number(font)}px"' if font != 12 else ""
    return [
        f'<rect class="cell" {box} fill-opacity="{opacity:.2f}"/>',
        f'<text x="{number(x + wide / 2)}" y="{number(y + high / 2 + 4)}" text-anchor="middle" '
        f'class="{kind}"{style}>{text}</text>',
    ]

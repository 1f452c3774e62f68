"""The tables of the report: numbers turned into words, so that the template only has to loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aisle.report.svg import finite, percent
from aisle.study.report.figures import best_variants, is_original, original_of, variant_text
from aisle.study.report.matrix import Matrix

MISSING = "—"
_PAGE = 24


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: its heading, what the heading means, and whether it holds numbers."""

    title: str
    hint: str = ""
    kind: str = "number"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What stands in a cell; ``order`` is what it is sorted by, ``span`` how many columns it takes."""

    text: str
    note: str = ""
    kind: str = "number"
    order: str = ""
    span: int = 1
    share: str = ""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of a table."""

    cells: tuple[Cell, ...]
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with its caption."""

    caption: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    kind: str = "sortable"


def words(text: object, *, note: str = "") -> Cell:
    """Return a cell of text."""
    return Cell(text=str(text if text is not None else ""), note=note, kind="text")


def head(text: object, *, note: str = "") -> Cell:
    """Return the cell that names its row."""
    return Cell(text=str(text if text is not None else "") or "(no name)", note=note, kind="head")


def decimal(value: object, *, digits: int = 3) -> Cell:
    """Return a cell with a number, or a dash."""
    there = finite(value)
    return Cell(text=MISSING if there is None else f"{there:.{digits}f}", order=_order(there))


def fraction(value: object) -> Cell:
    """Return a cell with a percentage."""
    return Cell(text=percent(value), order=_order(finite(value)))


def whole(value: object) -> Cell:
    """Return a cell with a count."""
    there = finite(value)
    return Cell(text=MISSING if there is None else f"{there:,.0f}", order=_order(there))


def _count(value: object) -> Cell:
    """Return a cell with a count that may be a mean of counts."""
    there = finite(value)
    return whole(value) if there is None or there == round(there) else decimal(value, digits=1)


def _order(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _mean(row: Mapping[str, Any], name: str) -> Cell:
    mean, std = finite(row.get(f"{name}_mean")), finite(row.get(f"{name}_std"))
    text = MISSING if mean is None else f"{mean:.3f}" if std is None else f"{mean:.3f} ± {std:.3f}"
    return Cell(text=text, order=_order(mean))


_SCORES = (
    Column(title="ARI, mean ± std", hint="Adjusted Rand index: mean and standard deviation over the seeds"),
    Column(title="ARI, max", hint="The best seed: chosen with the labels in hand"),
    Column(title="AMI", hint="Adjusted mutual information, mean over the seeds"),
    Column(title="V", hint="V-measure, mean over the seeds"),
    Column(title="Accuracy", hint="Products in the cluster that matches their category best, mean over the seeds"),
)
_SECONDS = Column(title="Seconds", hint="Time to encode the catalogue")


def _scores(row: Mapping[str, Any]) -> list[Cell]:
    best = decimal(row.get("ari_max"))
    hollow = Cell(text=f"◇ {best.text}" if best.order else best.text, order=best.order, kind="number peak")
    means = [decimal(row.get("ami_mean")), decimal(row.get("v_mean"))]
    return [_mean(row, "ari"), hollow, *means, fraction(row.get("accuracy_mean"))]


def _unmeasured(row: Mapping[str, Any], *, columns: int) -> Cell:
    status, reason = str(row.get("status") or "not measured"), str(row.get("reason") or "")
    return Cell(text=status, note=reason, kind="text", span=columns)


def _modality(row: Mapping[str, Any]) -> Cell:
    return words(row.get("modality") or "")


def encoder_table(summary: Mapping[str, Any], *, modality: str = "") -> Table | None:
    """Return the best variant of each encoder, by mean ARI."""
    features = [row for row in summary.get("features") or () if not modality or row.get("modality") == modality]
    compared = is_original(summary)
    first = (Column(title="Encoder", kind="text"), Column(title="Reads", kind="text"))
    last = (Column(title="PCA", kind="text"), _SECONDS)
    beside = (Column(title="Original, mean"), Column(title="Original, max"))
    columns = (*first, *_SCORES, *last, *(beside if compared else ()))
    lines = []
    for row in best_variants(features):
        name = head(row.get("title") or row.get("name"), note=str(row.get("variant") or ""))
        original = original_of(row) if compared else None
        cells = [name, _modality(row)]
        if finite(row.get("ari_mean")) is None:
            cells.append(_unmeasured(row, columns=len(_SCORES) + len(last)))
        else:
            pca = words("yes" if row.get("pca") else "no")
            cells += [*_scores(row), pca, decimal(row.get("encode_seconds"), digits=1)]
        if compared:
            cells += [decimal(original.ari_mean), decimal(original.ari_max)] if original else [decimal(None)] * 2
        lines.append(Line(cells=tuple(cells), kind="" if finite(row.get("ari_mean")) is not None else "muted"))
    caption = "The best variant of each encoder, by mean ARI"
    return Table(caption=caption, columns=columns, lines=tuple(lines)) if lines else None


def variant_table(summary: Mapping[str, Any]) -> Table | None:
    """Return every variant of every encoder."""
    columns = (
        Column(title="Encoder", kind="text"),
        Column(title="Reads", kind="text"),
        Column(title="Variant", kind="text"),
        Column(title="PCA", kind="text"),
        Column(title="Columns", hint="Numbers per product"),
        *_SCORES,
        _SECONDS,
        Column(title="Seeds"),
    )
    lines = []
    for row in summary.get("features") or ():
        cells = [head(row.get("title") or row.get("name")), _modality(row), words(row.get("variant") or "")]
        if finite(row.get("ari_mean")) is None:
            lines.append(Line(cells=(*cells, _unmeasured(row, columns=len(columns) - 3)), kind="muted"))
            continue
        cells += [words("yes" if row.get("pca") else "no"), whole(row.get("dimension")), *_scores(row)]
        cells += [decimal(row.get("encode_seconds"), digits=1), whole(row.get("seeds"))]
        lines.append(Line(cells=tuple(cells)))
    caption = f"All {len(lines)} variants"
    return Table(caption=caption, columns=columns, lines=tuple(lines)) if lines else None


def fused_table(summary: Mapping[str, Any]) -> Table | None:
    """Return the ways of putting text and photo together, best first."""
    rows = sorted(summary.get("fused") or (), key=lambda row: -(finite(row.get("ari_mean")) or -2.0))
    originals = [original_of(row) for row in rows]
    compared = is_original(summary) and any(originals)
    beside = (Column(title="Original, mean"), Column(title="Original, max")) if compared else ()
    columns = (Column(title="Method and views", kind="text"), *_SCORES, *beside)
    lines = []
    for row, original in zip(rows, originals, strict=True):
        views = {"variant": " + ".join(row["views"])} if row.get("views") else {}
        name = head(row.get("title") or row.get("name"), note=variant_text({**row, **views}))
        measured = finite(row.get("ari_mean")) is not None
        cells = [name, *(_scores(row) if measured else [_unmeasured(row, columns=len(_SCORES))])]
        if compared:
            cells += [decimal(original.ari_mean), decimal(original.ari_max)] if original else [decimal(None)] * 2
        lines.append(Line(cells=tuple(cells), kind="" if measured else "muted"))
    caption = "Text and photo together, by mean ARI"
    return Table(caption=caption, columns=columns, lines=tuple(lines)) if lines else None


def category_tables(summary: Mapping[str, Any]) -> list[Table]:
    """Return which clustering recognises each category best, the categories beyond a page apart."""
    best = summary.get("best_per_category") or {}
    columns = (
        Column(title="Category", kind="text"),
        Column(title="Better read from", kind="text"),
        Column(title="Text", hint="Share of the category that its text clusters hold"),
        Column(title="Photo", hint="Share of the category that its photo clusters hold"),
        Column(title="Right"),
        Column(title="Of"),
    )
    lines = [
        Line(
            cells=(
                head(row.get("category")),
                words(row.get("modality") or MISSING),
                fraction(row.get("text_recall")),
                fraction(row.get("photo_recall")),
                _count(row.get("correct")),
                whole(row.get("size")),
            )
        )
        for row in best.get("categories") or ()
    ]
    return _pages("The better clustering of each category", columns, lines, kind="sortable")


def _pages(caption: str, columns: tuple[Column, ...], lines: Sequence[Line], *, kind: str) -> list[Table]:
    """Cut a long table in two: what is shown at once, and the rest."""
    parts = ((caption, lines[:_PAGE]), (f"{caption}: the other {len(lines) - _PAGE}", lines[_PAGE:]))
    return [Table(caption=name, columns=columns, lines=tuple(part), kind=kind) for name, part in parts if part]


def classifier_table(summary: Mapping[str, Any]) -> Table | None:
    """Return the trained classifiers with their intervals, plain and grouped."""
    rows = summary.get("classifier") or ()
    columns = (
        Column(title="Features", kind="text"),
        Column(title="Model", kind="text"),
        Column(title="Accuracy", hint="Mean over the folds"),
        Column(title="95 % interval"),
        Column(title="Grouped", hint="Near-duplicates kept on one side of every split"),
        Column(title="95 % interval, grouped"),
        Column(title="Macro F1", hint="F1 of each category, averaged with equal weight"),
    )
    lines = tuple(
        Line(
            cells=(
                head(row.get("features")),
                words(row.get("model")),
                fraction(row.get("accuracy_mean")),
                _interval(row, "accuracy"),
                fraction(row.get("grouped_accuracy_mean")),
                _interval(row, "grouped_accuracy"),
                decimal(row.get("macro_f1_mean")),
            )
        )
        for row in rows
    )
    folds: Mapping[str, Any] = next((row for row in rows if row.get("folds")), {})
    how = f", {folds['folds']} folds repeated {folds.get('repeats') or 1} times" if folds else ""
    return Table(caption=f"Trained classifiers{how}", columns=columns, lines=lines) if lines else None


def _interval(row: Mapping[str, Any], name: str) -> Cell:
    low, high = finite(row.get(f"{name}_low")), finite(row.get(f"{name}_high"))
    if low is None or high is None:
        return Cell(text=MISSING)
    return Cell(text=f"{100 * low:.1f} to {100 * high:.1f}", order=_order(low))


def matrix_table(matrix: Matrix, *, caption: str) -> Table:
    """Return a confusion matrix as a table, for those who cannot see the drawing."""
    columns = (Column(title="True category", kind="text"), *(Column(title=name) for name in matrix.columns))
    lines = tuple(
        Line(cells=(head(name), *(whole(count) for count in counts)))
        for name, counts in zip(matrix.rows, matrix.counts, strict=True)
    )
    return Table(caption=caption, columns=columns, lines=lines, kind="plain")


def size_tables(categories: Mapping[str, int]) -> list[Table]:
    """Return the sizes of the categories with bars, the largest first and the rest apart."""
    ranked = sorted(categories.items(), key=lambda item: (-item[1], item[0]))
    largest = max((size for _, size in ranked), default=1) or 1
    columns = (Column(title="Category", kind="text"), Column(title="Products"), Column(title="", kind="bar"))
    lines = [
        Line(cells=(head(name), whole(size), Cell(text="", kind="bar", share=f"{100 * size / largest:.1f}")))
        for name, size in ranked
    ]
    return _pages("Products per category", columns, lines, kind="plain")

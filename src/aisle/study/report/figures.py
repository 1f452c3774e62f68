"""The figures of a study, each as SVG that stands alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aisle.files import write_text
from aisle.report.ranges import Axis, Row, Series, range_figure
from aisle.report.svg import finite, percent
from aisle.study.original import ENCODERS, FUSION, OriginalFigure, original_figure, original_fusion
from aisle.study.report.maps import (
    Colouring,
    colour_categories,
    colour_clusters,
    map_figure,
    place_points,
    sample_products,
)
from aisle.study.report.matrix import Matrix, make_matrix, matrix_figure

MODALITIES = (("text", "Text"), ("photo", "Photo"), ("fused", "Text and photo together"))
_MOST_FUSED = 6


@dataclass(frozen=True)
class Figure:
    """A drawing with a title; a notebook shows it by itself."""

    title: str
    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return f'<figure style="margin:0;overflow-x:auto">{self.svg}</figure>'

    def save(self, path: str | Path) -> Path:
        """Write the drawing as an SVG file and return its path."""
        write_text(Path(path), self.svg + "\n")
        return Path(path)


def figures(summary: Mapping[str, Any], details: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw every figure of a study.

    Parameters
    ----------
    summary, details : mapping
        As a study gives them: plain data.

    Returns
    -------
    dict of str to Figure
        ``ari``, ``classifier``; then by number ``confusion:0``, ``map:0:category``, ``map:0:cluster``.
        What the study did not measure is left out.
    """
    drawings = {"ari": ari_figure(summary), "classifier": classifier_figure(summary)}
    found = {name: drawing for name, drawing in drawings.items() if drawing is not None}
    for index, confusion in enumerate(details.get("confusions") or ()):
        found[f"confusion:{index}"] = confusion_figure(confusion, details.get("categories") or ())
    for index, (by_category, by_cluster) in enumerate(map_figures(details)):
        found[f"map:{index}:category"] = by_category
        found[f"map:{index}:cluster"] = by_cluster
    return found


def best_variants(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the best variant of each encoder by mean ARI, best first; unmeasured encoders come last."""
    best: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in rows:
        key = (str(row.get("modality")), str(row.get("name")))
        if key not in best or _score(row) > _score(best[key]):
            best[key] = row
    return sorted(best.values(), key=lambda row: -_score(row))


def _score(row: Mapping[str, Any]) -> float:
    value = finite(row.get("ari_mean"))
    return -2.0 if value is None else value


def original_of(row: Mapping[str, Any]) -> OriginalFigure | None:
    """Return what the notebook study measured for the same encoder or pair of encoders."""
    return original_fusion(row["views"]) if row.get("views") else original_figure(str(row.get("name")))


def is_original(summary: Mapping[str, Any]) -> bool:
    """Tell whether the catalogue is the one of the notebook study."""
    return bool((summary.get("catalog") or {}).get("is_original"))


def ari_figure(summary: Mapping[str, Any], *, narrow: bool = False) -> Figure | None:
    """Draw agreement of the clusters with the categories, one row per encoder."""
    rows = list(_ari_rows(summary))
    if not any(row.series for row in rows):
        return None
    signs = [("dot", "mean over the seeds"), ("span", "± one standard deviation")]
    signs.append(("peak", "maximum, chosen with labels"))
    if is_original(summary):
        signs += [("dot3", "original study, mean"), ("peak3", "original study, maximum")]
    axis = Axis(title="adjusted Rand index", signs=tuple(signs), column="mean ± std")
    title = "Adjusted Rand index per encoder"
    return Figure(title, range_figure(rows, axis, title=title, narrow=narrow))


def _ari_rows(summary: Mapping[str, Any]) -> Iterator[Row]:
    compared = is_original(summary)
    for modality, heading in MODALITIES:
        if modality == "fused":
            best = sorted(summary.get("fused") or (), key=lambda row: -_score(row))[:_MOST_FUSED]
        else:
            best = best_variants([row for row in summary.get("features") or () if row.get("modality") == modality])
        originals = [figure for figure in (*ENCODERS, FUSION) if figure.modality == modality and compared]
        rows = [_ari_row(row, original_of(row) if compared else None) for row in best]
        shown = {figure.name for figure in (original_of(row) for row in best) if figure}
        rows += [
            Row(label=figure.title, note="original study only", series=(_reference(figure),))
            for figure in originals
            if figure.name not in shown and best
        ]
        if rows:
            yield Row(label=heading, heading=True)
            yield from rows


def _ari_row(row: Mapping[str, Any], original: OriginalFigure | None) -> Row:
    mean, std = finite(row.get("ari_mean")), finite(row.get("ari_std"))
    reference = (_reference(original),) if original else ()
    side = f"original {original.ari_mean:.3f}" if original else ""
    title = str(row.get("title") or row.get("name") or "")
    if mean is None:
        return Row(label=title, note=str(row.get("status") or "not measured"), side=side, series=reference)
    low, high = (None, None) if std is None else (mean - std, mean + std)
    main = Series(kind="main", middle=mean, low=low, high=high, peak=finite(row.get("ari_max")))
    text = f"{mean:.3f}" if std is None else f"{mean:.3f} ± {std:.3f}"
    return Row(label=title, note=variant_text(row), text=text, side=side, series=(main, *reference))


def variant_text(row: Mapping[str, Any]) -> str:
    """Say in a few words what was fed to an encoder and what was done to its output."""
    parts = [str(row.get("variant") or "") or " + ".join(map(str, row.get("views") or ()))]
    parts.append("PCA" if row.get("pca") else "")
    return ", ".join(part for part in parts if part)


def _reference(figure: OriginalFigure) -> Series:
    return Series(kind="reference", middle=figure.ari_mean, peak=figure.ari_max)


def classifier_figure(summary: Mapping[str, Any], *, narrow: bool = False) -> Figure | None:
    """Draw the accuracy of the trained classifiers with their 95 % intervals."""
    rows = [
        Row(
            label=str(row.get("features") or ""),
            note=str(row.get("model") or ""),
            text=percent(row.get("accuracy_mean")),
            side=f"grouped {percent(row.get('grouped_accuracy_mean'))}",
            series=tuple(_intervals(row)),
        )
        for row in summary.get("classifier") or ()
    ]
    if not any(row.series for row in rows):
        return None
    signs = (
        ("dot", "plain folds"),
        ("dot2", "near-duplicates kept together"),
        ("span", "95 % interval of the mean"),
    )
    title = "Accuracy of the trained classifiers"
    axis = Axis(title="products classified right", signs=signs, column="accuracy", percent=True, start=None)
    return Figure(title, range_figure(rows, axis, title=title, narrow=narrow))


def _intervals(row: Mapping[str, Any]) -> Iterator[Series]:
    for kind, prefix in (("main", ""), ("second", "grouped_")):
        mean = finite(row.get(f"{prefix}accuracy_mean"))
        low, high = finite(row.get(f"{prefix}accuracy_low")), finite(row.get(f"{prefix}accuracy_high"))
        if mean is not None:
            yield Series(kind=kind, middle=mean, low=low, high=high)


def confusion_matrix(confusion: Mapping[str, Any], categories: Sequence[str]) -> tuple[Matrix, bool]:
    """Return a confusion as rows and columns fit to be read, and whether its columns are clusters."""
    columns = [str(name) for name in confusion.get("clusters") or ()]
    matrix = make_matrix(list(categories), columns, confusion.get("counts") or ())
    return matrix, confusion.get("kind") == "clusters"


def confusion_figure(confusion: Mapping[str, Any], categories: Sequence[str]) -> Figure:
    """Draw categories against clusters, or against predicted categories."""
    matrix, is_clusters = confusion_matrix(confusion, categories)
    title = str(confusion.get("title") or "Confusion matrix")
    across = "cluster, named after the category it matches best" if is_clusters else "predicted category"
    return Figure(title, matrix_figure(matrix, title=f"Confusion matrix: {title}", across=across))


@dataclass(frozen=True, kw_only=True)
class MapData:
    """One map, ready to be drawn: places of the drawn products and their two colourings."""

    title: str
    places: tuple[tuple[float, float] | None, ...]
    categories: Colouring
    clusters: Colouring


def map_data(details: Mapping[str, Any]) -> tuple[list[int], list[MapData]]:
    """Return the products that the maps draw, and the maps."""
    names = [str(name) for name in details.get("categories") or ()]
    filed = [product.get("category") for product in details.get("products") or ()]
    drawn = sample_products(filed)
    by_category = colour_categories(filed, names)
    slots = {key.name: key.slot for key in by_category.keys}
    maps = []
    for entry in details.get("maps") or ():
        points, clusters = entry.get("points") or [], entry.get("clusters") or []
        padded = [*clusters, *[None] * (len(filed) - len(clusters))]
        cluster_names = [str(name) for name in entry.get("cluster_names") or ()]
        maps.append(
            MapData(
                title=str(entry.get("title") or ""),
                places=tuple(place_points([points[i] if i < len(points) else None for i in drawn])),
                categories=_only(by_category, drawn),
                clusters=_only(colour_clusters(padded, cluster_names, slots), drawn),
            )
        )
    return drawn, maps


def _only(colouring: Colouring, drawn: Sequence[int]) -> Colouring:
    """Keep the drawn points; the counts stay those of all products."""
    return Colouring(keys=colouring.keys, of=tuple(colouring.of[index] for index in drawn))


def map_figures(details: Mapping[str, Any]) -> Iterator[tuple[Figure, Figure]]:
    """Draw every map twice: by category and by cluster, each with its legend."""
    for data in map_data(details)[1]:
        by_category, by_cluster = f"{data.title}, by category", f"{data.title}, by cluster"
        yield (
            Figure(by_category, map_figure(data.places, data.categories, title=by_category, legend=True)),
            Figure(by_cluster, map_figure(data.places, data.clusters, title=by_cluster, legend=True)),
        )

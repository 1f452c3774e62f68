"""What the report says, section by section: data and words in, no HTML out except the figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aisle.report.render import script_json
from aisle.report.svg import finite, marker, percent, spread
from aisle.report.thumbnails import thumbnails
from aisle.study.report.catalog_section import catalog_section
from aisle.study.report.figures import (
    Figure,
    MapData,
    ari_figure,
    classifier_figure,
    confusion_figure,
    confusion_matrix,
    figures,
    is_original,
    map_data,
)
from aisle.study.report.maps import Key, map_figure
from aisle.study.report.opening import opening
from aisle.study.report.tables import (
    category_tables,
    classifier_table,
    encoder_table,
    fused_table,
    matrix_table,
    variant_table,
)

_MOST_THUMBNAILS = 2500
_MOST_EXAMPLES = 60
_TITLE = 240
_ARI_CAPTION = (
    "The best variant of each encoder by mean ARI. The dot is what one run gives on average; the hollow "
    "diamond picks the best of the seeds with the labels in hand, which nobody can do before the products "
    "are labelled."
)
_COMPARED_CAPTION = (
    " The original study read product names only: a variant that also reads descriptions has an advantage over it."
)


def report_page(summary: Mapping[str, Any], details: Mapping[str, Any], *, threads: int) -> dict[str, Any]:
    """Return everything that the template of the report loops over."""
    drawn, maps = map_data(details)
    products = details.get("products") or ()
    small = _small_pictures(products, drawn if maps else [], threads=threads)
    page = {
        **opening(summary),
        "ari": _both(ari_figure(summary), ari_figure(summary, narrow=True)),
        "ari_caption": _ARI_CAPTION + (_COMPARED_CAPTION if is_original(summary) else ""),
        "encoders": encoder_table(summary),
        "variants": variant_table(summary),
        "unmeasured": _unmeasured(summary),
        "fused": fused_table(summary),
        "per_category": category_tables(summary),
        "oracle": _oracle(summary),
        "classifiers": classifier_table(summary),
        "classifier": _both(classifier_figure(summary), classifier_figure(summary, narrow=True)),
        "confusions": list(_confusions(details)),
        "maps": [_map_section(index, data) for index, data in enumerate(maps)],
        "sample": f"{len(drawn):,} of {len(products):,} products" if len(drawn) < len(products) else "",
        "mistakes": list(_mistakes(details, threads=threads)),
        "catalog": catalog_section(summary),
        "compared": is_original(summary),
        "data": script_json(_map_payload(products, drawn, details, small)) if maps else "",
    }
    page["contents"] = [(anchor, title) for anchor, title, key in _SECTIONS if page[key]]
    return page


_SECTIONS = (
    ("encoders", "Each encoder alone", "encoders"),
    ("fused", "Text and photo together", "fused"),
    ("categories", "The better clustering of each category", "per_category"),
    ("classifier", "A trained classifier", "classifiers"),
    ("confusions", "Clusters against categories", "confusions"),
    ("maps", "Maps of the products", "maps"),
    ("mistakes", "What is taken for what", "mistakes"),
    ("catalogue", "The catalogue", "catalog"),
)


def notebook_page(summary: Mapping[str, Any], details: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the template of the notebook view loops over: the last map and confusion stand for all."""
    last = details.get("maps") or []
    found = figures(summary, {**details, "maps": last[-1:], "confusions": (details.get("confusions") or [])[-1:]})
    wanted = ("ari", "classifier", "confusion:0", "map:0:category", "map:0:cluster")
    tables = (encoder_table(summary), fused_table(summary), classifier_table(summary))
    return {
        **opening(summary),
        "figures": [found[name] for name in wanted if name in found],
        "tables": [table for table in tables if table is not None],
    }


@dataclass(frozen=True, kw_only=True)
class _Pair:
    wide: Figure
    narrow: Figure


def _both(wide: Figure | None, narrow: Figure | None) -> _Pair | None:
    return _Pair(wide=wide, narrow=narrow) if wide and narrow else None


def _unmeasured(summary: Mapping[str, Any]) -> list[dict[str, str]]:
    """Name every encoder of which no variant could be measured, once, with the reason."""
    rows = summary.get("features") or ()
    measured = {row.get("name") for row in rows if finite(row.get("ari_mean")) is not None}
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        name = str(row.get("name"))
        if row.get("name") not in measured and name not in found:
            status, reason = str(row.get("status") or "not measured"), str(row.get("reason") or "")
            title = str(row.get("title") or name)
            found[name] = {"title": title, "status": status, "reason": reason}
    return list(found.values())


def _oracle(summary: Mapping[str, Any]) -> str:
    best = summary.get("best_per_category") or {}
    accuracy, low, high = (finite(best.get(name)) for name in ("accuracy", "low", "high"))
    if accuracy is None:
        return ""
    interval = "" if low is None or high is None else f"; 95 % interval {100 * low:.1f} to {100 * high:.1f}"
    return f"Right in all: {best.get('products')} of {best.get('of')} ({percent(accuracy)}{interval})."


def _confusions(details: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    categories = [str(name) for name in details.get("categories") or ()]
    for confusion in details.get("confusions") or ():
        matrix, is_clusters = confusion_matrix(confusion, categories)
        drawing = confusion_figure(confusion, categories)
        accuracy = finite(confusion.get("accuracy"))
        parts = [
            f"accuracy {100 * accuracy:.1f} %" if accuracy is not None else "",
            str(confusion.get("chosen") or ""),
            "columns are clusters, named after the category they match best" if is_clusters else "",
        ]
        yield {
            "figure": drawing,
            "caption": "; ".join(part for part in parts if part),
            "table": matrix_table(matrix, caption=f"{drawing.title}: counts"),
        }


def _map_section(index: int, data: MapData) -> dict[str, Any]:
    panels = []
    for way, colouring in (("category", data.categories), ("cluster", data.clusters)):
        title = f"{data.title}, coloured by {way}"
        panels.append(
            {
                "heading": f"by {way}",
                "svg": map_figure(data.places, colouring, title=title),
                "legend": [_legend_entry(key) for key in colouring.keys],
            }
        )
    return {"index": index, "title": data.title, "panels": panels}


def _legend_entry(key: Key) -> dict[str, Any]:
    mark = marker(key.slot, 6, 6, radius=4.4)
    return {"name": key.name, "count": f"{key.count:,}", "index": key.index, "mark": mark}


def _small_pictures(products: Sequence[Mapping[str, Any]], drawn: Sequence[int], *, threads: int) -> dict[int, str]:
    """Return thumbnails of drawn products, evenly spread where there are too many."""
    with_photo = [index for index in drawn if products[index].get("photo")]
    chosen = [with_photo[position] for position in spread(len(with_photo), _MOST_THUMBNAILS)]
    made = thumbnails([products[index]["photo"] for index in chosen], threads=threads)
    return {index: picture for index, picture in zip(chosen, made, strict=True) if picture}


def _map_payload(
    products: Sequence[Mapping[str, Any]],
    drawn: Sequence[int],
    details: Mapping[str, Any],
    small: Mapping[int, str],
) -> dict[str, Any]:
    maps = []
    for entry in details.get("maps") or ():
        clusters = entry.get("clusters") or []
        here = [clusters[index] if index < len(clusters) else None for index in drawn]
        maps.append({"names": entry.get("cluster_names") or [], "clusters": here})
    return {
        "categories": details.get("categories") or [],
        "products": [
            [
                str(products[index].get("title") or "")[:_TITLE],
                products[index].get("category"),
                small.get(index, ""),
            ]
            for index in drawn
        ],
        "maps": maps,
    }


def _mistakes(details: Mapping[str, Any], *, threads: int) -> Iterator[dict[str, Any]]:
    products = details.get("products") or ()
    pairs = list(details.get("mistakes") or ())
    shown = [
        example
        for pair in pairs
        for example in pair.get("examples") or ()
        if 0 <= example.get("product", -1) < len(products)
    ][:_MOST_EXAMPLES]
    photos = [products[example["product"]].get("photo") for example in shown]
    made = thumbnails(photos, size=144, most_bytes=5000, threads=threads)
    pictures = {example["product"]: made[position] for position, example in enumerate(shown)}
    for pair in pairs:
        examples = [example for example in pair.get("examples") or () if example.get("product") in pictures]
        yield {
            "true": str(pair.get("true") or "(no name)"),
            "predicted": str(pair.get("predicted") or "(no name)"),
            "count": pair.get("count") or len(examples),
            "examples": [_example(example, products, pictures) for example in examples],
        }


def _example(
    example: Mapping[str, Any], products: Sequence[Mapping[str, Any]], pictures: Mapping[int, str | None]
) -> dict[str, str]:
    product = products[example["product"]]
    return {
        "title": str(product.get("title") or "") or "(no title)",
        "picture": pictures.get(example["product"]) or "",
    }

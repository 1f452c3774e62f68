"""The answer to the study's question, in words that its figures bear out."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

GOOD, FAIR = 0.8, 0.6
"""Least grouped accuracy, at the low end of its interval, for "yes" and for "partly"."""


def give_verdict(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Say whether photo and text tell the categories apart.

    The low end of the interval decides, with near-duplicates kept on one side of each split: what a new product can
    count on, not what this catalogue flatters.

    Parameters
    ----------
    summary : mapping
        The study's summary, without its verdict.

    Returns
    -------
    dict
        ``feasible`` (``"yes"``, ``"partly"``, ``"no"``), ``sentence`` and ``points``.
    """
    rows: Sequence[Row] = summary["classifier"]
    best = max((row for row in rows if row["features"] == rows[0]["features"]), key=lambda row: row["accuracy_mean"])
    low = best["grouped_accuracy_low"]
    categories = len(summary["catalog"]["categories"])
    chance = max(summary["catalog"]["categories"].values()) / summary["catalog"]["studied"]
    feasible = "yes" if low >= GOOD else "partly" if low >= max(FAIR, 1.5 * chance) else "no"
    opening = {
        "yes": f"Yes: {_sources(best)} can tell these {categories} categories apart.",
        "partly": f"Partly: {_sources(best)} can tell many of these {categories} categories apart, but not reliably.",
        "no": f"No: {_sources(best)} alone cannot tell these {categories} categories apart.",
    }[feasible]
    sentence = (
        f"{opening} A {best['model']} is right for {_percent(best['accuracy_mean'])} of the products it has not seen "
        f"(95 % interval {_range(best, 'accuracy')}), and for {_percent(best['grouped_accuracy_mean'])} "
        f"({_range(best, 'grouped_accuracy')}) when near-duplicates are kept together."
    )
    points = [*_controls(rows, best), *_clusters(summary), *_categories(summary)]
    return {"feasible": feasible, "sentence": sentence, "points": points}


def _controls(rows: Sequence[Row], best: Row) -> list[str]:
    points = []
    for row in rows:
        if row["model"] == best["model"] and row["features"] != best["features"]:
            gain = round(100 * (best["accuracy_mean"] - row["accuracy_mean"]), 1) + 0.0  # no minus zero
            apart = row["accuracy_high"] < best["accuracy_low"] or best["accuracy_high"] < row["accuracy_low"]
            meaning = "and the intervals do not overlap" if apart else "and the intervals overlap"
            points.append(
                f"{row['features'].capitalize()} alone: {_percent(row['accuracy_mean'])} ({_range(row, 'accuracy')}). "
                f"Reading both changes that by {gain:+.1f} points, {meaning}."
            )
    return points


def _clusters(summary: Mapping[str, Any]) -> list[str]:
    scored = [row for row in (*summary["features"], *summary["fused"]) if row["status"] == "ok"]
    if not scored:
        return []
    best = max(scored, key=lambda row: row["ari_mean"])
    return [
        f"Without any label, the best clusters ({best['title']}, {best['variant']}) agree with the categories at an "
        f"adjusted Rand index of {best['ari_mean']:.3f} on average over {best['seeds']} seeds "
        f"(standard deviation {best['ari_std']:.3f})."
    ]


def _categories(summary: Mapping[str, Any]) -> list[str]:
    oracle = summary["best_per_category"]
    if not oracle:
        return []
    photo = [row["category"] for row in oracle["categories"] if row["modality"] == "photo"]
    if photo:
        wins = f"photos cluster better for {', '.join(photo)}, texts for the others"
    else:
        wins = "texts cluster better for every category"
    return [
        f"If something knew which modality to trust for each category, clusters alone would be right for "
        f"{_percent(oracle['accuracy'])}: {wins}."
    ]


def _sources(row: Row) -> str:
    return str(
        {"text + photo": "photo and text", "photo": "photos", "text": "texts"}.get(row["features"], row["features"])
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _range(row: Row, name: str) -> str:
    return f"{100 * row[f'{name}_low']:.1f}–{100 * row[f'{name}_high']:.1f}"  # noqa: RUF001

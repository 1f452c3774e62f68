"""The answer to the study's question, in words that its figures bear out."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

GOOD, FAIR = 0.8, 0.6
"""Least grouped accuracy, at the low end of its interval, for "yes" and for "partly"."""

_GOOD_GAIN, _FAIR_GAIN = 0.5, 0.25
"""And at least so much of the way from always guessing the largest category to no mistake."""


def give_verdict(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Say whether photo and text tell the categories apart.

    The low end of the interval decides, with near-duplicates kept on one side of each split: what a new product can
    count on, not what this catalogue flatters. Where one category holds most products, accuracy alone says little: then
    the classifier must also be far better than always guessing that category. Where all products are near-duplicates
    of each other, no split keeps them together, and the plain interval decides.

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
    grouped = best["grouped_accuracy_mean"] is not None
    low = best["grouped_accuracy_low" if grouped else "accuracy_low"]
    categories = len(summary["catalog"]["categories"])
    feasible = _rate(low, guess=_guess(summary)[1])
    opening = {
        "yes": f"Yes: {_sources(best)} can tell these {categories} categories apart.",
        "partly": f"Partly: {_sources(best)} can tell many of these {categories} categories apart, but not reliably.",
        "no": f"No: {_sources(best)} alone cannot tell these {categories} categories apart.",
    }[feasible]
    sentence = (
        f"{opening} {_with_article(best['model'])} is right for {_percent(best['accuracy_mean'])} of the products it "
        f"has not seen (95 % interval {_range(best, 'accuracy')})"
    )
    if grouped:
        sentence += (
            f", and for {_percent(best['grouped_accuracy_mean'])} ({_range(best, 'grouped_accuracy')}) when "
            "near-duplicates are kept together."
        )
    else:
        sentence += "; all products are near-duplicates of each other, so no split can keep them together."
    points = [*_controls(rows, best, summary), *_clusters(summary), *_categories(summary)]
    return {"feasible": feasible, "sentence": sentence, "points": points}


def _rate(low: float, *, guess: float) -> str:
    for word, least, gain in (("yes", GOOD, _GOOD_GAIN), ("partly", FAIR, _FAIR_GAIN)):
        if low >= max(least, guess + gain * (1 - guess)):
            return word
    return "no"


def _guess(summary: Mapping[str, Any]) -> tuple[str, float]:
    """Return the largest category and its share: what a guess is right for."""
    sizes: Mapping[str, int] = summary["catalog"]["categories"]
    largest = max(sizes, key=lambda name: sizes[name])
    return largest, sizes[largest] / sum(sizes.values())


def _controls(rows: Sequence[Row], best: Row, summary: Mapping[str, Any]) -> list[str]:
    points = []
    studied = sum(summary["catalog"]["categories"].values())
    for row in rows:
        if row["model"] == best["model"] and row["features"] != best["features"]:
            gain = round(100 * (best["accuracy_mean"] - row["accuracy_mean"]), 1) + 0.0  # no minus zero
            apart = row["accuracy_high"] < best["accuracy_low"] or best["accuracy_high"] < row["accuracy_low"]
            meaning = "and the intervals do not overlap" if apart else "and the intervals overlap"
            there = row.get("products", studied)
            lack = "" if there == studied else f"; {there} of {studied} products have one"
            points.append(
                f"{row['features'].capitalize()} alone: {_percent(row['accuracy_mean'])} "
                f"({_range(row, 'accuracy')}{lack}). Reading both changes that by {gain:+.1f} points, {meaning}."
            )
    largest, share = _guess(summary)
    points.append(f"Always guessing the largest category, {largest}, would be right for {_percent(share)}.")
    return points


def _clusters(summary: Mapping[str, Any]) -> list[str]:
    scored = [row for row in (*summary["features"], *summary["fused"]) if row["status"] == "ok"]
    if not scored:
        return []
    best = max(scored, key=lambda row: row["ari_mean"])
    pca = ", PCA" if best["pca"] else ""
    return [
        f"Of all clusters, picked with the labels, those of {best['title']} ({best['variant']}{pca}) agree with the "
        f"categories best: adjusted Rand index {best['ari_mean']:.3f} on average over {best['seeds']} seeds "
        f"(standard deviation {best['ari_std']:.3f})."
    ]


def _categories(summary: Mapping[str, Any]) -> list[str]:
    oracle = summary["best_per_category"]
    if not oracle:
        return []
    photo = [row["category"] for row in oracle["categories"] if row["modality"] == "photo"]
    if len(photo) == len(oracle["categories"]):
        wins = "photos cluster better for every category"
    elif photo:
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


def _with_article(name: str) -> str:
    """Write a model's name with its article; capitals are read letter by letter.

    >>> _with_article("SVC (C = 10)"), _with_article("linear SVM")
    ('An SVC (C = 10)', 'A linear SVM')
    """
    spelled = name[:2].isupper() and name[0] in "AEFHILMNORSX"
    return f"{'An' if spelled or name[0] in 'aeiou' else 'A'} {name}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _range(row: Row, name: str) -> str:
    return f"{100 * row[f'{name}_low']:.1f}–{100 * row[f'{name}_high']:.1f}"  # noqa: RUF001

"""How the report begins: the verdict, and the few numbers to take away."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aisle.report.svg import finite, percent
from aisle.study.original import BEST_PER_CATEGORY, CLASSIFIER, FUSION
from aisle.study.report.figures import is_original

_VERDICTS = {"yes": "Feasible: yes", "partly": "Feasible: in part", "no": "Feasible: no"}


def opening(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what both the report and the notebook view begin with."""
    verdict = summary.get("verdict") or {}
    first, rest = _headline(str(verdict.get("sentence") or "The study gave no verdict."))
    seconds = finite(summary.get("seconds"))
    catalog = summary.get("catalog") or {}
    rows = summary.get("features") or ()
    return {
        "source": str(catalog.get("source") or "a catalogue"),
        "created": _date(str(summary.get("created") or "")),
        "took": _duration(seconds) if seconds is not None else "",
        "version": str(summary.get("aisle") or ""),
        "seeds": summary.get("seeds") or 0,
        "starts": summary.get("starts") or max((row.get("starts") or 0 for row in rows), default=0),
        "level": summary.get("level") or 1,
        "verdict": {
            "kind": str(verdict.get("feasible") or ""),
            "word": _VERDICTS.get(str(verdict.get("feasible")), "Result"),
            "sentence": first,
            "rest": rest,
            "points": [str(point) for point in verdict.get("points") or ()],
        },
        "numbers": key_numbers(summary),
    }


def _headline(text: str) -> tuple[str, str]:
    """Cut a verdict into its first sentence and the rest.

    >>> _headline("Yes: they differ. An SVC is right for 95.7 % of them.")
    ('Yes: they differ.', 'An SVC is right for 95.7 % of them.')
    """
    found = re.match(r"(.{10,160}?[.!?])\s+(?=[A-Z])(.+)", text, flags=re.DOTALL)
    return (found[1], found[2]) if found else (text, "")


def _date(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = moment.astimezone(UTC) if moment.tzinfo else moment
    return f"{zone.day} {zone:%B %Y, %H:%M}{' UTC' if moment.tzinfo else ''}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def key_numbers(summary: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the few numbers that a reader takes away, each with what it means."""
    return [
        {"value": value, "label": label, "note": note}
        for value, label, note in _key_numbers(summary, compared=is_original(summary))
    ]


def _key_numbers(summary: Mapping[str, Any], *, compared: bool) -> Iterator[tuple[str, str, str]]:
    trained: Sequence[Mapping[str, Any]] = summary.get("classifier") or ()
    # As the verdict does: the best model on the first features, not the luckiest row of all.
    classifier = _best([row for row in trained if row.get("features") == trained[0].get("features")], "accuracy_mean")
    if classifier:
        note = f"{classifier.get('features')}, {classifier.get('model')}{_interval(classifier, 'accuracy')}"
        note += f". Original study: {percent(CLASSIFIER[0])}" if compared else ""
        yield percent(classifier["accuracy_mean"]), "classified right by a trained classifier", note
        if finite(classifier.get("grouped_accuracy_mean")) is not None:
            note = f"near-duplicates kept on one side of every split{_interval(classifier, 'grouped_accuracy')}"
            yield (
                percent(classifier["grouped_accuracy_mean"]),
                "the same, without help from near-duplicates",
                note,
            )
    rows = [*(summary.get("features") or ()), *(summary.get("fused") or ())]
    best = _best(rows, "ari_mean")
    if best:
        std = finite(best.get("ari_std"))
        value = f"{best['ari_mean']:.3f}" + ("" if std is None else f" ± {std:.3f}")
        note = f"{best.get('title') or best.get('name')}, mean over the seeds"
        note += f". Original study: {FUSION.ari_mean:.3f}" if compared else ""
        yield value, "adjusted Rand index of the clusters that agree best", note
    oracle = summary.get("best_per_category") or {}
    if finite(oracle.get("accuracy")) is not None:
        note = f"{oracle.get('products', 0):,} of {oracle.get('of', 0):,}; chosen with the labels in hand"
        right, of = BEST_PER_CATEGORY
        note += f". Original study: {100 * right / of:.0f} %" if compared else ""
        yield percent(oracle["accuracy"]), "right with the better clustering of each category", note


def _best(rows: Sequence[Mapping[str, Any]], score: str) -> Mapping[str, Any] | None:
    measured = [row for row in rows if finite(row.get(score)) is not None]
    return max(measured, key=lambda row: float(row[score]), default=None)


def _interval(row: Mapping[str, Any], name: str) -> str:
    low, high = finite(row.get(f"{name}_low")), finite(row.get(f"{name}_high"))
    return "" if low is None or high is None else f"; 95 % interval {100 * low:.1f} to {100 * high:.1f}"

"""The verdict: thresholds, and a sentence whose numbers are those of the summary."""

import pytest

from aisle.study.verdict import give_verdict


def row(features, model, mean, *, low=None, high=None, grouped=None, **extra):
    low, high = mean - 0.02 if low is None else low, mean + 0.02 if high is None else high
    shift = 0.0 if grouped is None else grouped - mean
    ends = {"mean": mean, "low": low, "high": high}
    return {
        "features": features,
        "model": model,
        **{f"accuracy_{end}": value for end, value in ends.items()},
        **{f"grouped_accuracy_{end}": value + shift for end, value in ends.items()},
        **extra,
    }


def summary_of(*rows, sizes=None, **parts):
    sizes = sizes or dict.fromkeys("ABCDEFG", 30)
    catalog = {"categories": sizes, "studied": sum(sizes.values())}
    return {"catalog": catalog, "features": [], "fused": [], "best_per_category": None, "classifier": rows} | parts


BOTH, TEXT, PHOTO = "text + photo", "text", "photo"


@pytest.mark.parametrize(
    ("low", "word"), [(0.81, "yes"), (0.80, "yes"), (0.79, "partly"), (0.60, "partly"), (0.59, "no")]
)
def test_the_low_end_of_the_grouped_interval_decides(low, word):
    best = row(BOTH, "linear SVM", 0.97, low=0.96, high=0.98)
    best |= {"grouped_accuracy_mean": low + 0.02, "grouped_accuracy_low": low, "grouped_accuracy_high": low + 0.04}
    verdict = give_verdict(summary_of(best))
    assert verdict["feasible"] == word
    assert verdict["sentence"].lower().startswith(word)


@pytest.mark.parametrize(("low", "word"), [(0.93, "no"), (0.945, "partly"), (0.97, "yes")])
def test_where_one_category_holds_nearly_all_accuracy_must_beat_the_guess(low, word):
    """Of 100 products 92 are in one category: 0.94 and 0.96 are a quarter and half of the way to 1."""
    verdict = give_verdict(summary_of(row(BOTH, "linear SVM", low, low=low), sizes={"A": 92, "B": 8}))
    assert verdict["feasible"] == word
    assert "Always guessing the largest category, A, would be right for 92.0 %." in verdict["points"]


def test_the_sentence_says_the_numbers_of_the_better_model():
    rows = (
        row(BOTH, "SVC (C = 10)", 0.9574, low=0.941, high=0.974, grouped=0.9421),
        row(BOTH, "linear SVM", 0.93),
        row(TEXT, "SVC (C = 10)", 0.99),
    )
    sentence = give_verdict(summary_of(*rows))["sentence"]
    assert "these 7 categories" in sentence
    assert "An SVC (C = 10) is right for 95.7 %" in sentence
    assert "(95 % interval 94.1–97.4)" in sentence  # noqa: RUF001
    assert "for 94.2 % (92.6–95.9) when near-duplicates" in sentence  # noqa: RUF001


@pytest.mark.parametrize(
    ("text", "change", "intervals"),
    [(0.90, "+5.0", "do not overlap"), (0.94, "+1.0", "overlap"), (0.95, "+0.0", "overlap"), (0.97, "-2.0", "overlap")],
)
def test_controls_stand_beside_the_fused_figure(text, change, intervals):
    rows = (row(BOTH, "linear SVM", 0.95), row(TEXT, "linear SVM", text), row(PHOTO, "linear SVM", 0.6, products=199))
    points = give_verdict(summary_of(*rows))["points"]
    assert points[0].startswith(f"Text alone: {100 * text:.1f} %")
    assert f"changes that by {change} points, and the intervals {intervals}." in points[0]
    assert "; 199 of 210 products have one)" in points[1]


@pytest.mark.parametrize(("features", "word"), [(TEXT, "texts"), (PHOTO, "photos")])
def test_one_modality(features, word):
    verdict = give_verdict(summary_of(row(features, "linear SVM", 0.9)))
    assert verdict["sentence"].startswith(f"Yes: {word} can tell")
    assert not any("alone" in point for point in verdict["points"])


def test_no_grouped_figure():
    best = row(BOTH, "linear SVM", 0.95) | dict.fromkeys(
        ("grouped_accuracy_mean", "grouped_accuracy_low", "grouped_accuracy_high")
    )
    verdict = give_verdict(summary_of(best))
    assert verdict["feasible"] == "yes"
    assert "all products are near-duplicates of each other" in verdict["sentence"]


def test_clusters_and_the_oracle():
    scored = {
        "status": "ok",
        "title": "TF-IDF",
        "variant": "title, raw",
        "pca": True,
        "ari_mean": 0.41,
        "ari_std": 0.02,
        "seeds": 9,
    }
    blank = {"status": "weights not reachable", "title": "BERT", "ari_mean": None}
    oracle = {
        "accuracy": 0.85,
        "categories": [{"category": "A", "modality": "photo"}, {"category": "B", "modality": "text"}],
    }
    points = give_verdict(summary_of(row(BOTH, "linear SVM", 0.9), features=[blank, scored], best_per_category=oracle))[
        "points"
    ]
    assert "TF-IDF (title, raw, PCA) agree with the categories best: adjusted Rand index 0.410" in points[-2]
    assert "right for 85.0 %: photos cluster better for A, texts for the others." in points[-1]


@pytest.mark.parametrize("winner", ["text", "photo"])
def test_one_modality_wins_everywhere(winner):
    oracle = {"accuracy": 0.85, "categories": [{"category": "A", "modality": winner}]}
    points = give_verdict(summary_of(row(BOTH, "linear SVM", 0.9), best_per_category=oracle))["points"]
    assert points[-1].endswith(f"{winner}s cluster better for every category.")

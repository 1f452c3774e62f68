"""The whole study on the real catalogue, from the shell: what the original study reached, and more.

The thresholds are the project's own, over fewer seeds to save time; `docs/results.md` has a hundred.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.network]

SEEDS = 40
DATA = Path(os.environ.get("AISLE_REAL_DATA") or Path(__file__).parents[3] / "shared" / "data")
TITLES = ("title, raw", "title, tokenised", "title, lemmatised")


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    out = tmp_path_factory.mktemp("study")
    command = [sys.executable, "-m", "aisle", "study", str(DATA / "flipkart-1050"), "--out", str(out)]
    subprocess.run([*command, "--seeds", str(SEEDS)], check=True)
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


def test_the_catalogue_is_read_whole(summary):
    catalog = summary["catalog"]
    assert (catalog["products"], catalog["photos"], catalog["quarantined"]) == (1050, 1047, 0)
    assert set(catalog["categories"].values()) == {150}
    # 273 products are alike in text, the largest group of 21; photos add some.
    assert 273 <= catalog["near_duplicates"]["products"] <= 300
    assert catalog["near_duplicates"]["largest"] >= 21
    assert catalog["is_original"]


@pytest.mark.parametrize(
    ("name", "variants", "least"),
    [
        ("bow", TITLES, 0.20),
        ("tfidf", TITLES, 0.27),
        ("word2vec", TITLES, 0.43),
        ("minilm", TITLES, 0.55),
        ("sift", ("no filter",), 0.024),
        ("orb", ("no filter",), 0.024),
        ("efficientnet-lite0-avg", ("no filter",), 0.47),
        ("efficientnet-lite0-max", ("no filter",), 0.47),
    ],
)
def test_clusters_agree_with_the_categories(summary, name, variants, least):
    means = [row["ari_mean"] for row in summary["features"] if row["name"] == name and row["variant"] in variants]
    assert max(means) >= least


def test_fusion_beats_either_modality(summary):
    fused = {(row["name"], row["pca"]): row["ari_mean"] for row in summary["fused"]}
    assert fused["concatenation", True] >= 0.66
    assert fused["diffusion", False] >= 0.70


def test_the_better_clustering_of_each_category_matches_the_original(summary):
    assert summary["best_per_category"]["accuracy"] >= 0.85


def test_a_classifier_reads_both(summary):
    best = {}
    for row in summary["classifier"]:
        best[row["features"]] = max(best.get(row["features"], 0.0), row["accuracy_mean"])
        assert row["accuracy_low"] < row["accuracy_mean"] < row["accuracy_high"]
    assert best["text + photo"] >= 0.955
    assert best.keys() == {"text + photo", "text", "photo"}


def test_encoders_out_of_reach_are_named_with_the_reason(summary):
    for row in summary["features"]:
        assert row["status"] == "ok" or (row["status"] == "weights not reachable" and row["reason"])

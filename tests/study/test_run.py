"""A study from end to end on the sample catalogue: its summary, its files, and nothing computed twice."""

import json
import math
from functools import partial

import numpy as np
import pytest
from sklearn.manifold import TSNE

from aisle.settings import Settings
from aisle.study import run_study

FEATURE_KEYS = {
    "name", "modality", "variant", "dimension", "ari_mean", "ari_std", "ari_max", "ami_mean", "accuracy_mean", "seeds",
    "encode_seconds", "status",
}  # fmt: skip
CLASSIFIER_KEYS = {
    "features", "model", "accuracy_mean", "accuracy_low", "accuracy_high", "grouped_accuracy_mean",
}  # fmt: skip
CLOCKS = {"created", "seconds", "encode_seconds"}


def timeless(value):
    """Leave out of a summary what a clock says."""
    if isinstance(value, dict):
        return {key: timeless(part) for key, part in value.items() if key not in CLOCKS}
    return [timeless(part) for part in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    return Settings(cache_dir=tmp_path_factory.mktemp("study") / "cache", offline=True, threads=2)


@pytest.fixture(scope="module")
def studied(sample_shop, cached):
    """A study of sixty products with a classical encoder of each modality, and one that is out of reach."""
    with pytest.MonkeyPatch.context() as hurry:
        hurry.setattr("aisle.study.projection.TSNE", partial(TSNE, max_iter=250))
        return run_study(sample_shop, encoders=["tfidf", "orb", "bert"], seeds=5, settings=cached)


@pytest.fixture
def summary(studied):
    return studied.summary


def truth_of(folder):
    return json.loads((folder / "truth.json").read_text(encoding="utf-8"))


def test_the_summary_has_what_was_promised(summary):
    assert {"catalog", "features", "fused", "best_per_category", "classifier", "verdict"} <= summary.keys()
    for row in (*summary["features"], *summary["fused"]):
        assert row.keys() >= FEATURE_KEYS
    for row in summary["classifier"]:
        assert row.keys() >= CLASSIFIER_KEYS
        assert row["accuracy_low"] <= row["accuracy_mean"] <= row["accuracy_high"]
    oracle = summary["best_per_category"]
    assert 0 <= oracle["accuracy"] <= 1
    assert {row["category"]: row["modality"] in ("text", "photo") for row in oracle["categories"]} == dict.fromkeys(
        summary["catalog"]["categories"], True
    )
    assert summary["verdict"]["feasible"] in ("yes", "partly", "no")


def test_every_variant_is_there_with_and_without_pca(summary):
    scored = [row for row in summary["features"] if row["status"] == "ok"]
    texts = {(row["variant"], row["pca"]) for row in scored if row["name"] == "tfidf"}
    photos = {(row["variant"], row["pca"]) for row in scored if row["name"] == "orb"}
    fields, preparations = ("title", "title + description"), ("raw", "tokenised", "lemmatised")
    assert texts == {(f"{field}, {how}", pca) for field in fields for how in preparations for pca in (False, True)}
    assert photos == {(how, pca) for how in ("no filter", "gaussian filter", "median filter") for pca in (False, True)}
    assert {(row["name"], row["pca"]) for row in summary["fused"]} == {
        ("concatenation", False),
        ("concatenation", True),
        ("diffusion", False),
    }
    assert all(row["seeds"] == 5 for row in scored)


def test_controls_stand_beside_the_fused_figure(summary):
    assert [row["features"] for row in summary["classifier"]] == [
        features for features in ("text + photo", "text", "photo") for _ in range(2)
    ]


def test_an_encoder_out_of_reach_is_a_row_and_the_rest_goes_on(summary):
    (row,) = [row for row in summary["features"] if row["name"] == "bert"]
    assert row["status"] == "weights not reachable"
    assert row["reason"]
    assert row["ari_mean"] is None


def test_the_catalogue_is_described_as_it_was_drawn(summary, sample_shop):
    truth, catalog = truth_of(sample_shop), summary["catalog"]
    assert (catalog["rows"], catalog["products"], catalog["studied"]) == (truth["rows"], 60, 60)
    assert catalog["quarantined"] == len(truth["bad_rows"])
    assert sum(catalog["categories"].values()) == 60
    assert catalog["near_duplicates"]["products"] >= 2
    broken = {row["id"]: row["code"] for row in catalog["photos_broken"]}
    planted = truth["photos"]
    assert broken == {
        planted["truncated"][0]: "truncated",
        planted["not_an_image"][0]: "not_an_image",
        planted["empty"][0]: "empty",
        planted["bomb"][0]: "too_large",
    }


def test_the_files(studied, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    written = studied.save(tmp_path / "new" / "folder")
    assert {path.name for path in written.values()} == {"summary.json", "embeddings.parquet", "report.html"}

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    kept = json.loads(written["summary"].read_text(encoding="utf-8"), parse_constant=refuse)
    assert kept == studied.summary
    table = parquet.read_table(written["embeddings"])
    assert table.num_rows == 60
    assert {"id", "title", "category", "x", "y"} <= set(table.column_names)
    assert table["id"].to_pylist() == [product["id"] for product in studied.details["products"]]
    assert all(map(math.isfinite, table["x"].to_pylist()))
    assert len(table["text_embedding"][0]) == next(
        row["dimension"] for row in studied.summary["features"] if row["variant"] == "title + description, raw"
    )


def test_the_tables_and_what_a_notebook_shows(studied):
    assert len(studied.tables["features"]) == len(studied.summary["features"])
    assert set(studied.tables) == {"features", "fused", "best_per_category", "classifier"}
    assert studied.verdict == studied.summary["verdict"]["sentence"]
    assert studied.verdict.split(".")[0] in studied._repr_html_()


def test_confusions_count_every_product_that_has_the_modality(studied):
    counts = [np.sum(confusion["counts"]) for confusion in studied.details["confusions"]]
    products = {row["modality"]: row["products"] for row in (*studied.summary["features"], *studied.summary["fused"])
                if row["status"] == "ok"}  # fmt: skip
    assert counts == [products["text"], products["photo"], products["fused"], 60]


def refuse(*_, **__):
    raise AssertionError("this was computed before")


def test_a_second_run_computes_nothing_and_gives_the_same(studied, sample_shop, cached, monkeypatch, tmp_path):
    for place in (
        "clustering.iterate_kmeans",
        "projection.TSNE",
        "run.score_classifiers",
    ):
        monkeypatch.setattr(f"aisle.study.{place}", refuse)
    monkeypatch.setattr("aisle.encode.encoders.CorpusText.encode", refuse)
    monkeypatch.setattr("aisle.encode.encoders.PhotoDescriber.gather", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    again = run_study(str(sample_shop), encoders="tfidf, orb,bert", seeds=5, settings=cached)
    one, other = timeless(studied.summary), timeless(again.summary)
    assert one.pop("catalog")["categories"] == other.pop("catalog")["categories"]
    assert one == other
    assert again.details["maps"] == studied.details["maps"]


def test_the_command_line_gives_the_same(studied, sample_shop, cached, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from aisle.cli.app import app

    monkeypatch.chdir(tmp_path)
    environ = {"AISLE_CACHE_DIR": str(cached.cache_dir), "AISLE_OFFLINE": "1"}
    words = ["study", str(sample_shop), "--out", "out", "--encoders", "tfidf,orb", "--encoders", "bert", "--seeds", "5"]
    done = CliRunner().invoke(app, [*words, "--json"], env=environ)
    assert done.exit_code == 3  # rows were quarantined
    written = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert json.loads(done.stdout) == written
    assert timeless(written) == timeless(studied.summary)
    lines = (tmp_path / "out" / "quarantine.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(truth_of(sample_shop)["bad_rows"])
    assert done.stderr.count("not compared") == 1


def test_other_threads_give_the_same(studied, sample_shop, cached, tmp_path, quick):
    """Only what was computed anew is compared: embeddings are taken over, clusters and classifiers are not."""
    from dataclasses import replace
    from shutil import copytree

    copytree(cached.cache_dir / "matrices", tmp_path / "matrices")
    alone = run_study(
        sample_shop, encoders="tfidf,orb", seeds=5, settings=replace(cached, cache_dir=tmp_path, threads=1)
    )
    scored = [row for row in timeless(studied.summary)["features"] if row["name"] != "bert"]
    assert timeless(alone.summary)["features"] == scored
    assert timeless(alone.summary)["fused"] == timeless(studied.summary)["fused"]

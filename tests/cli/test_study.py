"""``aisle study``: what is printed, what is written, and every way to type it wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CLOCKS = {"created", "seconds", "encode_seconds"}


@pytest.fixture
def quick(monkeypatch):
    """Deal folds once, and map without t-SNE."""

    class Map:
        def __init__(self, **options):
            pass

        def fit_transform(self, rows):
            return rows[:, :2]

    monkeypatch.setattr("aisle.study.projection.TSNE", Map)
    monkeypatch.setattr("aisle.study.classifier.Task.repeats", 1)


FAST = ("--encoders", "tfidf", "--seeds", "2")


def test_a_report(aisle, shop, quick):
    done = aisle("study", shop, "--out", "out", *FAST)
    assert done.exit_code == 3  # one row was set aside
    assert done.stderr == ""
    assert "texts" in done.stdout.split(".")[0]
    assert "mean adjusted Rand index over 2 seeds" in done.stdout
    assert "TF-IDF (title, " in done.stdout
    assert "text, linear SVM" in done.stdout
    assert "Left out or set aside: 1 rows quarantined, 24 products without a photo." in " ".join(done.stdout.split())
    for name in ("summary.json", "embeddings.parquet", "report.html", "quarantine.csv"):
        assert str(Path("out") / name) in done.stdout
        assert (Path("out") / name).stat().st_size > 0
    assert "cut" not in (Path("out") / "report.html").read_text(encoding="utf-8").split("<title>")[0]


def test_a_good_catalogue_is_0_and_json_is_all_there_is_on_stdout(aisle, shop, quick):
    table = shop / "products.csv"
    table.write_text(table.read_text().removesuffix("24,cut\n"))
    done = aisle("study", shop, "--out", "out", *FAST, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == json.loads(Path("out/summary.json").read_text(encoding="utf-8"))
    assert "Written in" in done.stderr
    assert not Path("out/quarantine.csv").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--seeds", "0"], 2, "--seeds"),
        (["--level", "0"], 2, "--level"),
        (["--encoders", "tfifd"], 1, "Did you mean 'tfidf'?"),
        (["--encoders", ","], 1, "no encoder is named"),
        (["--level", "2", "--map", "category=id"], 1, "0 of them in categories of 5 or more"),
        (["--map", "category=price"], 1, "0 of them in categories"),
        (["--map", "title=name"], 1, "there is no column 'name'"),
    ],
)
def test_typed_wrong(aisle, shop, words, code, message):
    done = aisle("study", shop, "--out", "out", *words)
    assert done.exit_code == code
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not Path("out").exists()


def test_no_catalogue(aisle):
    done = aisle("study", "nowhere", "--out", "out")
    assert done.exit_code == 1
    assert "there is no catalogue at nowhere" in done.stderr
    assert not Path("out").exists()


@pytest.fixture
def refused(monkeypatch):
    """Make any work an error."""

    def work(*_, **__):
        raise AssertionError("no work was to be begun")

    monkeypatch.setattr("aisle.study.run_study", work)


@pytest.mark.parametrize("inside", ["", "deeper/still"])
def test_the_place_is_a_file(aisle, shop, refused, inside):
    Path("report").write_text("mine")
    done = aisle("study", shop, "--out", Path("report") / inside, *FAST)
    assert done.exit_code == 2
    assert "report is a file; name a folder" in " ".join(done.stderr.split())
    assert Path("report").read_text() == "mine"


def test_the_place_cannot_be_written(aisle, shop, refused, monkeypatch):
    def deny(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", deny)
    done = aisle("study", shop, "--out", "out", *FAST)
    assert done.exit_code == 2
    assert "cannot be written to: Permission denied" in " ".join(done.stderr.split())


def test_the_place_is_the_catalogue(aisle, shop, refused):
    done = aisle("study", shop, "--out", shop, *FAST)
    assert done.exit_code == 2
    assert "the catalogue's own folder" in " ".join(done.stderr.split())


def test_a_folder_within_the_catalogue_is_no_part_of_it(aisle, shop, quick):
    for _ in range(2):
        done = aisle("study", shop, "--out", shop / "study", *FAST)
        assert done.exit_code == 3, done.stderr


def test_categories_that_try_to_steer_the_terminal(aisle, tmp_path, quick):
    rows = [{"title": f"thing {n} kind{n % 2}", "category": f"\x1b[2Jc{n % 2}"} for n in range(20)]
    (tmp_path / "shop.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = aisle("study", tmp_path / "shop.jsonl", "--out", "out", *FAST)
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout


def timeless(value):
    if isinstance(value, dict):
        return {key: timeless(part) for key, part in value.items() if key not in CLOCKS}
    return [timeless(part) for part in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_a_study_that_is_killed_goes_on_where_it_was(sample_shop, tmp_path):
    """Killed at several moments of its life, and once more while it catches up."""

    def start(cache, out, encoders="tfidf,orb"):
        command = [sys.executable, "-m", "aisle", "study", str(sample_shop), "--out", str(out), "--seeds", "20",
                   "--encoders", encoders]  # fmt: skip
        environ = os.environ | {"AISLE_CACHE_DIR": str(tmp_path / cache), "AISLE_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    for wait in (3.0, 5.0, 7.0, 9.0):
        process = start("killed", tmp_path / "killed-out")
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    results = []
    for cache in ("killed", "whole"):
        process = start(cache, tmp_path / f"{cache}-out")
        assert process.communicate()[1] == b""
        assert process.returncode == 3
        written = (tmp_path / f"{cache}-out" / "summary.json").read_text(encoding="utf-8")
        results.append(timeless(json.loads(written)))
    assert results[0] == results[1]
    assert not list((tmp_path / "killed-out").glob(".*"))

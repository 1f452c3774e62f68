"""``aisle classify``: rows in are rows out and rows set aside, in order; and one product for a person to read."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.processes import hear_ctrl_c


@pytest.fixture
def table(tmp_path):
    """Make 600 good rows, each third of another decision, and 3 bad ones."""
    rows = [f'{n},{"apr"[n % 3]} thing {n},"note {n}, =1",Home > Mugs' for n in range(600)]
    rows[10:10] = ["cut"]
    rows[500:500] = [",no id,,"]
    rows += ["600,,,"]
    path = tmp_path / "new products.csv"
    path.write_text("\n".join(["id,title,note,category", *rows, ""]), encoding="utf-8")
    return path


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_rows_in_are_rows_out_and_rows_set_aside(classify, table, fake_engine):
    done = classify(table)
    assert done.exit_code == 3
    found = lines(done.stdout)
    assert [line["id"] for line in found] == [str(n) for n in range(600)]
    assert [line["decision"] for line in found[:3]] == ["accept", "partial", "review"]
    assert [line["path"] for line in found[:3]] == ["Home > Mugs", "Home", None]
    assert found[7]["extra"] == {"note": "note 7, =1", "category": "Home > Mugs"}
    assert fake_engine.sizes == [256, 256, 88]
    assert {product.category for product in fake_engine.asked} == {()}
    with Path("new products.quarantine.csv").open(encoding="utf-8", newline="") as file:
        assert [(row["row"], row["code"]) for row in csv.DictReader(file)] == [
            ("11", "missing_cells"),
            ("501", "missing_id"),
            ("603", "empty_product"),
        ]
    assert "603 rows: 200 accept, 200 partial, 200 review, 3 quarantined" in done.stderr
    assert "products per second; written to standard output" in done.stderr
    assert "listed in new products.quarantine.csv" in done.stderr


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_a_file_in_each_format(classify, table, tmp_path, suffix):
    place = tmp_path / "deep" / f"answers{suffix}"
    done = classify(table, "--out", place, "--batch", 100)
    assert (done.exit_code, done.stdout) == (3, "")
    assert f"written to {place}" in done.stderr
    if suffix == ".jsonl":
        rows = [line | line["extra"] for line in lines(place.read_text(encoding="utf-8"))]
    elif suffix == ".csv":
        with place.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        rows = pytest.importorskip("pyarrow.parquet").read_table(place).to_pylist()
    assert [(row["id"], row["note"]) for row in rows] == [(str(n), f"note {n}, =1") for n in range(600)]
    assert sorted(path.name for path in place.parent.iterdir()) == sorted([place.name, "answers.quarantine.csv"])
    assert not list(Path().iterdir())


def test_options_reach_the_engine(classify, table, fake_engine):
    found = lines(classify(table, "--precision", "0.9", "--no-evidence", "--batch", "601", "--tier", "fast").stdout)
    assert fake_engine.options == {"precision": 0.9, "evidence": False, "tier": "fast"}
    assert fake_engine.sizes == [600]
    assert fake_engine.path == Path("engine")
    assert found[1]["evidence"] == {"shares": {}, "terms": [], "nearest": [], "reason": "Mugs and Bowls are too alike"}


@pytest.mark.parametrize("content", ["id;titel\n1;apple\n", '{"id": 1, "titel": "apple"}\n'])
def test_standard_input(classify, content):
    done = classify("-", "--map", "title=titel", input=content)
    assert done.exit_code == 0
    assert [(line["id"], line["decision"]) for line in lines(done.stdout)] == [("1", "accept")]
    assert done.stderr.startswith("1 row: 1 accept")


def test_standard_input_sets_aside_in_the_working_folder(classify):
    assert classify("-", input="id,title\n1,apple\n1,apple\n,x\n").exit_code == 3
    assert [path.name for path in Path().iterdir()] == ["products.quarantine.csv"]


def test_the_input_format_may_be_told(classify, tmp_path):
    (tmp_path / "export").write_text('{"id": 1, "title": "apple"}')
    assert classify(tmp_path / "export").exit_code == 1
    assert classify(tmp_path / "export", "--input-format", "jsonl").exit_code == 0


def test_a_row_with_nothing_but_a_broken_photo_is_answered_all_the_same(classify, tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"no photo")
    (tmp_path / "shop.csv").write_text("id,title,photo\n1,,x.jpg\n2,,gone.jpg\n")
    done = classify(tmp_path / "shop.csv")
    assert done.exit_code == 0
    assert [(line["id"], line["evidence"]["reason"]) for line in lines(done.stdout)] == [
        ("1", "the photo cannot be read"),
        ("2", "the photo cannot be read"),
    ]


def test_all_rows_set_aside(classify, tmp_path):
    (tmp_path / "shop.csv").write_text("id,title\n,Mug\n,Pot\n")
    done = classify(tmp_path / "shop.csv", "--out", tmp_path / "answers.jsonl")
    assert done.exit_code == 3
    assert (tmp_path / "answers.jsonl").read_text() == ""
    assert "2 rows: 0 accept, 0 partial, 0 review, 2 quarantined" in done.stderr


def test_keys_that_have_no_column_are_told(classify, tmp_path):
    rows = [{"id": n, "title": "apple"} for n in range(1100)]
    rows[1050]["late"] = 1
    (tmp_path / "shop.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert "(late); csv has no column for them" in classify(tmp_path / "shop.jsonl", "--format", "csv").stderr
    assert lines(classify(tmp_path / "shop.jsonl").stdout)[1050]["extra"] == {"late": 1}


# --- refusals


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name a file or a folder, - for standard input, or one product with --title"),
        (["x.csv", "--title", "Mug"], "not together with one product"),
        (["--title", "Mug", "--out", "x.jsonl"], "--out: not together with one product"),
        (["--title", "Mug", "--map", "id=x"], "--map: not together with one product"),
        (["--brand", "Acme"], "needs a title, a description or a photo"),
        (["--title", "  "], "needs a title, a description or a photo"),
        (["--photo", "gone.jpg"], "'gone.jpg' does not exist"),
        (["x.csv", "--json"], "many are JSON lines"),
        (["x.csv", "--precision", "98"], "98 is not between 0 and 1"),
        (["x.csv", "--precision", "0"], "0 is not between 0 and 1"),
        (["x.csv", "--precision", "1"], "1 is not between 0 and 1"),
        (["x.csv", "--precision", "nan"], "nan is not between 0 and 1"),
        (["x.csv", "--format", "xml"], "'xml' is none of jsonl, csv, parquet"),
        (["x.csv", "--format", "parquet"], "parquet needs a file"),
        (["x.csv", "--out", "x.xlsx"], ".xlsx is the name of no format"),
        (["x.csv", "--input-format", "xml"], "'xml' is none of csv, jsonl, parquet"),
        (["x.csv", "--tier", "cheap"], "'cheap' is none of fast, balanced, full"),
        (["x.csv", "--batch", "0"], "'--batch'"),
        (["x.csv", "--out", "."], "is a folder; name a file"),
        (["x.csv", "--out", os.devnull], "is not a file"),
        (["x.csv", "--quarantine", os.devnull], "is not a file"),
        (["x.csv", "--out", "y.csv", "--quarantine", "y.csv"], "where --out goes"),
    ],
)
def test_wrong_usage(classify, words, message):
    done = classify(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in " ".join(done.stderr.split())


@pytest.mark.parametrize("option", ["--out", "--quarantine"])
def test_what_is_read_is_never_written_over(classify, table, tmp_path, option):
    before = table.read_bytes()
    (tmp_path / "link.csv").symlink_to(table)
    for place in (table, tmp_path / "x" / ".." / table.name, tmp_path / "link.csv"):
        (tmp_path / "x").mkdir(exist_ok=True)
        done = classify(table, option, place)
        assert done.exit_code == 2
        assert "is what is read" in done.stderr
    assert table.read_bytes() == before


def test_answers_among_the_tables_of_a_folder_would_be_read_as_products(classify, shop):
    assert "taken for one of their tables" in " ".join(classify(shop, "--out", shop / "answers.csv").stderr.split())
    assert classify(shop, "--quarantine", shop / "bad.quarantine.csv").exit_code == 3
    assert classify(shop).exit_code == 3


@pytest.mark.parametrize(
    ("content", "message"), [("", "is empty"), ("id,title\n", "has no rows"), ("1,2\n3,4\n", "known to hold")]
)
def test_no_products(classify, tmp_path, content, message):
    (tmp_path / "shop.csv").write_text(content)
    (tmp_path / "old.jsonl").write_text("of an earlier run")
    done = classify(tmp_path / "shop.csv", "--out", tmp_path / "old.jsonl")
    assert (done.exit_code, done.stdout) == (1, "")
    assert message in done.stderr
    assert (tmp_path / "old.jsonl").read_text() == "of an earlier run"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.jsonl", "shop.csv", "work"]


def test_a_wrong_path_is_told_before_the_engine_is_loaded(classify, fake_engine):
    assert "there is no catalogue at gone.csv" in classify("gone.csv").stderr
    assert not hasattr(fake_engine, "path")


def test_a_place_that_cannot_be_written(classify, table, monkeypatch):
    def deny(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", deny)
    assert "name another place with --out FILE" in classify(table, "--out", "x.jsonl").stderr
    assert "with --quarantine FILE" in classify(table).stderr


# --- in a process of its own

SCRIPT = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
import aisle.engine
from conftest import FakeEngine

class Slow(FakeEngine):
    def predict(self, products, **options):
        time.sleep(WAIT)
        return super().predict(products, **options)

aisle.engine.load_engine = lambda path, *, settings: Slow()
from aisle.cli.app import main
main()
"""


def start(words, *, wait=0.0, **options):
    script = SCRIPT.replace("WAIT", str(wait))
    command = [sys.executable, "-W", "error", "-c", script, "classify", "engine", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=hear_ctrl_c, **options)


def test_a_reader_who_has_seen_enough(table):
    with start([table, "--batch", 10], wait=0.01) as process:
        process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (1, b"")
    assert not list(Path().iterdir())


def test_ctrl_c_leaves_no_half_file(table):
    with start([table, "--out", "out/answers.jsonl", "--batch", 1], wait=0.05) as process:
        while process.poll() is None and not (Path("out").is_dir() and len(os.listdir("out")) == 2):
            time.sleep(0.05)  # until both files are begun
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert err.strip() == b"Stopped. Lines already printed stand; with --out nothing was written."
    assert os.listdir("out") == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk(table):
    script = SCRIPT.replace("WAIT", "0")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", script, "classify", "engine", str(table)],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the disk is full: standard output was not written")
    assert "Traceback" not in done.stderr


def test_data_are_utf_8_whatever_the_terminal(tmp_path):
    (tmp_path / "shop.csv").write_text("id,title,note\n1,apple,名 é\n", encoding="utf-8")
    with start([tmp_path / "shop.csv"], env=os.environ | {"PYTHONIOENCODING": "ascii"}) as process:
        out, _ = process.communicate(timeout=60)
    assert json.loads(out)["extra"] == {"note": "名 é"}


def test_help(shell):
    done = shell("classify", "--help")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80

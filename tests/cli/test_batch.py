"""``aisle batch``: what is asked of it reaches the run, and what became of it is said and is the exit code."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests import batching
from tests.processes import hear_ctrl_c


def stub_maker(*, hangs, wait=0.0):
    """Return what stands for the maker of workers: it needs no engine."""
    return lambda **given: batching.StubMaker(
        job=given["job"], folder=given["folder"], photo_seconds=given["photo_seconds"], hangs=hangs, wait=wait
    )


@pytest.fixture
def asked():
    """What the command asked for."""
    return SimpleNamespace()


@pytest.fixture
def batch(aisle, monkeypatch, asked):
    """Return a function that runs the command in this process, without an engine and without other processes."""

    def make(**given):
        vars(asked).update(given)
        return stub_maker(hangs=False)(**given)

    def pool(maker, *, size):
        asked.size = size
        asked.pool = batching.InlinePool(maker(), size=size)
        return asked.pool

    monkeypatch.setattr(
        "aisle.engine.artifact.open_artifact", lambda path: SimpleNamespace(fingerprint=batching.FINGERPRINT)
    )
    monkeypatch.setattr("aisle.batch.shard_worker.EngineWorkerMaker", make)
    monkeypatch.setattr("aisle.batch.processes.ProcessPool", pool)
    return lambda *words, **environ: aisle("batch", "engine", *words, **environ)


@pytest.fixture
def table(tmp_path):
    """95 products, 3 of which have no id."""
    return batching.write_shop(tmp_path / "new products.csv", 95, bad=[5, 50, 51])


def said(done):
    return " ".join(done.stderr.split())


def test_a_run_says_what_it_did(batch, table, asked):
    done = batch(table, "--out", "out", "--shard-rows", 20, "--format", "csv")
    assert (done.exit_code, done.stdout) == (3, "")
    assert "95 rows: 30 accept, 32 partial, 30 review, 3 quarantined" in done.stderr
    assert "Shards: 5 done, 0 done before, 0 tried again" in done.stderr
    assert f"Rows set aside are listed in {Path('out/quarantine').resolve()}" in done.stderr
    files = sorted(Path("out/answers").iterdir())
    assert [file.suffix for file in files] == [".csv"] * 5
    rows = [row for file in files for row in csv.DictReader(file.read_text().splitlines())]
    assert [int(row["row"]) for row in rows] == [n for n in range(1, 96) if n not in (5, 50, 51)]
    assert len([*Path("out/quarantine").iterdir()]) == 2
    assert asked.settings.threads == 1

    again = batch(table, "--out", "out", "--shard-rows", 20, "--format", "csv", "--json")
    assert again.exit_code == 3
    assert json.loads(again.stdout) == json.loads(Path("out/summary.json").read_text())
    assert json.loads(again.stdout)["shards"]["skipped"] == 5
    assert (
        "All shards (5) were done before." in batch(table, "--out", "out", "--shard-rows", 20, "--format", "csv").stderr
    )


def test_what_is_asked_reaches_the_workers(batch, table, asked):
    words = ["--precision", 0.9, "--tier", "fast", "--evidence", "--map", "title=photo", "--photo-seconds", 3]
    done = batch(table, "--out", "out", "--workers", 3, "--format", "jsonl", *words)
    assert done.exit_code == 3
    job = asked.job
    assert (job.precision, job.tier, job.evidence, job.form) == (0.9, "fast", True, "jsonl")
    assert dict(job.mapping) == {"title": "photo"}
    assert (job.shard_rows, job.engine, asked.size, asked.photo_seconds) == (2500, batching.FINGERPRINT, 3, 3.0)
    assert asked.engine == Path("engine").resolve()


def test_a_process_for_each_core_by_default(batch, table, asked):
    batch(table, "--out", "out", AISLE_THREADS="5")
    assert (asked.size, asked.settings.threads) == (5, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "xml"], "'xml' is none of jsonl, csv, parquet"),
        (["--tier", "slow"], "'slow' is none of fast, balanced, full"),
        (["--input-format", "xml"], "'xml' is none of csv, jsonl, parquet"),
        (["--precision", "98"], "98 is not between 0 and 1"),
        (["--max-bad", "many"], "'many' is no share of the rows; e.g. 5%"),
        (["--max-bad", "120%"], "'120%' is no share"),
        (["--max-bad", "5%x"], "'5%x' is no share"),
        (["--max-bad", "nan"], "'nan' is no share"),
        (["--map", "title"], "'title' is not ROLE=COLUMN"),
        (["--workers", "0"], "'--workers'"),
        (["--shard-rows", "0"], "'--shard-rows'"),
        (["--photo-seconds", "0"], "'--photo-seconds'"),
    ],
)
def test_wrong_usage(batch, table, words, message):
    done = batch(table, "--out", "out", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in said(done)
    assert not Path("out").exists()


@pytest.mark.parametrize("share", ["3%", "0.03", " 3 % "])
def test_too_many_bad_rows(batch, tmp_path, share):
    shop = batching.write_shop(tmp_path / "shop.csv", 2000, bad=range(1, 2000, 25))
    done = batch(shop, "--out", "out", "--shard-rows", 100, "--max-bad", share)
    assert done.exit_code == 1
    assert "rows are quarantined (4 %), more than --max-bad 3%" in said(done)


def test_answers_are_not_written_among_what_is_read(batch, table):
    assert "is read and lies in" in said(batch(table, "--out", table.parent))
    assert batch(table, "--out", table).exit_code == 2
    assert "or one that is mounted" in said(batch(table, "--out", "s3://bucket/answers"))
    assert not Path("s3:").exists()


def test_other_input_and_another_engine_need_a_word(batch, table, monkeypatch):
    assert batch(table, "--out", "out").exit_code == 3
    batching.write_shop(table, 96)
    done = batch(table, "--out", "out")
    assert done.exit_code == 1
    assert f"{table} has changed" in said(done)
    assert batch(table, "--out", "out", "--allow-changed-input").exit_code == 0
    monkeypatch.setattr("aisle.engine.artifact.open_artifact", lambda path: SimpleNamespace(fingerprint="f" * 12))
    done = batch(table, "--out", "out")
    assert done.exit_code == 1
    assert "begun with engine 0123456789ab, and this is engine ffffffffffff" in said(done)
    assert batch(table, "--out", "out", "--allow-other-engine").exit_code == 0
    done = batch(table, "--out", "out", "--precision", 0.9)
    assert "begun with no --precision, and now it is --precision 0.9" in said(done)


def test_a_shard_that_was_given_up_is_named(batch, table):
    text = table.read_text()
    table.write_text(text.replace("\n34,p thing 34,", "\n34,raise no luck,"))
    done = batch(table, "--out", "out", "--shard-rows", 10, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["complete"] is False
    assert (
        f"Error: 1 shard was given up after 3 attempts each, everything else is done; it is shard 3 (rows 31 to 40 of "
        f"{table}): RuntimeError: no luck. The same command tries again; if memory ran out, take fewer --workers"
    ) in said(done)
    table.write_text(text)
    assert batch(table, "--out", "out", "--shard-rows", 10, "--allow-changed-input").exit_code == 3


def test_no_products(batch, tmp_path):
    done = batch(tmp_path / "gone.csv", "--out", "out")
    assert done.exit_code == 1
    assert "gone.csv" in done.stderr
    assert not Path("out").exists()


def test_photos_left_out_are_named(batch, table, asked, monkeypatch):
    monkeypatch.setattr("aisle.batch.shard_worker.EngineWorker.run", slow(batching.EngineWorker.run))
    assert "Note: photos that took too long to decode were left out: x.jpg" in batch(table, "--out", "out").stderr


def slow(run):
    from dataclasses import replace

    return lambda self, task: replace(run(self, task), left_out=("x.jpg", "x.jpg"))


# --- in a process of its own, with workers in others

SCRIPT = """
import sys
from types import SimpleNamespace
import aisle.batch.shard_worker, aisle.engine.artifact
from tests.batching import FINGERPRINT
from tests.cli.test_batch import stub_maker

aisle.engine.artifact.open_artifact = lambda path: SimpleNamespace(fingerprint=FINGERPRINT)
aisle.batch.shard_worker.EngineWorkerMaker = stub_maker(hangs=True, wait=0.01)
from aisle.cli.app import main
main()
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_run_that_is_stopped_goes_on_where_it_was(table, number, code):
    words = ["batch", "engine", str(table), "--out", "out", "--shard-rows", "5", "--format", "jsonl", "--workers", "2"]
    command = [sys.executable, "-W", "error", "-c", SCRIPT, *words]
    env = {"PYTHONPATH": ":".join([str(Path(__file__).parents[2]), *filter(None, sys.path)])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    ledger = Path("out/ledger.jsonl")
    with subprocess.Popen(command, **pipes, env=env, text=True, preexec_fn=hear_ctrl_c) as process:
        deadline = time.monotonic() + 60
        while not (ledger.exists() and ledger.read_text().count("\n") >= 2):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert err.strip().endswith("Shards that were done are kept; the same command goes on from there.")
    assert "Traceback" not in err
    half = [path for path in Path("out").rglob("*") if path.name.startswith(".") or path.parent.name == "working"]
    assert half == []
    done = subprocess.run(command, capture_output=True, env=env, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "95 rows: 30 accept, 32 partial, 30 review, 3 quarantined" in done.stderr
    assert " 0 done before" not in done.stderr
    files = sorted(Path("out/answers").iterdir())
    lines = [json.loads(line) for line in "".join(map(Path.read_text, files)).splitlines()]
    assert [line["row"] for line in lines] == [n for n in range(1, 96) if n not in (5, 50, 51)]


def test_help(shell):
    done = shell("batch", "--help")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80

"""Processes that are killed or hang, the run's own among them: nothing is lost, nothing doubled."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.batching import HANGS, drive, make_job, write_shop

from aisle.errors import BatchError

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="there is no /proc")


@pytest.fixture
def start(out):
    """Return a function that starts a run in a process of its own."""
    begun = []

    def run(shop, *, wait):
        command = [sys.executable, "-W", "error", "-m", "tests.batching", str(out), str(shop), str(wait)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        begun.append(subprocess.Popen(command, **pipes, cwd=Path(__file__).parents[2], text=True))
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def noted(out):
    """Return how many shards the ledger has."""
    path = out / "ledger.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_gone(pid):
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_worker_that_is_killed_costs_one_shard_more(out, tmp_path, lines, each):
    shop = write_shop(tmp_path / "shop.csv", 60)
    text = shop.read_text().replace("\n34,p thing 34,", f"\n34,kill {tmp_path / 'log'} 1,")
    shop.write_text(text)
    record = drive(out, shop).record
    assert record["shards"] == {"done": 6, "skipped": 0, "redone": 1, "remade": 0, "given_up": 0}
    assert [line["id"] for line in lines()] == each(60)


def test_a_shard_that_always_kills_its_worker_is_given_up(out, tmp_path, lines, each):
    shop = write_shop(tmp_path / "shop.csv", 60)
    shop.write_text(shop.read_text().replace("\n34,p thing 34,", f"\n34,kill {tmp_path / 'log'} 9,"))
    record = drive(out, shop).record
    assert (tmp_path / "log").read_text() == "xxx"
    [failure] = record["failures"]
    assert (failure["shard"], failure["first_row"], failure["rows"]) == (3, 31, 10)
    assert failure["reasons"] == ["the worker ended (killed by signal 9)"] * 3
    assert [line["id"] for line in lines()] == [n for n in each(60) if not 31 <= int(n) <= 40]


def test_a_photo_that_hangs_its_decoder_costs_its_product_the_photo(out, tmp_path, lines, each, caplog):
    for name in ("slow.jpg", "other.jpg"):
        (tmp_path / name).write_bytes(HANGS)
    shop = write_shop(tmp_path / "shop.csv", 40)
    text = shop.read_text().replace("\n12,a thing 12,", "\n12,,slow.jpg").replace("\n15,a thing 15,", "\n15,a,slow.jpg")
    shop.write_text(text.replace("\n33,a thing 33,", "\n33,,other.jpg"))
    record = drive(out, shop, photo_seconds=0.5).record
    assert record["shards"] == {"done": 4, "skipped": 0, "redone": 2, "remade": 0, "given_up": 0}
    found = lines()
    assert [line["id"] for line in found] == each(40)
    why = "the photo {} was left out: decoding it took too long in an earlier attempt"
    reasons = {line["id"]: line["evidence"]["reason"] for line in found if line["evidence"]["reason"]}
    slow, other = (why.format(tmp_path / name) for name in ("slow.jpg", "other.jpg"))
    assert reasons == {"12": slow, "15": slow, "33": other}
    assert set(record["photos_left_out"]) == {str(tmp_path / "slow.jpg"), str(tmp_path / "other.jpg")}
    assert f"the photo {tmp_path / 'slow.jpg'} takes too long to decode: it is left out, and shard 1 " in caplog.text


@needs_proc
def test_a_run_that_is_killed_goes_on_where_it_was(out, tmp_path, lines, each, start):
    shop = write_shop(tmp_path / "shop.csv", 200)
    process = start(shop, wait=0.02)
    wait_for(lambda: noted(out) >= 3)
    with pytest.raises(BatchError, match="another run is at work"):
        drive(out, shop)
    workers = children(process.pid)
    assert len(workers) >= 2
    process.kill()
    process.wait()
    wait_for(lambda: all(map(is_gone, workers)))
    before = noted(out)
    assert 3 <= before < 20
    record = drive(out, shop).record
    assert record["shards"] == {"done": 20 - before, "skipped": before, "redone": 0, "remade": 0, "given_up": 0}
    assert [line["id"] for line in lines()] == each(200)
    assert sorted(path.name for path in out.iterdir()) == [
        "answers", "job.json", "ledger.jsonl", "lock", "summary.json"
    ]  # fmt: skip


@pytest.mark.slow
@needs_proc
def test_kills_at_random_moments(out, tmp_path, lines, each, start):
    """Drivers and workers are killed, at any moment; rows are answered once all the same."""
    shop = write_shop(tmp_path / "shop.csv", 3000, bad=range(5, 3000, 100))
    rng = random.Random(7)  # noqa: S311 - when to kill
    kills = 0
    for turn in range(40):
        process = start(shop, wait=0.001)
        time.sleep(rng.uniform(0, 1.5))
        if process.poll() is not None:
            break
        if turn % 2:
            victims = children(process.pid)
            for victim in victims[-1:]:
                os.kill(victim, signal.SIGKILL)
            time.sleep(rng.uniform(0, 0.5))
        process.kill()
        process.wait()
        kills += 1
    record = drive(out, shop, job=make_job()).record
    assert kills >= 5
    assert record["rows"] == {"in": 3000, "answered": 2970, "quarantined": 30, "given_up": 0}
    assert [line["id"] for line in lines()] == [n for n in each(3000) if int(n) % 100 != 5]
    assert len([*(out / "quarantine").iterdir()]) == 30
    assert json.loads((out / "summary.json").read_text())["complete"] is True

"""The order of a run: every row is answered once or set aside once, whatever fails, and whatever was done before."""

import errno
import json
import os
import time

import pytest
from tests.batching import StubEngine, drive, make_job, write_shop

from aisle.batch.tasks import ShardDone
from aisle.batch.workers import Outcome
from aisle.errors import BatchError, CatalogError, DiskFullError


class Faulty:
    """A worker some of whose attempts go wrong."""

    def __init__(self, worker, faults=()):
        self.worker = worker
        self.faults = dict(faults)  # shard to what becomes of its attempts
        self.attempts = []

    def run(self, task):
        self.attempts.append(task.shard.number)
        fault = next(iter(self.faults.get(task.shard.number, [])), None)
        if fault is None:
            return self.worker.run(task)
        self.faults[task.shard.number] = self.faults[task.shard.number][1:]
        if isinstance(fault, str):
            return Outcome(task=task, died=fault)
        raise fault


@pytest.fixture
def go(out, shop):
    """Return a function that runs a batch in this process, with faults, and gives what its workers were asked."""

    def run(source=shop, *, faults=(), **options):
        workers = []

        def make(worker):
            workers.append(Faulty(worker, faults))
            return workers[0]

        try:
            run.finished = drive(out, source, worker=make, **options)
        finally:
            run.attempts = workers[0].attempts if workers else []
        return run.finished.record

    return run


def test_rows_in_are_rows_answered_in_order(go, lines, each, out, shop):
    record = go()
    assert [line["id"] for line in lines()] == each(95)
    assert [line["row"] for line in lines()] == [*range(1, 96)]
    assert record["rows"] == {"in": 95, "answered": 95, "quarantined": 0, "given_up": 0}
    assert record["decisions"] == {"accept": 31, "partial": 32, "review": 32}
    assert record["decided"] == pytest.approx(63 / 95, abs=1e-6)
    assert record["shards"] == {"done": 10, "skipped": 0, "redone": 0, "remade": 0, "given_up": 0}
    assert record["complete"] is True
    assert json.loads((out / "summary.json").read_text()) == record
    assert not (out / "working").exists()


def test_a_finished_run_does_nothing(go, out):
    first = go()
    files = {path: path.stat().st_mtime_ns for path in (out / "answers").iterdir()}
    again = go()
    assert go.attempts == []
    assert {path: path.stat().st_mtime_ns for path in (out / "answers").iterdir()} == files
    assert again["shards"] == {"done": 0, "skipped": 10, "redone": 0, "remade": 0, "given_up": 0}
    for name in ("rows", "decisions", "decided", "complete"):
        assert again[name] == first[name]


def test_a_stopped_run_goes_on_where_it_was(go, lines, each):
    with pytest.raises(KeyboardInterrupt):
        go(faults={4: [KeyboardInterrupt()]}, size=1)
    assert go()["shards"]["skipped"] == 4
    assert sorted(go.attempts) == [4, 5, 6, 7, 8, 9]
    assert [line["id"] for line in lines()] == each(95)


def test_a_stopped_run_says_so(go, out):
    with pytest.raises(KeyboardInterrupt):
        go(faults={4: [KeyboardInterrupt()]}, size=1)
    record = json.loads((out / "summary.json").read_text())
    assert (record["complete"], record["stopped"], record["rows"]["in"]) == (False, "interrupted", 40)


def test_a_worker_that_ends_costs_one_attempt_of_its_shard(go, lines, each, caplog):
    record = go(faults={2: ["killed by signal 9"], 6: [RuntimeError("no luck"), "killed by signal 9"]})
    assert [line["id"] for line in lines()] == each(95)
    assert record["shards"] | {"done": 10, "redone": 3} == record["shards"]
    assert sorted(go.attempts) == sorted([*range(10), 2, 6, 6])
    assert "rows 21 to 30" in caplog.text
    assert "is tried again: the worker ended (killed by signal 9)" in caplog.text


def test_a_shard_that_always_fails_is_given_up_and_everything_else_is_done(go, lines, each, out, shop):
    record = go(faults={2: ["killed by signal 9"] * 3})
    assert [line["id"] for line in lines()] == [n for n in each(95) if not 21 <= int(n) <= 30]
    assert record["rows"] == {"in": 85, "answered": 85, "quarantined": 0, "given_up": 10}
    assert record["complete"] is False
    assert record["failures"] == [
        {"shard": 2, "source": str(shop), "first_row": 21, "rows": 10,
         "reasons": ["the worker ended (killed by signal 9)"] * 3}
    ]  # fmt: skip
    assert go()["complete"] is True
    assert go.attempts == [2]
    assert [line["id"] for line in lines()] == each(95)


def test_where_nothing_succeeds_a_run_does_not_go_on_for_ever(go, tmp_path):
    many = write_shop(tmp_path / "many.csv", 500)
    faults = {n: [RuntimeError("always")] * 3 for n in range(4, 50)}
    with pytest.raises(BatchError, match="15 shards have failed in a row, the last for this reason: RuntimeError: alw"):
        go(many, faults=faults)
    assert len(go.attempts) < 25
    # Damaged rows are a matter of their shards: all others are done.
    faults = {n: [CatalogError("damaged")] * 3 for n in range(4, 45)}
    assert go(many, faults=faults)["shards"] | {"done": 5, "given_up": 41} == go.finished.record["shards"]


def test_a_full_disk_ends_the_run_after_what_is_under_way(go, lines, each, out):
    full = DiskFullError(errno.ENOSPC, "the disk is full: x was not written. Free some space and run the command again")
    with pytest.raises(DiskFullError, match="Free some space"):
        go(faults={5: [full]}, size=3)
    record = json.loads((out / "summary.json").read_text())
    assert record["stopped"] == full.strerror
    done = {n for n in go.attempts if n != 5}
    assert record["rows"]["in"] == 10 * len(done)
    assert go()["shards"]["skipped"] == len(done)
    assert [line["id"] for line in lines()] == each(95)


def test_a_disk_too_full_for_the_ledger(go, lines, each, monkeypatch):
    fsync, count = os.fsync, [0]

    def full(handle):
        if os.readlink(f"/proc/self/fd/{handle}").endswith("ledger.jsonl"):
            count[0] += 1
            if count[0] >= 4:
                raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError, match=r"ledger\.jsonl was not written"):
            go()
    assert go()["shards"]["skipped"] == 3
    assert [line["id"] for line in lines()] == each(95)


@pytest.mark.parametrize("damage", ["shorter", "other", "gone"])
def test_a_damaged_file_is_made_anew(go, lines, each, out, caplog, damage):
    go()
    path = sorted((out / "answers").iterdir())[4]
    good = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(good[:-1] if damage == "shorter" else b"x" + good[1:])
    assert go()["shards"] == {"done": 1, "skipped": 9, "redone": 0, "remade": 1, "given_up": 0}
    assert path.read_bytes() == good
    assert str(path) in caplog.text
    assert "shard 4 (rows 41 to 50 of" in caplog.text
    assert "is answered anew" in caplog.text


def test_a_damaged_quarantine_is_made_anew(go, out, tmp_path):
    shop = write_shop(tmp_path / "bad.csv", 30, bad=[12])
    assert go(shop)["rows"] == {"in": 30, "answered": 29, "quarantined": 1, "given_up": 0}
    [path] = (out / "quarantine").iterdir()
    path.write_text("")
    assert go(shop)["shards"]["remade"] == 1
    assert "missing_id" in path.read_text()


def test_too_many_bad_rows_stop_the_run(go, out, tmp_path):
    shop = write_shop(tmp_path / "bad.csv", 3000, bad=range(7, 3000, 10))
    job = make_job(shard_rows=250)
    message = r"100 of the first 1,000 rows are quarantined \(10 %\), more than --max-bad 5%: .*quarantine says why"
    with pytest.raises(BatchError, match=message):
        go(shop, job=job, max_bad=0.05, size=1)
    assert len(go.attempts) == 4
    assert go(shop, job=job, max_bad=0.1, size=1)["rows"]["quarantined"] == 300
    assert go.finished.record["shards"]["skipped"] == 4


def test_a_few_bad_rows_at_the_beginning_stop_nothing(go, tmp_path):
    shop = write_shop(tmp_path / "bad.csv", 2000, bad=range(1, 40))
    assert go(shop, job=make_job(shard_rows=100), max_bad=0.05)["complete"] is True


def test_what_has_changed_is_answered_anew_and_the_rest_is_kept(go, lines, out, tmp_path):
    folder = tmp_path / "shops"
    folder.mkdir()
    for name in ("b.csv", "c.csv"):
        write_shop(folder / name, 25)
    go(folder)
    before = {path.name for path in (out / "answers").iterdir()}
    write_shop(folder / "a.csv", 15)
    write_shop(folder / "c.csv", 12)
    with pytest.raises(BatchError, match=r"c\.csv has changed, .*a\.csv is new"):
        go(folder)
    record = go(folder, changed_input=True)
    assert record["shards"] | {"done": 4, "skipped": 3} == record["shards"]
    found = [(line["source"][-5:], line["row"]) for line in lines()]
    assert found == [(name, n + 1) for name, rows in (("a.csv", 15), ("b.csv", 25), ("c.csv", 12)) for n in range(rows)]
    old = {path.name for path in (out / "superseded" / "answers").iterdir()}
    assert len(old) == 3
    assert old < before
    assert go(folder)["shards"]["skipped"] == 7


def test_another_engine_answers_everything_anew(go, lines, out):
    go()
    before = {path.name for path in (out / "answers").iterdir()}
    go(job=make_job(engine="ba9876543210"), other_engine=True)
    after = {path.name for path in (out / "answers").iterdir()}
    assert len(go.attempts) == len(after) == 10
    assert not before & after
    assert {path.name for path in (out / "superseded" / "answers").iterdir()} == before


def test_a_table_that_is_damaged_further_on_ends_the_run_after_what_is_under_way(go, monkeypatch, out):
    from tests import batching

    plan = batching.plan_shards

    def damaged(sources, *, rows):
        for shard in plan(sources, rows=rows):
            if shard.number == 4:
                raise CatalogError("row 43 is cut short")
            yield shard

    with monkeypatch.context() as patch:
        patch.setattr(batching, "plan_shards", damaged)
        with pytest.raises(CatalogError, match="row 43"):
            go()
    assert go()["shards"]["skipped"] == 4


def test_an_input_that_changes_under_way_ends_the_run(out, shop):
    class Meddling:
        def __init__(self, worker):
            self.worker = worker

        def run(self, task):
            if task.shard.number == 4:
                write_shop(shop, 99)
            return self.worker.run(task)

    with pytest.raises(CatalogError, match="has changed since the batch was planned"):
        drive(out, shop, worker=Meddling, size=1)
    record = json.loads((out / "summary.json").read_text())
    assert (record["rows"]["in"], record["shards"]["redone"], record["shards"]["given_up"]) == (40, 0, 0)


def test_no_more_tasks_are_out_than_there_are_workers(out, shop):
    seen = []

    class Counting(StubEngine):
        def run(self, task):
            seen.append(task.shard.number)
            return ShardDone(
                key=task.key, name=task.name, answers=None, rows=10, quarantined=0, decisions={"accept": 10}
            )  # fmt: skip

    drive(out, shop, worker=lambda _: Counting(), size=3)
    assert sorted(seen) == [*range(10)]


def test_clocks_that_jump_change_nothing(go, monkeypatch):
    jumps = iter([1e9, 0, -1e9, 4e9] * 10_000)
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    record = go()
    assert record["complete"] is True
    assert 0 <= record["seconds"] < 30
    assert all(0 <= spent < 30 for spent in record["stage_seconds"].values())
    assert go()["shards"]["skipped"] == 10

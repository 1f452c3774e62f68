"""One shard through a worker: every row is in its answers or in its quarantine, and both are whole or not there."""

import csv
import errno
import json
import os

import pytest
from tests.batching import HANGS, StubEngine, make_job

from aisle.batch.folder import BatchFolder
from aisle.batch.photo_limit import photo_name
from aisle.batch.shard_worker import EngineWorker, EngineWorkerMaker
from aisle.batch.shards import plan_shards
from aisle.batch.sources import find_sources
from aisle.batch.tasks import ShardTask
from aisle.catalog.stream import StreamedProduct
from aisle.errors import CatalogError, DiskFullError, EngineError
from aisle.files import sha256_file
from aisle.product import Product
from aisle.settings import Settings


@pytest.fixture
def second(shop):
    """The second shard of the shop: rows 11 to 20."""
    return [*plan_shards(find_sources([str(shop)]), rows=10)][1]


@pytest.fixture
def answer(out):
    """Return a function that answers a shard."""
    (out / "working").mkdir(parents=True)

    def run(shard, *, engine=None, left_out=(), **changes):
        job = make_job(**changes)
        worker = EngineWorker(engine or StubEngine(), job=job, folder=BatchFolder(path=out, form=job.form))
        return worker.run(ShardTask(shard=shard, key="k" * 16, left_out=left_out))

    return run


def read(path, form):
    if form == "jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    if form == "csv":
        with path.open(newline="") as file:
            return [row | {"row": int(row["row"])} for row in csv.DictReader(file)]
    return pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_rows_carry_where_they_come_from(answer, second, shop, out, form):
    done = answer(second, form=form)
    [path] = (out / "answers").iterdir()
    assert path.name == f"0000001-{'k' * 16}.{form}"
    rows = read(path, form)
    assert [*rows[0]][:4] == ["id", "source", "row", "path"]
    assert [(row["id"], row["source"], row["row"]) for row in rows] == [(str(n), str(shop), n) for n in range(11, 21)]
    assert rows[0]["engine"] == "0123456789ab"
    assert (done.rows, done.quarantined, done.quarantine) == (10, 0, None)
    assert done.decisions == {"accept": 3, "partial": 3, "review": 4}
    assert (done.answers.size, done.answers.sha256) == (path.stat().st_size, sha256_file(path))
    assert done.seconds.keys() == {"read", "decode", "predict", "write"}
    assert not [*(out / "working").iterdir()]


def test_rows_set_aside_are_listed_by_where_they_stand(answer, shop, out):
    shop.write_text("id,title\n1,Mug\n,Pot\n3,Pan\n,\n")
    [shard] = plan_shards(find_sources([str(shop)]), rows=10)
    done = answer(shard)
    assert (done.rows, done.quarantined, sum(done.decisions.values())) == (4, 2, 2)
    [path] = (out / "quarantine").iterdir()
    assert done.quarantine.sha256 == sha256_file(path)
    with path.open(newline="") as file:
        found = [(row["source"], row["row"], row["code"]) for row in csv.DictReader(file)]
    assert found == [(str(shop), "2", "missing_id"), (str(shop), "4", "missing_id")]
    shop.write_text("id,title\n1,Mug\n2,Pot\n3,Pan\n4,x\n")
    [shard] = plan_shards(find_sources([str(shop)]), rows=10)
    assert answer(shard).quarantine is None
    assert [*(out / "quarantine").iterdir()] == []  # of the attempt before


def test_a_shard_is_answered_in_parts(answer, shop):
    shop.write_text("\n".join(["id,title", *(f"{n},apple" for n in range(600)), ""]))
    [shard] = plan_shards(find_sources([str(shop)]), rows=1000)
    engine = StubEngine()
    assert answer(shard, engine=engine, precision=0.9).rows == 600
    assert engine.asked == [(n, {"precision": 0.9, "evidence": False, "tier": "full"}) for n in (256, 256, 88)]
    engine = StubEngine()
    answer(shard, engine=engine, tier="fast", evidence=True)
    assert engine.asked[0][1] == {"precision": None, "evidence": True, "tier": "fast"}


def test_a_photo_left_out_is_told_in_the_answer(answer, shop, out):
    for name in ("1.jpg", "2.jpg"):
        (shop.parent / name).write_bytes(HANGS)
    shop.write_text("id,title,photo\n1,,1.jpg\n2,review it,1.jpg\n3,apple,1.jpg\n4,apple,2.jpg\n")
    [shard] = plan_shards(find_sources([str(shop)]), rows=10)
    slow = photo_name(shop.parent / "1.jpg")
    done = answer(shard, left_out=(slow,))
    why = f"the photo {slow} was left out: decoding it took too long in an earlier attempt"
    [path] = (out / "answers").iterdir()
    assert [row["evidence"]["reason"] for row in read(path, "jsonl")] == [why, why, why, ""]
    assert done.left_out == (slow, slow, slow)


def test_other_rows_than_were_counted_are_an_error(answer, second, out, monkeypatch):
    monkeypatch.setattr("aisle.batch.shard_worker.read_shard", lambda *_, **__: [StreamedProduct(11, Product(), {})])
    with pytest.raises(CatalogError, match=r"shard 1 \(rows 11 to 20 of .*\) has 1 rows, and there were 10"):
        answer(second)
    assert [*(out / "answers").iterdir()] == []


def test_a_full_disk_leaves_nothing_half_written(answer, second, out, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError, match=r"the disk is full: .*answers.* Free some space and run the command"):
            answer(second)
    assert [*(out / "answers").iterdir()] == []
    assert answer(second).rows == 10


def test_an_engine_that_is_exchanged_under_way_is_refused(out, monkeypatch):
    monkeypatch.setattr("aisle.batch.shard_worker.load_engine", lambda path, *, settings: StubEngine())
    job = make_job(engine="ba9876543210")
    maker = EngineWorkerMaker(
        engine=out / "engine", settings=Settings(), job=job, folder=BatchFolder(path=out, form="jsonl")
    )
    with pytest.raises(EngineError, match="was exchanged while the run was under way: it was ba9876543210 and is 0123"):
        maker()

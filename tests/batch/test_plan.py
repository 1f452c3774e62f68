"""How many rows there will be, and what the line of progress says of it."""

import io
import logging
import sys

import pytest
from tests.batching import make_job, write_shop

from aisle.batch.plan import Plan
from aisle.batch.progress import ProgressLine, progress_text
from aisle.batch.shards import plan_shards
from aisle.batch.sources import find_sources
from aisle.batch.summary import Tally


def test_rows_are_estimated_by_bytes_until_all_are_planned(tmp_path):
    shop = write_shop(tmp_path / "shop.csv", 1000)
    sources = find_sources([str(shop)])
    plan = Plan(make_job(), sources, plan_shards(sources, rows=100))
    tasks = iter(plan)
    assert plan.estimate == 0
    next(tasks)
    assert plan.estimate == pytest.approx(1000, rel=0.15)
    assert len([*tasks]) == 9
    assert plan.estimate == plan.rows == 1000


def test_rows_of_a_parquet_file_are_known_at_once(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for name, rows in (("a", 300), ("b", 100)):
        table = arrow.table({"id": range(rows), "title": [f"thing {n:>20}" for n in range(rows)]})
        parquet.write_table(table, tmp_path / f"{name}.parquet")
    sources = find_sources([str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")])
    plan = Plan(make_job(), sources, plan_shards(sources, rows=50))
    tasks = iter(plan)
    next(tasks)
    assert plan.rows == 300
    assert len([*tasks]) == 7
    assert plan.estimate == 400


def test_the_same_rows_have_the_same_name_until_something_differs(tmp_path):
    shop = write_shop(tmp_path / "shop.csv", 100)
    sources = find_sources([str(shop)])
    shards = [*plan_shards(sources, rows=50)]
    keys = [make_job().key(shard) for shard in shards]
    assert [make_job().key(shard) for shard in plan_shards(sources, rows=50)] == keys
    changes = [{"engine": "ba"}, {"program": "2"}, {"precision": 0.9}, {"tier": "fast"}, {"evidence": True},
               {"mapping": {"title": "x"}}, {"form": "csv"}, {"shard_rows": 9}]  # fmt: skip
    others = [make_job(**change).key(shard) for change in changes for shard in shards]
    write_shop(shop, 101)
    others += [make_job().key(shard) for shard in plan_shards(find_sources([str(shop)]), rows=50)]
    assert len({*keys, *others}) == 2 + 2 * len(changes) + 3


@pytest.mark.parametrize(
    ("rows", "seconds", "said"),
    [
        (0, 3, "0 of 10,000 rows, 0.0 rows/s, 0 % decided, 0 quarantined"),
        (100, 20, "100 of 10,000 rows, 5.0 rows/s, 33 min left, 0 % decided, 0 quarantined"),
        (9000, 90, "9,000 of 10,000 rows, 100 rows/s, 10 s left, 0 % decided, 0 quarantined"),
        (1, 100, "1 of 10,000 rows, 0.0 rows/s, 277.8 h left, 0 % decided, 0 quarantined"),
    ],
)
def test_what_the_line_says(rows, seconds, said):
    assert progress_text(Tally(rows=rows, new_rows=rows), total=10_000, seconds=seconds) == said


def test_a_log_gets_a_line_a_minute(monkeypatch, caplog):
    now = [100.0]
    monkeypatch.setattr("aisle.batch.progress.time.monotonic", lambda: now[0])
    caplog.set_level(logging.INFO, logger="aisle.batch.progress")
    tally = Tally(rows=500, new_rows=500)
    with ProgressLine() as line:
        for _ in range(130):
            line.show(tally, total=1000)
            now[0] += 1
    assert [record.getMessage()[:19] for record in caplog.records] == ["500 of 1,000 rows, "] * 3


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def test_a_terminal_gets_one_line_that_goes_away(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    now = [100.0]
    monkeypatch.setattr("aisle.batch.progress.time.monotonic", lambda: now[0])
    tally = Tally(rows=500, new_rows=500, quarantined=2)
    with ProgressLine() as line:
        line.show(tally, total=1000)
        assert terminal.getvalue() == ""
        now[0] += 5
        line.show(tally, total=1000)
        assert "500 of 1,000 rows, 100 rows/s, 5 s left, 0 % decided, 2 quarantined" in terminal.getvalue()
        logging.getLogger("aisle.batch").warning("shard 3 is answered anew")
    assert terminal.getvalue().rpartition("\r")[2].strip() == ""

"""A folder takes one run at a time, and only the job and the input that it was begun with."""

import json
import os
import re

import pytest
from tests.batching import make_job, write_shop

from aisle.batch.folder import BatchFolder, open_folder
from aisle.batch.sources import find_sources
from aisle.errors import BatchError


@pytest.fixture
def begin(out, shop):
    """Return a function that opens the folder, as a run does, and closes it."""

    def run(*sources, job=None, **may):
        job = job or make_job()
        with open_folder(
            BatchFolder(path=out, form=job.form), job, find_sources([*map(str, sources or [shop])]), **may
        ):
            pass

    return run


def test_the_same_again_is_welcome(begin, out):
    begin()
    before = (out / "job.json").read_bytes()
    begin()
    assert (out / "job.json").read_bytes() == before


def test_a_changed_input_is_refused_unless_it_is_allowed(begin, shop):
    begin()
    with shop.open("a") as file:
        file.write("96,apple,\n")
    with pytest.raises(BatchError, match=rf"{re.escape(str(shop))} has changed; .* --allow-changed-input"):
        begin()
    begin(changed_input=True)
    begin()


def test_a_file_that_was_touched_has_changed(begin, shop):
    begin()
    os.utime(shop, (1, 1))
    with pytest.raises(BatchError, match="has changed"):
        begin()


def test_new_and_missing_files_are_named(begin, shop, tmp_path):
    more = [write_shop(tmp_path / f"{n}.csv", 3) for n in range(6)]
    begin(shop, *more[:3])
    with pytest.raises(BatchError, match=r"3\.csv is new, .*4\.csv is new, .*5\.csv is new and 2 more; "):
        begin(shop, *more[2:])
    with pytest.raises(BatchError, match=r"0\.csv is missing; "):
        begin(shop, *more[1:3])


def test_another_engine_is_refused_unless_it_is_allowed(begin):
    begin()
    other = make_job(engine="ba9876543210")
    with pytest.raises(
        BatchError, match=r"engine 0123456789ab, and this is engine ba9876543210: .*--allow-other-engine"
    ):
        begin(job=other)
    begin(job=other, other_engine=True)
    begin(job=other)
    with pytest.raises(BatchError, match=r"begun with Aisle 0\.1, and this is Aisle 0\.2"):
        begin(job=make_job(engine="ba9876543210", program="0.2"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": 0.9}, "begun with no --precision, and now it is --precision 0.9: say the same again"),
        ({"form": "csv"}, "begun with --format jsonl, and now it is --format csv"),
        ({"evidence": True}, "begun with --no-evidence, and now it is --evidence"),
        ({"tier": "fast"}, "begun with --tier full, and now it is --tier fast"),
        ({"mapping": {"title": "name"}}, "begun with no --map, and now it is --map title=name"),
        ({"shard_rows": 5}, "begun with --shard-rows 10, and now it is --shard-rows 5"),
    ],
)
def test_other_settings_are_refused(begin, change, message):
    begin()
    with pytest.raises(BatchError, match=message):
        begin(job=make_job(**change), changed_input=True, other_engine=True)


def test_one_run_at_a_time(begin, out, shop):
    job = make_job()
    with (
        open_folder(BatchFolder(path=out, form="jsonl"), job, find_sources([str(shop)])),
        pytest.raises(BatchError, match=r"another run is at work in .*; wait until it has ended, or name another"),
    ):
        begin()
    begin()


def test_what_is_no_batch_is_left_alone(begin, out):
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(BatchError, match="holds files that are no batch's; name a folder that is empty or new"):
        begin()
    (out / "thesis.tex").unlink()
    begin()


@pytest.mark.parametrize("content", ["", "[]", '{"settings": {}, "sources": 3}'])
def test_a_damaged_description_is_an_error(begin, out, content):
    begin()
    (out / "job.json").write_text(content)
    with pytest.raises(BatchError, match=r"job\.json cannot be read"):
        begin()


def test_what_killed_workers_leave_is_swept_away(begin, out):
    begin()
    left = [out / name for name in ("answers/.x.jsonl.ab.part", "quarantine/.y.csv.cd.part", "working/k.photo")]
    kept = out / "answers/0000001-ab.jsonl"
    for path in (*left, kept):
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    begin()
    assert not any(path.exists() for path in left)
    assert kept.exists()
    assert json.loads((out / "job.json").read_text())["settings"]["--shard-rows"] == 10

"""States that a kill, a full disk or a damaged file cannot take away, and that never come back wrong."""

import errno
import os
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from aisle.errors import DiskFullError  # noqa: E402
from aisle.finetune.checkpoint import Checkpoints, State  # noqa: E402


def state(number):
    arrays = {
        "now/a": np.full((3, 2), number, dtype=np.float32),
        "step/a": np.array(number, dtype=np.float32),
        "empty": np.empty((0, 4), dtype=np.float32),
    }
    return State(arrays, {"best": number, "epochs": [{"number": 1, "validation_loss": 0.1 + 0.2}]})


@pytest.fixture
def kept(tmp_path):
    return Checkpoints(tmp_path / "states", "text", "run-1")


def file_of(kept, epoch):
    return kept.folder / f"text-{epoch:04}.checkpoint"


def assert_same(found, wanted):
    assert found.facts == wanted.facts
    assert found.arrays.keys() == wanted.arrays.keys()
    for name, array in wanted.arrays.items():
        assert found.arrays[name].dtype == array.dtype
        assert np.array_equal(found.arrays[name], array)


def test_the_newest_comes_back_as_it_was(kept):
    assert kept.latest() is None
    for number in (1, 2, 3):
        kept.save(state(number), epoch=number)
    assert_same(kept.latest(), state(3))
    assert sorted(path.name for path in kept.folder.iterdir()) == ["text-0002.checkpoint", "text-0003.checkpoint"]


def test_epoch_ten_comes_after_epoch_nine(kept):
    for number in (9, 10):
        kept.save(state(number), epoch=number)
    assert kept.latest().facts["best"] == 10


def truncated(data):
    return data[:-1]


def emptied(data):
    return b""


def flipped_in_the_weights(data):
    return data[:-5] + bytes([data[-5] ^ 1]) + data[-4:]


def flipped_in_the_facts(data):
    place = data.index(b'"best": 2') + len(b'"best": ')
    return data[:place] + b"1" + data[place + 1 :]


def foreign(data):
    return b"\x93NUMPY" + bytes(300)


@pytest.mark.parametrize("damage", [truncated, emptied, flipped_in_the_weights, flipped_in_the_facts, foreign])
def test_a_damaged_one_is_passed_over_and_said(kept, caplog, damage):
    kept.save(state(1), epoch=1)
    kept.save(state(2), epoch=2)
    last = file_of(kept, 2)
    last.write_bytes(damage(last.read_bytes()))
    assert_same(kept.latest(), state(1))
    assert f"{last} is damaged" in caplog.text


def test_one_of_another_run_is_passed_over_and_said(kept, caplog):
    kept.save(state(1), epoch=1)
    Checkpoints(kept.folder, "text", "run-2").save(state(2), epoch=2)
    assert_same(kept.latest(), state(1))
    assert f"{file_of(kept, 2)} is of other products, options or weights" in caplog.text


def test_what_another_run_left_does_not_push_a_new_one_out(kept):
    other = Checkpoints(kept.folder, "text", "run-2")
    for number in (5, 6):
        other.save(state(number), epoch=number)
    kept.save(state(1), epoch=1)
    assert_same(kept.latest(), state(1))


def test_states_of_other_names_are_let_alone(kept):
    photo = Checkpoints(kept.folder, "photo", "run-1")
    photo.save(state(7), epoch=1)
    for number in (1, 2, 3):
        kept.save(state(number), epoch=number)
    (kept.folder / "text-notes.checkpoint").write_text("mine")
    (kept.folder / "text-².checkpoint").write_text("mine")
    assert_same(kept.latest(), state(3))
    kept.clear()
    assert kept.latest() is None
    assert_same(photo.latest(), state(7))


def test_a_full_disk_keeps_what_was_there(kept, monkeypatch):
    kept.save(state(1), epoch=1)
    kept.save(state(2), epoch=2)

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError, match="the disk is full"):
            kept.save(state(3), epoch=3)
    assert_same(kept.latest(), state(2))
    assert len(list(kept.folder.iterdir())) == 2


def test_clear_leaves_nothing_not_even_what_a_kill_left(kept):
    kept.save(state(1), epoch=1)
    (kept.folder / ".text-0002.checkpoint.0011223344556677.part").write_bytes(b"half")
    kept.clear()
    assert not kept.folder.exists()
    kept.clear()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_corruption_raises_or_gives_wrong_data(data):
    with tempfile.TemporaryDirectory() as folder:
        kept = Checkpoints(Path(folder), "text", "run-1")
        kept.save(state(1), epoch=1)
        kept.save(state(2), epoch=2)
        last = file_of(kept, 2)
        sound = last.read_bytes()
        start = data.draw(st.integers(0, len(sound)))
        stop = data.draw(st.integers(start, min(len(sound), start + 40)))
        damaged = sound[:start] + data.draw(st.binary(max_size=40)) + sound[stop:]
        last.write_bytes(damaged)
        assert_same(kept.latest(), state(2 if damaged == sound else 1))


def test_writing_and_reading_take_no_copies_of_all_weights(kept):
    large = {f"now/{number}": np.ones(1 << 20, dtype=np.float32) for number in range(8)}  # 32 MB
    tracemalloc.start()
    kept.save(State(large, {}), epoch=1)
    written = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    found = kept.latest()
    read = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert all(np.array_equal(array, found.arrays[name]) for name, array in large.items())
    assert written < 8e6
    assert read < 45e6  # itself, and one of its parts

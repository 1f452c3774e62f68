"""Vectors are kept, looked up, and healed."""

import errno
import logging
import sqlite3

import numpy as np
import pytest

from aisle.cache import CacheError, KeyedStore
from aisle.encode.kept import keep_matrix, keep_rows
from aisle.errors import DiskFullError, PhotoError
from aisle.settings import Settings

KEYS = [f"key {number}" for number in range(600)]


def vector(key):
    number = KEYS.index(key)
    return np.array([number, number**2, -number], dtype=np.float32)


class Work:
    """Computes rows and remembers which were asked for; breaks off before one of them."""

    def __init__(self, *, until=None, broken=()):
        self.asked = []
        self.until = until
        self.broken = broken

    def __call__(self, missing):
        for key in missing:
            if key == self.until:
                raise KeyboardInterrupt
            self.asked.append(key)
            yield key, PhotoError("truncated", "cut off") if key in self.broken else vector(key)


def keep(work, settings, keys=KEYS):
    return keep_rows("f" * 64, keys, work, label="rows", unit="row", settings=settings)


def file_of(settings):
    (path,) = (settings.cache_dir / "embeddings").glob("*.sqlite")
    return path


def test_rows_are_computed_once(settings):
    first, second = Work(), Work()
    found = keep(first, settings)
    assert first.asked == KEYS
    again = keep(second, settings)
    assert second.asked == []
    assert all(np.array_equal(again.rows[key], vector(key)) for key in KEYS)
    assert again.seconds == pytest.approx(found.seconds)
    assert found.seconds > 0


def test_a_run_that_breaks_off_keeps_its_batches(settings):
    first, second = Work(until=KEYS[520]), Work()
    with pytest.raises(KeyboardInterrupt):
        keep(first, settings)
    assert keep(second, settings).rows.keys() == set(KEYS)
    assert second.asked == KEYS[512:]  # two batches of 256 were kept


def test_only_what_is_new_is_computed(settings):
    keep(Work(), settings, keys=KEYS[:100])
    work = Work()
    keep(work, settings, keys=KEYS[50:150])
    assert work.asked == KEYS[100:150]


def test_what_cannot_be_computed_is_asked_for_again(settings):
    work = Work(broken=KEYS[3:5])
    found = keep(work, settings, keys=KEYS[:10])
    assert list(found.problems) == KEYS[3:5]
    assert found.rows.keys() == {*KEYS[:3], *KEYS[5:10]}
    again = Work(broken=KEYS[3:5])
    assert list(keep(again, settings, keys=KEYS[:10]).problems) == KEYS[3:5]
    assert again.asked == KEYS[3:5]


def test_the_seconds_of_a_part_are_a_part_of_the_seconds(settings):
    whole = keep(Work(), settings)
    part = keep(Work(), settings, keys=KEYS[:256])
    assert 0 < part.seconds < whole.seconds


def test_another_fingerprint_is_another_file(settings):
    keep(Work(), settings)
    work = Work()
    keep_rows("e" * 64, KEYS[:5], work, label="rows", unit="row", settings=settings)
    assert work.asked == KEYS[:5]


@pytest.mark.parametrize("place", [0, 60, 4096, 8192, 12288])
def test_a_damaged_file_is_healed(settings, caplog, place):
    keep(Work(), settings)
    path = file_of(settings)
    data = bytearray(path.read_bytes())
    data[place : place + 3000] = bytes(3000)
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        found = keep(Work(), settings)
    assert "damaged" in caplog.text
    assert all(np.array_equal(found.rows[key], vector(key)) for key in KEYS)
    work = Work()
    keep(work, settings)
    assert work.asked == []


def test_one_flipped_bit_costs_one_row(settings, caplog):
    keep(Work(), settings, keys=KEYS[:50])
    path = file_of(settings)
    data = path.read_bytes()
    at = data.index(vector(KEYS[40]).tobytes())
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    work = Work()
    found = keep(work, settings, keys=KEYS[:50])
    assert work.asked == [KEYS[40]]
    assert np.array_equal(found.rows[KEYS[40]], vector(KEYS[40]))
    assert "1 of 50 values are damaged" in caplog.text


def test_a_file_cut_off_is_healed(settings):
    keep(Work(), settings)
    path = file_of(settings)
    path.write_bytes(path.read_bytes()[:9000])
    assert keep(Work(), settings).rows.keys() == set(KEYS)


def test_a_database_of_something_else_is_put_aside(settings):
    keep(Work(), settings, keys=KEYS[:1])
    path = file_of(settings)
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE kept (name TEXT)")
    db.close()
    assert keep(Work(), settings).rows.keys() == set(KEYS)
    assert path.with_name(f"{path.name}.damaged").exists()


@pytest.fixture
def full_disk(monkeypatch):
    """Let every SQLite database hold eight pages."""
    connect = sqlite3.connect

    def small(*arguments, **options):
        db = connect(*arguments, **options)
        db.execute("PRAGMA max_page_count = 8")
        return db

    monkeypatch.setattr(sqlite3, "connect", small)


def test_a_full_disk_while_rows_are_kept(settings, full_disk):
    keep(Work(), settings, keys=KEYS[:5])
    with pytest.raises(DiskFullError, match=r"disk is full: .*sqlite was not written\. Free some space") as caught:
        keep(Work(), settings)
    assert caught.value.errno == errno.ENOSPC
    work = Work()
    keep(work, settings, keys=KEYS[:5])
    assert work.asked == []


def test_a_full_disk_while_a_matrix_is_kept(settings, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DiskFullError, match="npz was not written"):
        keep_matrix("a" * 64, lambda: np.eye(2), settings=settings)
    assert [path for path in settings.cache_dir.rglob("*") if path.is_file()] == []


def test_a_cache_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CacheError, match="cannot be made"):
        keep(Work(), Settings(cache_dir=tmp_path / "file"))


def test_a_busy_store_is_waited_for(settings, monkeypatch):
    monkeypatch.setattr("aisle.cache._WAIT_SECONDS", 0.05)
    store = KeyedStore(settings.cache_dir / "kept.sqlite")
    store.put({"a": b"1"})
    db = sqlite3.connect(store.path)
    db.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CacheError, match="locked"):
        store.get(["a"])
    db.close()
    assert store.get(["a"]) == {"a": b"1"}


def matrix(settings, calls, corpus="a" * 64):
    def compute():
        calls.append(corpus)
        return np.arange(12, dtype=np.float64).reshape(3, 4)

    return keep_matrix(corpus, compute, settings=settings)


def test_a_matrix_is_computed_once(settings):
    calls = []
    first, seconds = matrix(settings, calls)
    again, kept = matrix(settings, calls)
    assert calls == ["a" * 64]
    assert first.dtype == again.dtype == np.float32
    assert np.array_equal(first, again)
    assert seconds == kept
    matrix(settings, calls, corpus="b" * 64)
    assert len(calls) == 2


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: b"",
        lambda data: b"no archive",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(np.float32(11).tobytes(), np.float32(12).tobytes()),
    ],
    ids=["empty", "garbage", "cut off", "one number"],
)
def test_a_damaged_matrix_is_computed_again(settings, caplog, harm):
    calls = []
    expected, _ = matrix(settings, calls)
    (path,) = (settings.cache_dir / "matrices").iterdir()
    path.write_bytes(harm(path.read_bytes()))
    assert np.array_equal(matrix(settings, calls)[0], expected)
    assert "is damaged" in caplog.text
    assert len(calls) == 2
    matrix(settings, calls)
    assert len(calls) == 2

"""Values kept by key survive kills, other processes and damage."""

import logging
import sqlite3
import subprocess
import sys

import pytest

from aisle.cache import CacheError, KeyedStore
from aisle.errors import AisleError


@pytest.fixture
def store(tmp_path):
    return KeyedStore(tmp_path / "new" / "kept.sqlite")


def test_values_come_back(store):
    assert store.get(["a"]) == {}
    store.put({"a": b"1", "b": b"", "ключ": b"\0\xff"})
    assert store.get(["a", "b", "missing", "a", "ключ"]) == {"a": b"1", "b": b"", "ключ": b"\0\xff"}
    assert KeyedStore(store.path).get(["a"]) == {"a": b"1"}


def test_the_last_value_wins(store):
    store.put({"a": b"1"})
    store.put({"a": b"2"})
    assert store.get(["a"]) == {"a": b"2"}


def test_nothing_asked_nothing_given(store):
    store.put({})
    assert store.get([]) == {}


def test_asking_makes_no_file(store):
    store.get(["a"])
    assert not store.path.exists()


def test_more_keys_than_a_query_holds(store):
    values = {f"key {n}": bytes([n % 256]) for n in range(2345)}
    store.put(values)
    assert store.get(values) == values


def test_a_batch_is_kept_whole_or_not_at_all(store):
    def values():
        yield "a", b"1"
        raise RuntimeError("killed here")

    class Half(dict):
        def items(self):
            return values()

    with pytest.raises(RuntimeError):
        store.put(Half())
    assert store.get(["a"]) == {}


def test_a_damaged_file_is_put_aside_with_a_warning(store, caplog):
    store.path.parent.mkdir()
    store.path.write_bytes(b"this is no database " * 500)
    with caplog.at_level(logging.WARNING):
        store.put({"a": b"1"})
    assert "is damaged" in caplog.text
    assert store.get(["a"]) == {"a": b"1"}
    assert store.path.with_name("kept.sqlite.damaged").exists()


def test_a_place_that_cannot_be_used(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(CacheError, match="folder cannot be used") as err:
        KeyedStore(tmp_path / "folder").put({"a": b"1"})
    assert isinstance(err.value, AisleError)


def test_no_connection_is_left_open(store):
    store.put({"a": b"1"})
    db = sqlite3.connect(store.path, timeout=0)
    db.execute("BEGIN EXCLUSIVE")  # raises where another connection is reading or writing
    db.close()


def test_several_processes_at_once(store):
    code = (
        "import sys, pathlib\nfrom aisle.cache import KeyedStore\n"
        "store = KeyedStore(pathlib.Path(sys.argv[1]))\n"
        "for n in range(40): store.put({f'{sys.argv[2]} {n}': b'x' * 500})\n"
    )
    names = ["one", "two", "three"]
    runs = [subprocess.Popen([sys.executable, "-W", "error", "-c", code, str(store.path), name]) for name in names]
    assert [run.wait(60) for run in runs] == [0, 0, 0]
    assert len(store.get(f"{name} {n}" for name in names for n in range(40))) == 120


def test_a_damaged_file_is_found_when_it_is_read(store, caplog):
    store.path.parent.mkdir()
    store.path.write_bytes(b"this is no database " * 500)
    assert store.get(["a"]) == {}
    assert "is damaged" in caplog.text
    store.put({"a": b"1"})
    assert store.get(["a"]) == {"a": b"1"}


def test_a_value_damaged_on_the_disk_is_not_handed_out(store, caplog):
    marker = b"a value that stands out " * 20
    store.put({"a": marker, "b": b"fine"})
    content = bytearray(store.path.read_bytes())
    content[content.index(marker) + 7] ^= 0x10
    store.path.write_bytes(content)
    assert store.get(["a", "b"]) == {"b": b"fine"}
    assert "1 of 2 values are damaged" in caplog.text


def test_a_full_disk_is_said_in_words(store, monkeypatch):
    class FullDisk(sqlite3.Connection):
        def executemany(self, *_):
            self.execute("PRAGMA max_page_count = 3")
            return super().executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", [("a", b"x" * 100_000)])

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=FullDisk))
    with pytest.raises(AisleError, match=r"the disk is full.*Free some space"):
        store.put({"a": b"1"})

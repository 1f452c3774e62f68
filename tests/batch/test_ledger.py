"""What a ledger has acknowledged is there again, whatever became of its end."""

import errno
import os

import pytest

from aisle.batch.ledger import Ledger
from aisle.batch.tasks import ShardDone, Written
from aisle.errors import DiskFullError


def done(key, **changes):
    values = {"key": key, "name": f"1-{key}", "answers": Written(size=7, sha256="ab"), "rows": 10, "quarantined": 1}
    return ShardDone(**(values | {"decisions": {"accept": 9}, "seconds": {"read": 0.5}} | changes))


FULL = done("b", quarantine=Written(size=1, sha256="cd"), left_out=("x.jpg",))


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.add(done("a"))
    ledger.add(FULL)
    ledger.close()
    return path


def test_what_was_noted_is_given_back_once(place):
    ledger = Ledger(place)
    assert len(ledger) == 2
    assert (ledger.take("b"), ledger.take("b"), ledger.take("c")) == (FULL, None, None)
    assert [*ledger.rest()] == [done("a")]
    assert [*ledger.rest()] == []


def test_a_line_cut_short_by_a_kill_is_as_if_it_were_not_there(place):
    whole = place.read_bytes()
    for length in range(len(whole) - 2, len(whole.splitlines()[0]), -40):
        place.write_bytes(whole[:length])
        ledger = Ledger(place)
        assert [each.key for each in ledger.rest()] == ["a"]
        ledger.add(done("c"))
        ledger.close()
        assert [each.key for each in Ledger(place).rest()] == ["a", "c"]


@pytest.mark.parametrize("line", [b"\x00\xff{", b'{"v": 1}', b'{"v": 2, "shard": "z", "done": null}', b"[]", b"7"])
def test_a_spoilt_line_costs_its_own_shard_only(place, line, caplog):
    first, second = place.read_bytes().splitlines()
    place.write_bytes(b"\n".join([first, line, second, b""]))
    assert [each.key for each in Ledger(place).rest()] == ["a", "b"]
    assert "1 lines cannot be read" in caplog.text


def test_the_last_word_on_a_shard_counts(place):
    ledger = Ledger(place)
    ledger.add(done("a", rows=12))
    ledger.drop("b")
    ledger.close()
    assert [(each.key, each.rows) for each in Ledger(place).rest()] == [("a", 12)]


def test_a_full_disk_leaves_whole_lines(place, monkeypatch):
    before = place.read_bytes()
    ledger = Ledger(place)

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError, match=r"ledger\.jsonl was not written\. Free some space"):
            ledger.add(done("c"))
    assert place.read_bytes() == before
    ledger.add(done("d"))
    ledger.close()
    assert [each.key for each in Ledger(place).rest()] == ["a", "b", "d"]

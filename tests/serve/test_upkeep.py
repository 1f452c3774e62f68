import time

import pytest

from aisle.serve.upkeep import Upkeep
from aisle.store.jobs import enqueue, finish, jobs, lease
from aisle.store.photos import PhotoFolder


@pytest.fixture
def upkeep(database, tmp_path, clock):
    return lambda **changes: Upkeep(database, PhotoFolder(tmp_path / "photos"), clock=clock.read, **changes)


def states(database):
    with database.read() as c:
        return [job.state for job in jobs(c)]


def test_it_is_done_and_noted(upkeep, database):
    assert upkeep().once()
    assert states(database) == ["done"]


def test_of_several_processes_one_does_it(upkeep, database, clock):
    with database.write() as c:
        enqueue(c, kind="tidy", payload={}, now=clock.now, unique="tidy")
        other = lease(c, kinds=["tidy"], by="another process", now=clock.now, lease_us=60_000_000)
    assert not upkeep().once()
    assert states(database) == ["running"]
    with database.write() as c:
        finish(c, id=other.id, by="another process", now=clock.now)
    assert upkeep().once()
    assert states(database) == ["done", "done"]


def test_what_fails_is_tried_again(upkeep, database, monkeypatch, clock):
    def broken(c, photos, *, now):
        raise OSError("no disk")

    with monkeypatch.context() as patch:
        patch.setattr("aisle.serve.upkeep.tidy", broken)
        one = upkeep()
        assert one.once()
        assert states(database) == ["waiting"]
        assert not one.once()  # not yet
    clock.pass_seconds(301)
    assert one.once()
    assert states(database) == ["done"]


def test_it_runs_until_it_is_closed(upkeep, database):
    running = upkeep(seconds=0.01)
    running.start()
    end = time.monotonic() + 10
    while not states(database) and time.monotonic() < end:
        time.sleep(0.01)
    running.close()
    done = len(states(database))
    assert done
    time.sleep(0.05)
    assert len(states(database)) == done

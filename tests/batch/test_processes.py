"""Processes that do tasks: what they return, raise or die of comes back, and none outlives whoever started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.processes import hear_ctrl_c
from tests.working import ForeignError, Maker

from aisle.batch.processes import ProcessPool
from aisle.errors import BatchError, DiskFullError, EngineError

OWNER = """
import sys, time
from tests.working import Maker
from aisle.batch.processes import ProcessPool
pool = ProcessPool(Maker(), size=2)
pool.submit(("pid", 0))
pool.submit(("pid", 0))
pids = [pool.wait().result for _ in range(2)]
try:
    for _ in range(2):
        pool.submit(("sleep", 60))
    print(*pids, flush=True)
    pool.wait()
except KeyboardInterrupt:
    pool.close()
    print("closed", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def pools():
    made = []

    def make(maker=None, **options):
        made.append(ProcessPool(maker or Maker(), **options))
        return made[-1]

    yield make
    for pool in made:
        pool.close()


def test_what_becomes_of_tasks(pools, tmp_path):
    pool = pools(size=2)
    pool.submit(("echo", 7))
    pool.submit(("disk full", tmp_path / "x"))
    with pytest.raises(ValueError, match="2 tasks are out"):
        pool.submit(("echo", 8))
    found = {outcome.task[0]: outcome for outcome in (pool.wait(), pool.wait())}
    assert pool.wait() is None
    assert (found["echo"].result, found["echo"].error, found["echo"].died) == (7, None, "")
    error = found["disk full"].error
    assert isinstance(error, DiskFullError)
    assert "the disk is full" in error.strerror
    pool.submit(("foreign", None))
    outcome = pool.wait()
    assert isinstance(outcome.error, BatchError)  # what cannot travel says what it was
    assert str(outcome.error) == f"{ForeignError.__name__}: of two arguments"
    pool.submit(("kill", None))
    outcome = pool.wait()
    assert (outcome.task, outcome.result, outcome.died) == (("kill", None), None, "killed by signal 9")
    pool.submit(("exit", 5))
    assert pool.wait().died == "exit code 5"
    pool.submit(("echo", 9))
    assert pool.wait().result == 9
    assert pool.wait(timeout=0.01) is None


def test_nothing_within_the_time(pools):
    pool = pools(size=1)
    pool.submit(("sleep", 30))
    begun = time.monotonic()
    assert pool.wait(timeout=0.2) is None
    assert 0.2 <= time.monotonic() - begun < 20
    pool.close()  # ends it all the same
    assert time.monotonic() - begun < 25


def test_workers_are_started_as_they_are_needed_and_kept(pools):
    pool = pools(size=4)
    ids = set()
    for _ in range(3):
        pool.submit(("pid", None))
        ids.add(pool.wait().result)
    assert len(ids) == 1


def test_an_idle_worker_that_ends_is_replaced(pools):
    pool = pools(size=1)
    pool.submit(("pid", None))
    pid = pool.wait().result
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.3)
    pool.submit(("echo", 1))
    assert pool.wait().result == 1


def test_a_worker_that_cannot_be_made_ends_the_run(pools):
    pool = pools(Maker(fails="there is no engine at x"), size=1)
    pool.submit(("echo", 1))
    with pytest.raises(EngineError, match="there is no engine at x"):
        pool.wait()


def test_workers_that_end_before_they_work(pools, tmp_path):
    log = tmp_path / "log"
    pool = pools(Maker(dies=2, log=log), size=1)
    pool.submit(("echo", 1))
    assert pool.wait().result == 1  # the third start succeeds, and the task was not lost
    log.unlink()
    pool = pools(Maker(dies=3, log=log), size=1)
    pool.submit(("echo", 1))
    with pytest.raises(BatchError, match=r"3 workers in a row ended .*killed by signal 9.* fewer of them with --work"):
        pool.wait()


def owner():
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=hear_ctrl_c, start_new_session=True,
    )  # fmt: skip
    return process, [int(pid) for pid in process.stdout.readline().split()]


def wait_until_gone(pids):
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
              for pid in pids):  # fmt: skip
        assert time.monotonic() < deadline, f"workers are still there: {pids}"
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_workers_end_when_whoever_started_them_is_killed():
    process, pids = owner()
    with process:
        process.kill()
        wait_until_gone(pids)
        assert process.communicate(timeout=60) == ("", "")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_ctrl_c_is_for_whoever_started_them():
    process, pids = owner()
    with process:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
        assert process.stdout.readline() == "closed\n"
        wait_until_gone(pids)
        process.kill()
        assert process.stderr.read() == ""

"""Ray actors that do tasks: to whoever hands them in they are what processes are."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image
from tests import batching
from tests.working import ForeignError, Maker

from aisle.batch.folder import BatchFolder
from aisle.batch.plan import Plan
from aisle.batch.ray_actors import RayPool
from aisle.batch.shards import plan_shards
from aisle.batch.sources import find_sources
from aisle.errors import BatchError, DiskFullError, EngineError

pytestmark = pytest.mark.ray

STRANGER = """
import sys
from tests.working import Maker
from aisle.batch.ray_actors import RayPool
pool = RayPool(Maker(), size=1, address=sys.argv[1])
pool.submit(("echo", 1))
pool.wait()
"""


@pytest.fixture(scope="module")
def address():
    """A cluster of one node with two cores."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 2, "object_store_memory": 100 << 20, "include_dashboard": False},
    )
    yield cluster.address
    cluster.shutdown()


@pytest.fixture
def pools(address):
    made = []

    def make(maker=None, **options):
        made.append(RayPool(maker or Maker(), **({"address": address} | options)))
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
    assert str(outcome.error).endswith(f"{ForeignError.__name__}: of two arguments")
    pool.submit(("kill", None))
    outcome = pool.wait()
    assert (outcome.task, outcome.result, outcome.died) == (("kill", None), None, "its process was killed")
    pool.submit(("echo", 9))
    assert pool.wait().result == 9
    assert pool.wait(timeout=0.01) is None


def test_nothing_within_the_time(pools):
    pool = pools(size=1)
    pool.submit(("sleep", 60))
    begun = time.monotonic()
    assert pool.wait(timeout=0.2) is None
    assert 0.15 <= time.monotonic() - begun < 5
    pool.close()  # ends it all the same
    pool.close()  # and once more does nothing
    assert time.monotonic() - begun < 20


def test_actors_are_started_as_they_are_needed_and_kept(pools):
    pool = pools(size=2)
    ids = set()
    for _ in range(3):
        pool.submit(("pid", None))
        ids.add(pool.wait().result)
    assert len(ids) == 1


def test_as_many_actors_as_the_cluster_has_cores(pools):
    assert pools().size == 2


def test_more_actors_than_cores_do_all_the_tasks(pools):
    pool = pools(size=5)
    for number in range(5):
        pool.submit(("echo", number))
    assert sorted(pool.wait(timeout=60).result for _ in range(5)) == [*range(5)]


def test_a_worker_that_cannot_be_made_ends_the_run(pools):
    pool = pools(Maker(fails="there is no engine at x"), size=1)
    pool.submit(("echo", 1))
    with pytest.raises(EngineError, match="there is no engine at x"):
        pool.wait()


def test_actors_that_end_before_they_work(pools, tmp_path):
    log = tmp_path / "log"
    pool = pools(Maker(dies=2, log=log), size=1)
    pool.submit(("echo", 1))
    assert pool.wait().result == 1  # the third start succeeds, and the task was not lost
    pool.close()
    log.unlink()
    pool = pools(Maker(dies=3, log=log), size=1)
    pool.submit(("echo", 1))
    with pytest.raises(
        BatchError, match=r"3 Ray actors in a row ended .*process was killed.* fewer of them with --work"
    ):
        pool.wait()


def test_sigterm_stays_with_whoever_had_it(pools):
    def end(number, frame):
        raise AssertionError

    before = signal.signal(signal.SIGTERM, end)
    try:
        pool = pools(size=1)
        assert signal.getsignal(signal.SIGTERM) is end
        pool.close()
        assert signal.getsignal(signal.SIGTERM) is end
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_a_signal_raises_ends_the_waiting(pools):
    class EndedError(BaseException):
        pass

    def end(number, frame):
        raise EndedError

    before = signal.signal(signal.SIGTERM, end)
    try:
        pool = pools(size=1)
        pool.submit(("sleep", 60))
        assert pool.wait(timeout=3) is None
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
        with pytest.raises(EndedError):
            [pool.wait(timeout=0.5) for _ in range(20)]  # as a run waits
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_token_that_only_one_side_has(address):
    command = [sys.executable, "-W", "error", "-c", STRANGER, address]
    environ = os.environ | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=120, check=False, cwd=Path(__file__).parents[2]
    )
    assert "it never ran, as where RAY_AUTH_MODE is token here and not in the cluster" in done.stderr


def test_nothing_of_a_photo_enters_the_object_store(pools, tmp_path):
    import ray

    Image.effect_noise((700, 700), 90).save(tmp_path / "noise.jpg", quality=95)
    assert (tmp_path / "noise.jpg").stat().st_size > 300_000
    shop = batching.write_shop(tmp_path / "shop.csv", 60)
    shop.write_text(shop.read_text().replace(",\n", ",noise.jpg\n"))
    job = batching.make_job()
    sources = find_sources([str(shop)])
    folder = BatchFolder(path=tmp_path / "out", form=job.form)
    (folder.path / "working").mkdir(parents=True)
    pool = pools(batching.StubMaker(job=job, folder=folder), size=2)
    for task in Plan(job, sources, plan_shards(sources, rows=job.shard_rows)):
        pool.submit(task)
        done = pool.wait()
        assert (done.error, done.died) == (None, "")
        assert done.result.seconds["decode"] > 0
    time.sleep(2)  # Ray counts once a second
    free = ray.available_resources()["object_store_memory"]
    assert free == ray.cluster_resources()["object_store_memory"]
    kept = ray.put(bytes(300_000))  # what it would look like
    time.sleep(2)
    assert ray.available_resources()["object_store_memory"] < free
    del kept

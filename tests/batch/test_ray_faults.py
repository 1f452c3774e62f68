"""Actors, nodes and runs on Ray that are killed: no row is lost or doubled, at most one shard is redone for each."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from tests import batching
from tests.ray_batching import attempts, drive_on_ray, together

pytestmark = pytest.mark.ray

ROWS, SHARDS = 400, 40
WAIT = 0.01  # seconds per row: a tenth of a second per shard


NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}


@pytest.fixture(scope="module")
def head():
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args=NODE | {"include_dashboard": False})
    yield made
    made.shutdown()


@pytest.fixture
def cluster(head):
    """Two nodes with a core each; the first is the head."""
    head.add_node(**NODE)
    yield head
    for node in [*head.worker_nodes]:
        head.remove_node(node, allow_graceful=False)


@pytest.fixture
def shop(tmp_path):
    return batching.write_shop(tmp_path / "shop.csv", ROWS)


@pytest.fixture
def log(tmp_path):
    """Who tried what; two workers have to have begun before either goes on."""
    place = tmp_path / "attempts"
    together(place, 2)
    return place


def noted(out):
    path = out / "ledger.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def meanwhile(out):
    """Return a function that does something as soon as some shards are done."""
    threads = []

    def begin(*acts):
        def watch():
            for done, act in acts:
                wait_for(lambda done=done: noted(out) >= done)
                act()

        threads.append(threading.Thread(target=watch))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join()


def check(record, found, tried, *, redone):
    assert [line["id"] for line in found] == [str(n) for n in range(1, ROWS + 1)]
    assert (record["complete"], record["rows"]["answered"]) == (True, ROWS)
    assert len({number for _, number in tried}) == SHARDS
    assert SHARDS <= len(tried) <= SHARDS + redone


def test_answers_are_those_of_processes(cluster, out, shop, log, tmp_path):
    drive_on_ray(out, shop, address=cluster.address, log=log)
    batching.drive(tmp_path / "processes", shop)
    files = sorted((out / "answers").iterdir())
    assert len(files) == SHARDS
    for path in files:
        assert path.read_bytes() == (tmp_path / "processes" / "answers" / path.name).read_bytes()


def test_actors_that_are_killed_cost_a_shard_each(cluster, out, shop, log, lines, meanwhile):
    killed = []

    def kill_one():
        killed.append(attempts(log)[-1][0])
        os.kill(killed[-1], signal.SIGKILL)

    meanwhile((5, kill_one), (15, kill_one), (25, kill_one))
    record = drive_on_ray(out, shop, address=cluster.address, log=log, wait=WAIT).record
    check(record, lines(), attempts(log), redone=3)
    assert record["shards"]["redone"] <= 3  # one that is between two shards takes none with it
    assert len(set(killed)) == 3
    assert not {pid for pid, _ in attempts(log)[-2:]} & set(killed)


def test_a_node_that_is_lost_costs_the_shard_it_was_at(cluster, out, shop, log, lines, meanwhile):
    [lost] = cluster.worker_nodes
    meanwhile((6, lambda: cluster.remove_node(lost, allow_graceful=False)))
    record = drive_on_ray(out, shop, address=cluster.address, log=log, wait=WAIT).record
    check(record, lines(), attempts(log), redone=1)
    assert record["shards"]["redone"] <= 1
    workers = [pid for pid, _ in attempts(log)]
    assert len(set(workers)) == 2
    assert len(set(workers[-SHARDS // 2 :])) == 1  # the one core that was left did the rest


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_a_node_that_is_free_takes_over_from_one_that_is_lost(cluster, out, shop, log, lines, meanwhile):
    cluster.add_node(**NODE)

    def lose_one_at_work():
        at_work = {parent(pid) for pid, _ in attempts(log)}
        lost = next(node for node in cluster.worker_nodes if node.all_processes["raylet"][0].process.pid in at_work)
        together(log, 3)
        cluster.remove_node(lost, allow_graceful=False)

    meanwhile((4, lose_one_at_work))
    record = drive_on_ray(out, shop, address=cluster.address, log=log, wait=WAIT).record
    check(record, lines(), attempts(log), redone=1)
    workers = [pid for pid, _ in attempts(log)]
    assert len(set(workers)) == 3
    assert len(set(workers[-6:])) == 2


def parent(pid):
    return int(Path(f"/proc/{pid}/status").read_text().partition("PPid:")[2].split()[0])


@pytest.fixture
def short_path():
    """A folder for what a Ray that is killed leaves behind; the names of sockets have 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="r-", ignore_cleanup_errors=True) as path:
        yield path


@pytest.mark.parametrize("where", ["local", "cluster"])
def test_a_run_that_is_killed_goes_on_where_it_was(where, out, shop, log, lines, short_path, request):
    address = where if where == "local" else request.getfixturevalue("cluster").address
    words = [address, str(out), str(shop), str(log), str(WAIT)]
    command = [sys.executable, "-W", "error", "-m", "tests.ray_batching", *words]
    place = {"cwd": Path(__file__).parents[2], "env": os.environ | {"TMPDIR": short_path}}
    with subprocess.Popen(command, **place) as process:
        wait_for(lambda: noted(out) >= 10)
        process.kill()
    kept = noted(out)
    assert 10 <= kept < SHARDS
    subprocess.run(command, **place, check=True)
    record = json.loads((out / "summary.json").read_text())
    check(record, lines(), attempts(log), redone=2)  # it had two actors at work
    assert record["shards"]["skipped"] == kept
    assert record["shards"]["redone"] == 0


def test_a_photo_that_hangs_its_decoder_is_left_out(cluster, out, log, lines, tmp_path):
    (tmp_path / "slow.jpg").write_bytes(batching.HANGS)
    shop = batching.write_shop(tmp_path / "shop.csv", 30)
    shop.write_text(shop.read_text().replace("\n14,r thing 14,", "\n14,r thing 14,slow.jpg"))
    record = drive_on_ray(out, shop, address=cluster.address, log=log, photo_seconds=0.5).record
    assert [line["id"] for line in lines()] == [str(n) for n in range(1, 31)]
    assert record["photos_left_out"] == [str(tmp_path / "slow.jpg")]
    assert record["shards"]["redone"] == 1

"""A Ray of its own on this machine, which leaves nothing behind, and addresses where there is none."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.processes import hear_ctrl_c
from tests.working import Maker

from aisle.batch.ray_actors import RayPool
from aisle.errors import BatchError

pytestmark = pytest.mark.ray

OWNER = """
import os, re, subprocess, sys, time
from tests.working import Maker
from aisle.batch.ray_actors import RayPool
pool = RayPool(Maker(), size=1)
pool.submit(("kill", None))
assert pool.wait().died
pool.submit(("pid", None))
pid = pool.wait().result
ours = subprocess.run(["pgrep", "-f", pool._session.folder], capture_output=True, text=True).stdout.split()
print(pool._session.folder, pid, *ours, file=sys.stderr, flush=True)
pool.submit(("sleep", 60))
try:
    pool.wait()
except KeyboardInterrupt:
    pool.close()
    print("closed", file=sys.stderr, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (
            "127.0.0.1:1",
            r"no Ray cluster answers at 127.0.0.1:1 \(.*refused.*\): start its head with 'ray start --head'",
        ),
        ("somewhere", "'somewhere' is no address of a Ray cluster: use local, auto"),
        ("ray://127.0.0.1:10001", "is no address of a Ray cluster"),
        ("127.0.0.1:99999", "no Ray cluster answers at 127.0.0.1:99999"),
    ],
)
def test_addresses_where_there_is_no_cluster(address, message):
    begun = time.monotonic()
    with pytest.raises(BatchError, match=message):
        RayPool(Maker(), size=1, address=address)
    assert time.monotonic() - begun < 5


@pytest.fixture
def owner():
    """A Ray of a pool's own, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=hear_ctrl_c, start_new_session=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    folder, *pids = process.stderr.readline().split()
    with process:
        yield process, Path(folder), [int(pid) for pid in pids]
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)


def wait_until_gone(pids):
    deadline = time.monotonic() + 20
    while alive := [pid for pid in pids if is_there(pid)]:
        assert time.monotonic() < deadline, f"still there: {alive}"
        time.sleep(0.05)


def is_there(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def listens(pid):
    """Return the addresses on which a process takes connections, as the kernel writes them."""
    found = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    return {line.split()[3].rpartition(":")[0] for line in found.splitlines() if f"pid={pid}," in line}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_a_ray_of_its_own_ends_with_ctrl_c_and_says_nothing(owner):
    process, folder, pids = owner
    assert len(pids) > 3
    heard = set().union(*map(listens, pids))
    assert heard
    assert heard <= {"127.0.0.1", "[::ffff:127.0.0.1]", "[::1]"}
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    assert process.stderr.readline() == "closed\n"
    wait_until_gone(pids)
    assert not folder.exists()
    process.kill()
    assert process.communicate() == ("", "")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_a_ray_of_its_own_ends_with_whoever_opened_it(owner):
    process, _, pids = owner
    process.kill()
    wait_until_gone(pids)

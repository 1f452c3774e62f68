"""``aisle serve`` as a process of its own, and ``aisle demo --serve``."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from tests.engine.conftest import engine_files, engine_folder, shop, train, trained

from aisle.settings import Settings

__all__ = ["engine_files", "engine_folder", "shop", "train", "trained"]


def run(*words, **options):
    command = [sys.executable, "-c", "from aisle.cli.app import main; main()", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture
def service(engine_folder, tmp_path):
    """A service that runs; its address, its process, its database and what it said."""
    database = tmp_path / "a.db"
    command = [sys.executable, "-c", "from aisle.cli.app import main; main()", "serve", str(engine_folder),
               "--db", str(database), "--port", "0"]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    said = []
    for line in process.stderr:
        said.append(line)
        if line.startswith("  aisle keys create NAME --scope review"):
            break
    address = re.search(r"http://127\.0\.0\.1:\d+", "".join(said))
    assert address, said
    yield address[0], process, database, "".join(said)
    if process.poll() is None:
        process.kill()
    process.communicate()


def get(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as err:
        return err.code, json.loads(err.read())


def test_from_nothing_to_an_answer(service, engine_folder):
    address, process, database, said = service
    assert "Made the database" in said
    assert get(f"{address}/v2/health/ready") == (200, {"ready": True})
    assert get(f"{address}/v1/engine")[0] == 401
    secret = run("keys", "create", "bot", "--scope", "classify", "--db", database).stdout.strip()
    status, engine = get(f"{address}/v1/engine", Authorization=f"Bearer {secret}")
    manifest = json.loads((engine_folder / "manifest.json").read_text())
    assert status == 200
    assert manifest
    listed = json.loads(run("engines", "list", "--json", "--db", database).stdout)
    assert [(each["id"], each["role"]) for each in listed] == [(engine["version"], "live")]
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM)
    assert "Traceback" not in process.stderr.read()


def test_an_address_that_is_taken_names_the_remedy(engine_folder, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", engine_folder, "--db", tmp_path / "a.db", "--port", port)
    assert done.returncode == 1
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name one: aisle serve ENGINE"),
        (["nowhere"], "nowhere"),
        (["--db", "mysql://localhost/a"], "mysql"),
        (["--db", "/nowhere/a.db"], "/nowhere"),
        (["--trusted-proxy", "not an address"], "not an address"),
    ],
)
def test_what_cannot_be_served_says_why(tmp_path, words, message):
    done = run("serve", *words, cwd=tmp_path, env={**os.environ, "AISLE_CACHE_DIR": str(tmp_path)})
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demonstration_fills_the_queue(engine_folder, tmp_path):
    """What is posted is spread over weeks, most of the queue is decided, and the rest is left to look at."""
    from aisle.catalog.sample import draw_sample
    from aisle.engine import load_engine
    from aisle.serve.demonstration import Demonstration, fill
    from aisle.store.database import Database
    from aisle.store.decisions import all_decisions
    from aisle.store.keys import create_key
    from aisle.store.photos import PhotoFolder
    from aisle.store.queue import count
    from aisle.store.records import QueueFilters
    from aisle.store.upgrade import upgrade

    now = 1_800_000_000_000_000
    sample = draw_sample(tmp_path / "sample", products=60, seed=5)
    upgrade(str(tmp_path / "a.db"))
    database = Database.open(str(tmp_path / "a.db"))
    with database.write() as c:
        roles = Demonstration(
            seller=create_key(c, name="s", scopes=("sell",), now=now)[0],
            moderator=create_key(c, name="m", scopes=("review",), now=now)[0],
        )
    engine = load_engine(engine_folder, settings=Settings(threads=1))
    said = fill(database, PhotoFolder(tmp_path / "photos"), engine, catalog=sample.folder, roles=roles, now=now)
    with database.read() as c:
        decisions, waiting = all_decisions(c), count(c, QueueFilters())
    assert 0 < waiting <= 24
    assert f"{len(decisions)} of the queue" in said
    assert {each.decided_name for each in decisions} <= {"m"}
    assert all(each.decided_at <= now + 3_600_000_000 for each in decisions)
    database.close()

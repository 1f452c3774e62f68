"""Many clients at a time on a real server, over real connections: nothing fails, engines change, memory stays."""

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

CLIENTS = 32
SECONDS = 20.0
MOST_GROWTH = 8.0
"""MiB between two moments about five seconds apart, a thousand requests: if each left 10 kB behind, it would show."""

BOUNDARY = "load-test-boundary"


@pytest.fixture(scope="module")
def folders(train, shop, engine_folder, tmp_path_factory):
    """Three engines that differ: one to begin with, one to change to, one that will be damaged."""
    from aisle.engine.artifact_writer import write_artifact
    from aisle.engine.store import to_files

    place = tmp_path_factory.mktemp("candidates")
    for name, precision in (("next", 0.82), ("damaged", 0.84)):
        write_artifact(place / name, to_files(train(shop, precision=precision).knowledge), about={})
    return SimpleNamespace(first=engine_folder, next=place / "next", damaged=place / "damaged")


@pytest.fixture
def server(folders, tmp_path):
    """The service as a person starts it, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, log = tmp_path / "aisle.db", tmp_path / "log.txt"
    command = [sys.executable, "-m", "aisle", "serve", str(folders.first), "--db", str(url), "--port", str(port)]
    with log.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file) as process:
        try:
            end = time.monotonic() + 60
            while process.poll() is None and time.monotonic() < end and not answers(port, "/v2/health/ready"):
                time.sleep(0.1)
            assert answers(port, "/v2/health/ready"), log.read_text(errors="replace")
            yield SimpleNamespace(port=port, url=url, process=process, log=log)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def answers(port, path):
    try:
        return ask(port, "GET", path).status == 200
    except OSError:
        return False


def ask(port, method, path, *, key=""):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers={"Authorization": f"Bearer {key}"} if key else {})
    answer = connection.getresponse()
    found = SimpleNamespace(status=answer.status, text=answer.read().decode())
    connection.close()
    return found


def bodies(products):
    """Return requests: products of the shop as JSON, and as forms with a photo of one megapixel."""
    ramp = np.add.outer(np.arange(1000), np.arange(1000))
    pixels = np.stack([ramp % 256, ramp // 8 % 256, ramp // 3 % 256], axis=2).astype(np.uint8)
    photo = io.BytesIO()
    Image.fromarray(pixels).save(photo, "JPEG", quality=90)
    found = []
    for number, product in enumerate(products):
        if number % 3:
            text = json.dumps({"title": product.title, "description": product.description}).encode()
            found.append((text, "application/json"))
        else:
            head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="title"\r\n\r\n{product.title}\r\n'
            head += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="p.jpg"\r\n'
            head += "Content-Type: image/jpeg\r\n\r\n"
            form = head.encode() + photo.getvalue() + f"\r\n--{BOUNDARY}--\r\n".encode()
            found.append((form, f"multipart/form-data; boundary={BOUNDARY}"))
    return found


class Crowd:
    """Clients that ask without a pause; each has one connection, its own key, and its own order of requests."""

    def __init__(self, port, keys, requests):
        self.outcomes = Counter()
        self.engines = set()
        self._port, self._requests = port, requests
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n, key)) for n, key in enumerate(keys)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number, key):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._stop.is_set():
            body, kind = self._requests[number % len(self._requests)]
            number += 1
            headers = {"Authorization": f"Bearer {key}", "Content-Type": kind}
            try:
                connection.request("POST", "/v1/classify", body, headers)
                answer = connection.getresponse()
                text = answer.read()
                outcome = answer.status
            except (OSError, http.client.HTTPException) as err:
                outcome = repr(err)
                connection.close()
            with self._lock:
                self.outcomes[outcome] += 1
                if outcome == 200:
                    self.engines.add(json.loads(text)["engine"])
        connection.close()


def resident(pid):
    """Return the memory of a process in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def wait_until(true, *, seconds):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.1)
    return true()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory of a process is read from /proc")
def test_engines_change_under_load_without_a_failed_request_and_memory_stays(server, folders, shop):
    from aisle.cli.engines import register_engine
    from aisle.store.database import Database
    from aisle.store.engines import promote
    from aisle.store.keys import create_key

    database = Database.open(str(server.url))
    now = time.time_ns() // 1000
    with database.write() as c:
        keys = [create_key(c, name=f"client {n}", scopes=("classify",), now=now)[1] for n in range(CLIENTS)]
        watcher = create_key(c, name="watcher", scopes=("classify", "metrics"), now=now)[1]
    first, following, damaged = (
        register_engine(database, folder, by="a test") for folder in (folders.first, folders.next, folders.damaged)
    )
    assert len({first, following, damaged}) == 3

    def make_live(identity):
        with database.write() as c:
            promote(c, id=identity, by="a test", now=time.time_ns() // 1000)

    def live():
        return json.loads(ask(server.port, "GET", "/v2/models/aisle", key=watcher).text)["versions"]

    def failures():
        lines = ask(server.port, "GET", "/metrics", key=watcher).text.splitlines()
        return [float(line.split()[1]) for line in lines if line.startswith("aisle_engine_swap_failures ")]

    with Crowd(server.port, keys, bodies(shop[::3])) as crowd:
        time.sleep(SECONDS / 5)
        make_live(following)
        assert wait_until(lambda: live() == [following], seconds=20)

        graph = next((folders.damaged / "encoders").glob("*.onnx"))
        graph.write_bytes(graph.read_bytes()[:-7])
        make_live(damaged)
        assert wait_until(lambda: failures() == [1.0], seconds=20)
        assert live() == [following]

        time.sleep(SECONDS / 5)
        memory = []
        for _ in range(int(SECONDS * 2 / 5 / 0.2)):
            memory.append(resident(server.process.pid))
            time.sleep(0.2)
        asked = crowd.outcomes.total()

    database.close()
    assert set(crowd.outcomes) == {200}, (crowd.outcomes, server.log.read_text(errors="replace")[-2000:])
    assert asked > CLIENTS * 10
    assert crowd.engines == {first, following}
    third = len(memory) // 3
    assert np.median(memory[-third:]) - np.median(memory[:third]) < MOST_GROWTH, memory

"""A process killed at any moment loses nothing that it kept."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from aisle.cache import KeyedStore
from aisle.encode import embed_photos, find_encoder, open_spec, photo_keys

# Imports once, then forks a worker for each line it reads: a new interpreter each time would take seconds.
PROGRAM = """
import os, sys, time
from pathlib import Path
from aisle.encode import embed_photos, find_encoder, kept, open_spec, photo_keys
from aisle.encode.convnet import PhotoNetwork
from aisle.settings import Settings

kept._ROWS_AT_ONCE = 8
encode = PhotoNetwork.encode

def slow(self, pixels):
    time.sleep(0.02)
    return encode(self, pixels)

PhotoNetwork.encode = slow
for line in sys.stdin:
    if pid := os.fork():
        print(pid, flush=True)
        continue
    settings = Settings(cache_dir=Path(sys.argv[1]), threads=2)
    encoder = open_spec(find_encoder(sys.argv[2], settings=settings), settings=settings)
    photos = sorted(Path(sys.argv[3]).iterdir())
    embed_photos(encoder, photos, keys=photo_keys(photos), photo_filter="none", settings=settings)
    os._exit(0)
statuses = []
while True:
    try:
        statuses.append(os.wait()[1])
    except ChildProcessError:
        break
print(*statuses, flush=True)
"""


@pytest.fixture
def shop(tiny, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(400):
        (folder / f"{number:03}.png").write_bytes(tiny.png((number % 256, number // 256, 7)))
    return folder


@pytest.fixture
def network(tiny, tmp_path):
    return tiny.write_photo_folder(tmp_path / "network")


@pytest.fixture
def launcher(settings, network, shop):
    command = [sys.executable, "-c", PROGRAM, str(settings.cache_dir), str(network), str(shop)]
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        yield process
        process.kill()


def launch(launcher):
    launcher.stdin.write("go\n")
    launcher.stdin.flush()
    return int(launcher.stdout.readline())


def results(launcher):
    """Wait for all workers; return how each of them ended."""
    launcher.stdin.close()
    return sorted(int(status) for status in launcher.stdout.readline().split())


def embed(settings, network, shop):
    encoder = open_spec(find_encoder(str(network), settings=settings), settings=settings)
    photos = sorted(shop.iterdir())
    return embed_photos(encoder, photos, keys=photo_keys(photos), photo_filter="none", settings=settings)


def kept(settings):
    """Return every value of the cache; none while the file is there and its table is not."""
    (path,) = (settings.cache_dir / "embeddings").glob("*.sqlite")
    db = sqlite3.connect(path)
    made = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'kept'").fetchone()
    keys = [key for (key,) in db.execute("SELECT key FROM kept")] if made else []
    db.close()
    return KeyedStore(path).get(keys)


def wait_until_something_is_kept(settings, more_than):
    for _ in range(1000):
        if list(settings.cache_dir.rglob("*.sqlite")) and len(kept(settings)) > more_than:
            return
        time.sleep(0.01)


def test_killed_again_and_again(settings, network, shop, launcher, tmp_path):
    before = {}
    for moment in (0.03, 0, 0.05, 0.01, 0.02):
        worker = launch(launcher)
        wait_until_something_is_kept(settings, more_than=len(before))
        time.sleep(moment)
        os.kill(worker, signal.SIGKILL)
        now = kept(settings)
        assert before.items() <= now.items()
        before = now
    assert signal.SIGKILL in results(launcher)
    assert before
    finished = embed(settings, network, shop)
    assert before.items() <= kept(settings).items()
    unbroken = embed(replace(settings, cache_dir=tmp_path / "other"), network, shop)
    assert np.array_equal(finished.matrix, unbroken.matrix)
    assert finished.present.all()
    assert not list(settings.cache_dir.rglob("*.damaged"))


def test_two_processes_at_once(settings, network, shop, launcher, tmp_path):
    launch(launcher)
    launch(launcher)
    assert results(launcher) == [0, 0]
    assert len(kept(settings)) == 400
    expected = embed(replace(settings, cache_dir=tmp_path / "other"), network, shop)
    assert np.array_equal(embed(settings, network, shop).matrix, expected.matrix)

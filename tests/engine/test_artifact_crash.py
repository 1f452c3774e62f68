"""A writer that fails, or is killed, at any step leaves the old engine or the new one, never neither."""

import errno
import json
import os
import subprocess
import sys

import pytest

from aisle.engine.artifact import open_artifact, verify
from aisle.engine.artifact_writer import write_artifact
from aisle.errors import EngineError

OLD = {"a.json": b"1", "plots/old.svg": b"<svg/>"}
NEW = {"a.json": b"22", "plots/new.svg": b"<svg></svg>", "b/c/d.bin": b"\0" * 5000}

EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "os.listdir", "shutil.rmtree")


class Tripwire:
    """Raises at the n-th step that touches the disk, once; a hook cannot be removed, only disarmed."""

    def __init__(self):
        self.left = 0
        self.error = None
        self.root = ""
        sys.addaudithook(self.hook)

    def hook(self, event, args):
        if self.error is None or event not in EVENTS:
            return
        # Handles and relative names are steps within a folder that is open; other places are Python's own.
        path = str(args[0])
        if not os.path.isabs(path) or path.startswith(self.root):
            self.left -= 1
            if self.left == 0:
                error, self.error = self.error, None
                raise error


tripwire = Tripwire()


def held(folder):
    artifact = open_artifact(folder)
    artifact.verify()
    return {name: artifact.read(name) for name in artifact.files}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, MemoryError])
def test_an_error_at_any_step_leaves_the_old_or_the_new(tmp_path, error):
    outcomes, returned = [], []
    tripwire.root = str(tmp_path)
    for step in range(1, 200):
        folder = tmp_path / str(step) / "engine"
        write_artifact(folder, OLD, about={})
        tripwire.left, tripwire.error = step, error(errno.EIO, "Input/output error")
        try:
            write_artifact(folder, NEW, about={})
            returned.append(True)
        except (KeyboardInterrupt, MemoryError, EngineError):
            returned.append(False)
        finally:
            left, tripwire.error = tripwire.left, None
        assert folder.is_dir()
        outcomes.append(held(folder))
        assert not list(folder.parent.glob(".*.part"))
        write_artifact(folder, {"later": b""}, about={})
        assert held(folder) == {"later": b""}
        if left > 0:
            break
    assert len(outcomes) > 20
    if error is OSError:  # that something failed is said exactly where the old engine stayed
        assert outcomes == [NEW if done else OLD for done in returned]
        assert returned.count(False) > 10
    else:
        first = outcomes.index(NEW)
        assert first > 10
        assert outcomes == [OLD] * first + [NEW] * (len(outcomes) - first)


# Forks one writer per step and kills it there: a new interpreter each time would take minutes.
KILLED = """
import json, os, sys
from pathlib import Path
from aisle.engine.artifact import open_artifact
from aisle.engine.artifact_writer import write_artifact
from aisle.errors import EngineError

root, old, new = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
old, new = ({name: text.encode() for name, text in files.items()} for files in (old, new))
events = set(sys.argv[4].split())

def kill_at(step):
    left = step
    def hook(event, args=()):
        nonlocal left
        if event in events:
            left -= 1
            if left == 0:
                os._exit(9)
    sys.addaudithook(hook)
    real = os.fsync
    def fsync(handle):
        hook("open")  # a file whose content may not be on the disk yet
        real(handle)
    os.fsync = fsync

def state(folder):
    try:
        artifact = open_artifact(folder)
        artifact.verify()
    except EngineError:
        return "nothing"
    found = {name: artifact.read(name) for name in artifact.files}
    return {True: "old", False: "other"}[found == old] if found != new else "new"

for step in range(1, 500):
    folder = root / str(step) / "engine"
    folder.parent.mkdir()
    if old:
        write_artifact(folder, old, about={})
    pid = os.fork()
    if not pid:
        kill_at(step)
        write_artifact(folder, new, about={})
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    after = state(folder)
    write_artifact(folder, new, about={})
    print(status, after, state(folder), int(folder.is_dir()), flush=True)
    if status == 0:
        break
"""


@pytest.mark.parametrize("old", [OLD, {}], ids=["an old engine", "no engine"])
def test_a_kill_at_any_step_leaves_the_old_or_the_new(tmp_path, old):
    old, new = ({name: data.decode() for name, data in files.items()} for files in (old, NEW))
    events = " ".join(EVENTS)
    command = [sys.executable, "-c", KILLED, str(tmp_path), json.dumps(old), json.dumps(new), events]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [status for status, *_ in rows] == ["9"] * (len(rows) - 1) + ["0"]
    states = [state for _, state, *_ in rows]
    first = states.index("new")
    assert first > 10
    assert states == ["old" if old else "nothing"] * first + ["new"] * (len(rows) - first)
    assert {(after, folder) for _, _, after, folder in rows} == {("new", "1")}


def test_killed_between_the_two_renames(tmp_path, caplog):
    folder = tmp_path / "engine"
    write_artifact(folder, OLD, about={})
    folder.rename(tmp_path / ".engine.previous")  # as far as the writer came
    assert held(folder) == OLD
    assert "a program was stopped while it replaced it" in caplog.text
    verify(folder)
    write_artifact(folder, NEW, about={})
    assert held(folder) == NEW
    assert os.listdir(tmp_path) == ["engine"]

"""An engine folder written by hand beside a secret, ways to spoil it, and a watch on what is opened meanwhile."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from aisle.engine.artifact import open_artifact
from aisle.errors import EngineError

FILES = {
    "heads.safetensors": save({"w": np.arange(4, dtype=np.float32), "b": np.array([True])}),
    "taxonomy.json": b'{"a": [1, 2.5, "x"]}',
    "sub/deep/card.md": b"# card",
}
SECRET = b'{"password": 1}'


class Watch:
    """Records what is opened, listed or started between `begin` and `end`; a hook cannot be removed, only ignored."""

    events = ("open", "os.listdir", "os.scandir", "os.exec", "os.system", "subprocess.Popen", "socket.connect")

    def __init__(self):
        self.seen = None
        sys.addaudithook(self.hook)

    def hook(self, event, args):
        if self.seen is not None and (event in self.events or event.startswith("pickle")):
            self.seen.append((event, *args))


watch = Watch()


def listing(files):
    return {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}


def manifest(_listed, **other):
    value = {"about": {}, "files": listing(_listed), "format": 1, "written_by": "aisle 0.1.0", **other}
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def write(folder, files, **other):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "manifest.json").write_bytes(manifest(files, **other))


@contextlib.contextmanager
def time_limit(seconds=10):
    def stop(*_):
        raise TimeoutError("blocked")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def nothing_outside(folder):
    """Fail if anything outside of the folder is opened: by the audit hook, and by what the handles really are."""
    handles = []
    real_open = os.open

    def opened(*args, **kwargs):
        handle = real_open(*args, **kwargs)
        if os.path.isdir("/proc/self/fd"):  # elsewhere the audit hook is the only witness
            handles.append(os.readlink(f"/proc/self/fd/{handle}"))
        return handle

    real = folder.resolve()
    with pytest.MonkeyPatch.context() as patch, time_limit():
        patch.setattr(os, "open", opened)
        watch.seen = []
        try:
            yield
        finally:
            seen, watch.seen = watch.seen, None
    for path in handles:
        assert Path(path).is_relative_to(real), path
    for event, path, *rest in seen:
        assert event == "open", (event, path)
        if isinstance(path, int):
            continue  # a handle that is already open, and was checked above
        flags = rest[1]
        assert not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if os.path.isabs(path):
            assert ".." not in Path(path).parts
            assert Path(path).is_relative_to(folder) or Path(path).is_relative_to(real), path
        else:  # relative to a handle: one step down, never through a link
            assert "/" not in path
            assert path not in {"", ".", ".."}
            assert flags & os.O_NOFOLLOW


def load(folder):
    artifact = open_artifact(folder)
    for name in artifact.files:
        artifact.read(name)
        if name.endswith(".json"):
            artifact.json(name)
        if name.endswith(".safetensors"):
            artifact.tensors(name)
    artifact.verify()
    return artifact


def refuse(folder, match):
    with nothing_outside(folder), pytest.raises(EngineError, match=match) as caught:
        load(folder)
    assert type(caught.value) is EngineError
    assert len(str(caught.value)) < 1000
    return str(caught.value)


def put_link(path, target):
    path.unlink()
    path.symlink_to(target)


def put_folder_link(path, target):
    shutil.rmtree(path)
    path.symlink_to(target)


def put_hard_link(path):
    path.unlink()
    path.with_suffix(".other").write_bytes(FILES["taxonomy.json"])
    os.link(path.with_suffix(".other"), path)


def put_node(path, kind, device=0):
    path.unlink()
    try:
        os.mknod(path, kind | 0o600, device)
    except PermissionError:
        pytest.skip("only an administrator makes devices")


def put_folder(path):
    path.unlink()
    path.mkdir()

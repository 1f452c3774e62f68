"""Folders made to mislead: each gives the one error, names the file, and nothing outside the folder is opened."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from aisle.engine import folder_reader
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


@pytest.fixture(params=[True, False], ids=["handles", "paths"])
def world(request, tmp_path, monkeypatch):
    """A valid engine written by hand beside a secret; also as on systems whose folders have no handles."""
    if not request.param:
        monkeypatch.setattr(folder_reader, "_HAS_HANDLES", False)
    (tmp_path / "secret.json").write_bytes(SECRET)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "card.md").write_bytes(FILES["sub/deep/card.md"])
    write(tmp_path / "engine", FILES)
    empty = tmp_path / "here"
    empty.mkdir()
    monkeypatch.chdir(empty)
    return tmp_path


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


def test_the_engine_made_by_hand_is_good(world):
    with nothing_outside(world / "engine"):
        artifact = load(world / "engine")
    assert artifact.read("sub/deep/card.md") == b"# card"
    (world / "link").symlink_to("engine")
    with nothing_outside(world / "link"):
        load(world / "link")


def read_a_secret(world):
    (world / "secret.json").read_bytes()


def step_out(world):
    handle = os.open(world / "engine", os.O_RDONLY)
    try:
        os.close(os.open("../secret.json", os.O_RDONLY, dir_fd=handle))
    finally:
        os.close(handle)


@pytest.mark.parametrize("careless", [read_a_secret, step_out, os.listdir])
def test_the_watch_sees(world, careless):
    with pytest.raises(AssertionError), nothing_outside(world / "engine"):
        careless(world)


NAMES = [
    "../secret.json",
    "sub/../../secret.json",
    "./taxonomy.json",
    "sub/./x",
    "sub//x",
    "/etc/passwd",
    "//host/share",
    "..",
    ".",
    "",
    "sub/",
    "..\\secret.json",
    "sub\\x",
    "\\\\host\\share",
    "C:secret.json",
    "C:\\secret.json",
    "x:stream",
    "nul\x00byte",
    "secret.json\x00.md",
    ".hidden",
    "sub/.git",
    "-rf",
    "a b",
    "new\nline",
    "café",
    "\u202egpj.exe",
    "dot.",
    "space ",
    "CON",
    "nul.json",
    "sub/COM1.txt",
    "~/x",
    "$HOME",
    "a/b/c/d/e",
    "n" * 101,
    "/".join(["n" * 60] * 4),
    "manifest.json",
    "Manifest.JSON",
    "manifest.json/x",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere(world, name):
    folder = world / "engine"
    value = json.loads(manifest(FILES))
    value["files"] |= listing({name: SECRET})  # the right hash: of what a careless reader would find
    (folder / "manifest.json").write_bytes(
        (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
    )
    message = refuse(folder, "manifest.json lists")
    assert repr(name[:100]) in message or "cannot be told from" in message or "inside of a file" in message


@pytest.mark.parametrize(
    ("names", "match"),
    [
        (("Taxonomy.json",), "cannot be told from"),
        (("SUB/deep/card.md",), "cannot be told from"),
        (("taxonomy.json/x",), "inside of a file"),
        (("Sub",), "inside of a file"),
    ],
)
def test_names_that_mean_two_things(world, names, match):
    folder = world / "engine"
    (folder / "manifest.json").write_bytes(manifest({**FILES, **dict.fromkeys(names, b"")}))
    refuse(folder, match)


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


DISKS = {
    "no manifest": (lambda f: (f / "manifest.json").unlink(), r"manifest\.json is missing"),
    "a link to a secret": (lambda f: put_link(f / "taxonomy.json", "../secret.json"), r"taxonomy\.json is a symbolic"),
    "a link within": (lambda f: put_link(f / "taxonomy.json", "heads.safetensors"), "is a symbolic link"),
    "a link to nowhere": (lambda f: put_link(f / "taxonomy.json", "nowhere"), "is a symbolic link"),
    "a link to itself": (lambda f: put_link(f / "taxonomy.json", "taxonomy.json"), "is a symbolic link"),
    "a link to a device": (lambda f: put_link(f / "taxonomy.json", "/dev/zero"), "is a symbolic link"),
    "a linked manifest": (lambda f: put_link(f / "manifest.json", "../secret.json"), r"manifest\.json is a symbolic"),
    "a linked folder": (lambda f: put_folder_link(f / "sub" / "deep", "../../outside"), "through a link or a file"),
    "a linked upper folder": (lambda f: put_folder_link(f / "sub", ".."), "through a link or a file"),
    "a hard link": (lambda f: put_hard_link(f / "taxonomy.json"), r"taxonomy\.json is a hard link"),
    "a pipe": (lambda f: put_node(f / "taxonomy.json", stat.S_IFIFO), r"taxonomy\.json is no file but a pipe"),
    "a pipe for a manifest": (lambda f: put_node(f / "manifest.json", stat.S_IFIFO), "is no file but a pipe"),
    "a socket": (lambda f: put_node(f / "taxonomy.json", stat.S_IFSOCK), "is no file but a pipe"),
    "a device": (lambda f: put_node(f / "taxonomy.json", stat.S_IFCHR, os.makedev(1, 5)), "is no file but a pipe"),
    "a folder": (lambda f: put_folder(f / "taxonomy.json"), r"taxonomy\.json is a folder"),
    "a folder for a manifest": (lambda f: put_folder(f / "manifest.json"), r"manifest\.json is a folder"),
    "a file for a folder": (
        lambda f: (shutil.rmtree(f / "sub"), (f / "sub").write_text("")),
        r"card\.md is reached through a link or a file",
    ),
    "a missing file": (lambda f: (f / "taxonomy.json").unlink(), r"taxonomy\.json is missing"),
    "a missing folder": (lambda f: shutil.rmtree(f / "sub"), r"card\.md is missing"),
    "another content": (
        lambda f: (f / "taxonomy.json").write_bytes(FILES["taxonomy.json"].replace(b"1", b"7")),
        r"taxonomy\.json is not the file that the engine was made with \(its SHA-256 is [0-9a-f]{64}, not",
    ),
    "a cut file": (
        lambda f: (f / "taxonomy.json").write_bytes(FILES["taxonomy.json"][:-1]),
        r"taxonomy\.json is cut short \(19 instead of 20\)",
    ),
    "an emptied file": (lambda f: (f / "heads.safetensors").write_bytes(b""), r"heads\.safetensors is cut short"),
    "an extra byte": (
        lambda f: (f / "taxonomy.json").write_bytes(FILES["taxonomy.json"] + b"\n"),
        r"taxonomy\.json has more bytes than it should \(21 instead of 20\)",
    ),
    "a huge file": (lambda f: os.truncate(f / "taxonomy.json", 2**40), "has more bytes than it should"),
    "a huge manifest": (lambda f: os.truncate(f / "manifest.json", 2**40), "may have 1,048,576"),
}


@pytest.mark.parametrize("case", DISKS)
def test_what_lies_on_the_disk(world, case):
    change, match = DISKS[case]
    change(world / "engine")
    refuse(world / "engine", match)


@pytest.mark.parametrize("name", ["", "a\0b", "n" * 300])
def test_folders_that_cannot_be(world, name):
    with pytest.raises(EngineError):
        open_artifact(Path(name) if name else world / "here")


def test_a_file_a_pipe_and_a_loop_in_place_of_the_folder(world):
    os.mkfifo(world / "pipe")
    (world / "loop").symlink_to("loop")
    for name in ("secret.json", "pipe", "loop", "secret.json/x"):
        with time_limit(), pytest.raises(EngineError, match=r"is a file|there is no engine"):
            open_artifact(world / name)


def test_a_file_that_may_not_be_read(world, monkeypatch):
    def denied(path, *args, **kwargs):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(EngineError, match=r"engine/manifest\.json cannot be read \(Permission denied\)"):
        open_artifact(world / "engine")


def by_another_file(folder):
    (folder / "sub" / "deep" / "card.md").rename(folder / "sub" / "old.md")
    (folder / "sub" / "deep" / "card.md").write_bytes(FILES["sub/deep/card.md"])


EXCHANGES = {
    "by another file": (by_another_file, "card.md", r"card\.md was exchanged while it was opened"),
    "by a link": (
        lambda f: put_link(f / "sub" / "deep" / "card.md", "../../../outside/card.md"),
        "card.md",
        r"card\.md is reached through a symbolic link",
    ),
    "by a folder": (lambda f: put_folder(f / "sub" / "deep" / "card.md"), "card.md", r"card\.md is a folder"),
    "by a pipe": (
        lambda f: put_node(f / "sub" / "deep" / "card.md", stat.S_IFIFO),
        "card.md",
        r"card\.md is no file but a pipe",
    ),
    "the folder by a link": (
        lambda f: put_folder_link(f / "sub" / "deep", "../../outside"),
        "deep",
        r"card\.md lies where there is no folder|card\.md is reached through a symbolic link",
    ),
}


@pytest.mark.parametrize("case", EXCHANGES)
def test_exchanged_between_the_look_and_the_opening(world, monkeypatch, case):
    """What was seen under a name does not count; the open handle does."""
    change, seen, match = EXCHANGES[case]
    if seen == "deep" and not folder_reader._HAS_HANDLES:
        pytest.skip("without handles of folders, only the hash protects from this")
    folder = world / "engine"
    artifact = open_artifact(folder)
    real_stat = os.stat
    waiting = [change]

    def exchanged(path, *args, **kwargs):
        found = real_stat(path, *args, **kwargs)
        if waiting and str(path).endswith(seen):
            noted, watch.seen = watch.seen, None
            waiting.pop()(folder)
            watch.seen = noted
        return found

    monkeypatch.setattr(os, "stat", exchanged)
    with nothing_outside(folder), pytest.raises(EngineError, match=match):
        artifact.read("sub/deep/card.md")
    assert not waiting

"""Links, pipes, devices, cut files: each gives the one error and names the file, and nothing outside is opened."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from aisle.engine.artifact import open_artifact
from aisle.errors import EngineError

from .spoilt_engine import FILES, put_folder, put_folder_link, put_hard_link, put_link, put_node, refuse, time_limit

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

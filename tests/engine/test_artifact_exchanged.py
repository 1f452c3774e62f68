"""Files exchanged while they are opened: the open handle counts, and not what was seen under the name."""

import os
import stat

import pytest

from aisle.engine import folder_reader
from aisle.engine.artifact import open_artifact
from aisle.errors import EngineError

from .spoilt_engine import FILES, nothing_outside, put_folder, put_folder_link, put_link, put_node, watch


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

"""Writing an engine: whole or not at all, and nobody's own folder is ever emptied."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from aisle.engine import artifact_writer
from aisle.engine.artifact import open_artifact
from aisle.engine.artifact_writer import write_artifact
from aisle.errors import DiskFullError, EngineError

OLD = {"a.json": b"1", "plots/old.svg": b"<svg/>"}
NEW = {"a.json": b"22", "plots/new.svg": b"<svg></svg>", "b/c/d.bin": b"\0" * 5000}


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def held(folder):
    artifact = open_artifact(folder)
    artifact.verify()
    return {name: artifact.read(name) for name in artifact.files}


def test_a_new_engine_takes_the_place_of_the_old(tmp_path):
    folder = tmp_path / "engines" / "mine"
    write_artifact(folder, OLD, about={})
    write_artifact(folder, NEW, about={})
    assert contents(folder).keys() == {*NEW, "manifest.json"}
    assert held(folder) == NEW
    assert os.listdir(folder.parent) == ["mine"]


def test_files_have_the_rights_that_any_program_gives_them(tmp_path):
    before = os.umask(0o027)
    try:
        write_artifact(tmp_path / "engine", NEW, about={})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "engine" / "b" / "c").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "engine" / "b" / "c" / "d.bin").stat().st_mode) == 0o640


def test_an_empty_folder_is_used(tmp_path):
    write_artifact(tmp_path, OLD, about={})
    assert held(tmp_path) == OLD


def their_own(folder):
    (folder / "thesis.doc").write_text("years of work")


def their_code(folder):
    # A browser extension has a manifest.json, too.
    (folder / "manifest.json").write_text('{"manifest_version": 3, "name": "mine"}')


def only_folders(folder):
    (folder / "empty" / "empty").mkdir(parents=True)


def a_note_in_an_engine(folder):
    write_artifact(folder, OLD, about={})
    (folder / "notes.txt").write_text("mine")


def a_repository_in_an_engine(folder):
    write_artifact(folder, OLD, about={})
    (folder / ".git" / "objects").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main")


def a_note_beside_the_plots(folder):
    write_artifact(folder, OLD, about={})
    (folder / "plots" / "mine.svg").write_text("mine")


def a_folder_for_a_file(folder):
    write_artifact(folder, OLD, about={})
    (folder / "a.json").unlink()
    (folder / "a.json").mkdir()
    (folder / "a.json" / "mine").write_text("mine")


def a_file_for_a_folder(folder):
    write_artifact(folder, OLD, about={})
    (folder / "plots" / "old.svg").unlink()
    (folder / "plots").rmdir()
    (folder / "plots").write_text("mine")


def a_newer_engine(folder):
    write_artifact(folder, OLD, about={})
    value = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**value, "format": 3}))


def a_broken_manifest(folder):
    write_artifact(folder, OLD, about={})
    (folder / "manifest.json").write_text("{")


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (their_own, "is not empty and holds no engine that could be replaced"),
        (their_code, "is not empty and holds no engine that could be replaced"),
        (only_folders, "is not empty and holds no engine that could be replaced"),
        (a_newer_engine, "made by a newer Aisle"),
        (a_broken_manifest, "is not empty and holds no engine that could be replaced"),
        (a_note_in_an_engine, r"holds 'notes\.txt', which is no part of the engine there and would be lost"),
        (a_repository_in_an_engine, r"holds '\.git'"),
        (a_note_beside_the_plots, r"holds 'plots/mine\.svg'"),
        (a_folder_for_a_file, r"holds 'a\.json'"),
        (a_file_for_a_folder, "holds 'plots'"),
    ],
)
def test_what_is_no_engine_is_never_replaced(tmp_path, make, match):
    folder = tmp_path / "folder"
    folder.mkdir()
    make(folder)
    before = contents(folder)
    with pytest.raises(EngineError, match=match) as caught:
        write_artifact(folder, NEW, about={})
    assert "Nothing was changed" in str(caught.value)
    assert "choose another folder" in str(caught.value)
    assert contents(folder) == before
    assert os.listdir(tmp_path) == ["folder"]


def test_a_damaged_engine_and_what_a_file_browser_left_are_replaced(tmp_path):
    folder = tmp_path / "engine"
    write_artifact(folder, OLD, about={})
    (folder / "a.json").write_bytes(b"damaged")
    (folder / "plots" / "old.svg").unlink()
    (folder / "plots" / ".DS_Store").write_bytes(b"\0")
    write_artifact(folder, NEW, about={})
    assert held(folder) == NEW


def test_links_in_an_old_engine_are_removed_not_followed(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "old.svg").write_text("mine")
    folder = tmp_path / "engine"
    write_artifact(folder, OLD, about={})
    (folder / "a.json").unlink()
    (folder / "a.json").symlink_to(mine / "old.svg")
    write_artifact(folder, NEW, about={})
    assert held(folder) == NEW
    assert (mine / "old.svg").read_text() == "mine"
    (folder / "plots" / "new.svg").unlink()
    (folder / "plots").rmdir()
    (folder / "plots").symlink_to(mine)
    with pytest.raises(EngineError, match="holds 'plots'"):
        write_artifact(folder, OLD, about={})
    assert (mine / "old.svg").read_text() == "mine"


@pytest.mark.parametrize("name", ["../x", "/x", "a\\b", "C:x", "", ".x", "a/", "manifest.json", "x\0y", "nul", "é"])
def test_names_that_could_not_be_read_are_not_written(tmp_path, name):
    with pytest.raises(EngineError, match=r"manifest\.json lists"):
        write_artifact(tmp_path / "engine", {"good": b"", name: b""}, about={})
    assert list(tmp_path.iterdir()) == []


def test_too_much_and_too_little(tmp_path, monkeypatch):
    with pytest.raises(EngineError, match="lists no files"):
        write_artifact(tmp_path / "engine", {}, about={})
    with pytest.raises(EngineError, match="and may have 1,048,576"):
        write_artifact(tmp_path / "engine", {"a": b""}, about={"x": "y" * (1 << 20)})
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(EngineError, match="file is a file, and an engine is a folder"):
        write_artifact(tmp_path / "file", NEW, about={})
    with pytest.raises(EngineError, match=r"cannot be written to .*/file/engine: "):
        write_artifact(tmp_path / "file" / "engine", NEW, about={})
    with pytest.raises(EngineError, match="cannot be an engine; choose a folder of its own"):
        write_artifact(Path("/"), NEW, about={})
    with pytest.raises(EngineError, match=r"cannot be written to .*: File name too long"):
        write_artifact(tmp_path / ("n" * 300), NEW, about={})
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("step", ["fsync", "mkdir"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_in_words(tmp_path, monkeypatch, step, code):
    folder = tmp_path / "engine"
    write_artifact(folder, OLD, about={})

    def full(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(DiskFullError, match=r"engine was not written\. Free") as caught:
        write_artifact(folder, NEW, about={})
    monkeypatch.undo()
    assert caught.value.errno == code
    assert held(folder) == OLD
    assert os.listdir(tmp_path) == ["engine"]


def test_a_folder_that_only_looks_like_a_leftover_is_kept(tmp_path):
    folder = tmp_path / "engine"
    write_artifact(folder, OLD, about={})
    (tmp_path / ".engine.previous").mkdir()
    (tmp_path / ".engine.previous" / "thesis.doc").write_text("years of work")
    with pytest.raises(EngineError, match=r"\.engine\.previous is not empty"):
        write_artifact(folder, NEW, about={})
    assert (tmp_path / ".engine.previous" / "thesis.doc").read_text() == "years of work"
    assert held(folder) == OLD


def test_an_old_engine_that_cannot_be_removed_is_named(tmp_path, monkeypatch, caplog):
    folder = tmp_path / "engine"
    write_artifact(folder, OLD, about={})

    def denied(path, **_):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(artifact_writer.shutil, "rmtree", denied)
        write_artifact(folder, NEW, about={})
    assert held(folder) == NEW
    (left,) = (path for path in tmp_path.iterdir() if path.name != "engine")
    assert f"remove {left}" in caplog.text
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(EngineError, match="there is no engine at"):  # what is left over is never taken for one
        open_artifact(folder)

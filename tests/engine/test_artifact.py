"""An engine's folder: what is written is what is read, byte for byte, and what the manifest says of it."""

import hashlib
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save

import aisle
from aisle.engine.artifact import open_artifact, verify
from aisle.engine.artifact_writer import write_artifact
from aisle.engine.layout import Layout
from aisle.errors import AisleError, EngineError

ABOUT = {"taxonomy": "3f2a", "decode": 4, "encoders": {"title": "minilm", "photo": "lite0"}, "name": "Été 名"}
ARRAYS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "half": np.array([0.5, -2], dtype=np.float16),
    "count": np.array(7, dtype=np.int64),
    "none": np.zeros((0, 4), dtype=np.uint8),
    "seen": np.array([True, False]),
}
FILES = {
    "taxonomy.json": b'{"paths": [["A", "B"]], "\\u540d": 1.5}',
    "heads.safetensors": save(ARRAYS, metadata={"made": "here"}),
    "README.md": b"# Une carte\r\n",
    "plots/by-size/reliability.svg": b"<svg/>",
    "empty.bin": b"",
}


@pytest.fixture
def engine(tmp_path):
    write_artifact(tmp_path / "engine", FILES, about=ABOUT)
    return tmp_path / "engine"


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_was_written_is_read(engine):
    artifact = open_artifact(engine)
    assert {name: artifact.read(name) for name in artifact.files} == FILES
    assert dict(artifact.about) == ABOUT
    assert artifact.json("taxonomy.json") == {"paths": [["A", "B"]], "名": 1.5}
    tensors = artifact.tensors("heads.safetensors")
    assert tensors.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert tensors[name].dtype == array.dtype
        assert tensors[name].shape == array.shape
        assert np.array_equal(tensors[name], array)
    artifact.verify()
    assert Layout(engine).card.read_text(encoding="utf-8").startswith("# Une carte")


def test_tensors_laid_out_by_hand(tmp_path):
    # https://github.com/huggingface/safetensors#format: a length, a header, the numbers; spaces may fill the header.
    header = (
        b'{"x":{"dtype":"I16","shape":[2],"data_offsets":[1,5]},"y":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}  '
    )
    data = len(header).to_bytes(8, "little") + header + b"\x07" + b"\x01\x00" + b"\xff\xff"
    write_artifact(tmp_path / "engine", {"t.safetensors": data}, about={})
    found = open_artifact(tmp_path / "engine").tensors("t.safetensors")
    assert found["x"].tolist() == [1, -1]
    assert found["y"].tolist() == 7


def test_the_manifest_lists_sizes_hashes_and_versions(engine):
    text = (engine / "manifest.json").read_text(encoding="utf-8")
    manifest = json.loads(text)
    assert manifest == {
        "format": 2,
        "written_by": f"aisle {aisle.__version__}",
        "about": ABOUT,
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in FILES.items()
        },
    }
    assert text == json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_the_fingerprint_is_the_manifests(tmp_path):
    name = write_artifact(tmp_path / "engine", FILES, about=ABOUT)
    assert name == hashlib.sha256((tmp_path / "engine" / "manifest.json").read_bytes()).hexdigest()[:12]
    assert open_artifact(tmp_path / "engine").fingerprint == verify(tmp_path / "engine") == name
    assert write_artifact(tmp_path / "other", {**FILES, "empty.bin": b"!"}, about=ABOUT) != name
    assert write_artifact(tmp_path / "other", FILES, about={}) != name


def test_the_same_engine_is_the_same_bytes(engine, tmp_path):
    backwards = dict(reversed(FILES.items()))
    write_artifact(tmp_path / "again", backwards, about=dict(reversed(ABOUT.items())))
    assert contents(tmp_path / "again") == contents(engine)
    code = (
        "import sys, pathlib\nfrom aisle.engine.artifact_writer import write_artifact\n"
        "write_artifact(pathlib.Path(sys.argv[1]), {name: name.encode() for name in {'a', 'b', 'c/d'}}, "
        "about={})"
    )
    for seed in "12":
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, str(tmp_path / seed)], check=True, env=environ, timeout=60)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
    assert contents(tmp_path / "1")["c/d"] == b"c/d"


def test_the_folder_may_be_reached_through_a_link(engine, tmp_path):
    link = tmp_path / "current"
    link.symlink_to(engine)
    assert open_artifact(link).read("README.md") == FILES["README.md"]
    verify(link)
    new = write_artifact(link, {"a": b"1"}, about={})
    assert link.is_symlink()
    assert open_artifact(engine).fingerprint == new


def test_the_folder_may_be_named_by_a_text_or_from_here(engine, monkeypatch):
    assert open_artifact(str(engine)).fingerprint == open_artifact(engine).fingerprint
    monkeypatch.chdir(engine)
    assert open_artifact(".").read("empty.bin") == b""
    monkeypatch.chdir(engine.parent)
    assert open_artifact("engine").read("empty.bin") == b""


def test_files_that_the_manifest_does_not_list_are_ignored(engine):
    (engine / "notes.txt").write_text("mine")
    os.mkfifo(engine / "pipe")
    (engine / "link").symlink_to("/etc/passwd")
    verify(engine)
    artifact = open_artifact(engine)
    assert artifact.files.keys() == FILES.keys()
    for name in ("notes.txt", "manifest.json", "pipe", "../engine/notes.txt", ""):
        with pytest.raises(EngineError, match="lists no file"):
            artifact.read(name)


def test_an_engine_that_changes_under_its_reader(engine):
    artifact = open_artifact(engine)
    assert artifact.read("README.md") == FILES["README.md"]
    write_artifact(engine, {**FILES, "README.md": b"# another thing"}, about=ABOUT)
    with pytest.raises(EngineError, match=r"README\.md .*copy the engine again"):
        artifact.read("README.md")
    write_artifact(engine, {"only.json": b"1"}, about=ABOUT)
    with pytest.raises(EngineError, match=r"README\.md is missing"):
        artifact.read("README.md")


def test_nothing_of_an_artifact_can_be_set(engine):
    artifact = open_artifact(engine)
    with pytest.raises(TypeError):
        artifact.files["x"] = artifact.files["README.md"]
    with pytest.raises(TypeError):
        artifact.about["x"] = 1
    with pytest.raises(AttributeError):
        artifact.folder = engine


def test_the_error_is_of_the_family(tmp_path):
    with pytest.raises(AisleError, match=re.escape(f"there is no engine at {tmp_path / 'no'}")) as caught:
        open_artifact(tmp_path / "no")
    assert isinstance(caught.value, ValueError)
    assert f"`aisle train CATALOG --out {tmp_path / 'no'}` makes one" in str(caught.value)


def test_loading_needs_nothing_heavy():
    code = (
        "import aisle.engine.artifact, sys\n"
        "print(*{'scipy', 'sklearn', 'onnx', 'onnxruntime', 'PIL', 'pandas', 'tokenizers'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []

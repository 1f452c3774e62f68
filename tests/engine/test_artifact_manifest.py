"""Manifests that lie, and a byte changed or cut anywhere: the one error, or the engine as it was."""

import contextlib
import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from aisle.engine.artifact import open_artifact
from aisle.errors import EngineError

FILES = {
    "heads.safetensors": save({"w": np.arange(4, dtype=np.float32), "b": np.array([True])}),
    "taxonomy.json": b'{"a": [1, 2.5, "x"]}',
    "sub/deep/card.md": b"# card",
}


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


MANIFESTS = {
    "the future": (manifest(FILES, format=3), r"made by a newer Aisle \(format 3, this one reads 2\): upgrade Aisle"),
    "the far future": (b'{"format": 99, "what": {}}', "made by a newer Aisle"),
    "the past": (manifest(FILES, format=0), "format 0, which this Aisle does not read .* train the engine anew"),
    "a negative format": (manifest(FILES, format=-1), "format -1"),
    "a text for a format": (manifest(FILES, format="1"), "is no manifest of an engine"),
    "a truth for a format": (manifest(FILES, format=True), "is no manifest of an engine"),
    "a fraction for a format": (manifest(FILES, format=1.0), "is no manifest of an engine"),
    "no format": (b"{}\n", "is no manifest of an engine"),
    "a list": (b"[1]\n", "is no manifest of an engine"),
    "nothing": (b"", "is not JSON"),
    "another program's": (b'{"manifest_version": 3, "name": "extension"}', "is no manifest of an engine"),
    "one key more": (manifest(FILES, extra=1), "does not hold what a manifest holds"),
    "one key less": (b'{\n  "format": 1\n}\n', "does not hold what a manifest holds"),
    "no files": (manifest({}), "lists no files"),
    "a list of files": (manifest({}, files=["taxonomy.json"]), "lists no files"),
    "a file without hash": (manifest({}, files={"a": {"bytes": 1}}), "does not describe 'a'"),
    "a file of nothing": (manifest({}, files={"a": None}), "does not describe 'a'"),
    "a short hash": (manifest({}, files={"a": {"bytes": 1, "sha256": "ab"}}), "gives 'a' no SHA-256"),
    "a loud hash": (manifest({}, files={"a": {"bytes": 1, "sha256": "AB" * 32}}), "gives 'a' no SHA-256"),
    "a number as hash": (manifest({}, files={"a": {"bytes": 1, "sha256": 1}}), "gives 'a' no SHA-256"),
    "a negative size": (manifest({}, files={"a": {"bytes": -1, "sha256": "ab" * 32}}), "gives 'a' a size"),
    "a huge size": (manifest({}, files={"a": {"bytes": 2**31 + 1, "sha256": "ab" * 32}}), "gives 'a' a size"),
    "a size that is a truth": (manifest({}, files={"a": {"bytes": True, "sha256": "ab" * 32}}), "gives 'a' a size"),
    "a fraction of a size": (manifest({}, files={"a": {"bytes": 1.5, "sha256": "ab" * 32}}), "gives 'a' a size"),
    "a huge total": (
        manifest({}, files={f"f{n}": {"bytes": 2**31, "sha256": "ab" * 32} for n in range(5)}),
        "at most 8,589,934,592",
    ),
    "about nothing": (manifest(FILES, about=None), "does not say what made the engine"),
    "written by a number": (manifest(FILES, written_by=1), "does not say what made the engine"),
    "other line ends": (manifest(FILES).replace(b"\n", b"\r\n"), "line ends converted"),
    "another order": (json.dumps(json.loads(manifest(FILES))).encode(), "byte for byte"),
    "a space more": (manifest(FILES) + b" ", "byte for byte"),
    "a mark in front": (b"\xef\xbb\xbf" + manifest(FILES), "is not JSON"),
    "two files of one name": (
        manifest(FILES).replace(b'"sub/deep/card.md"', b'"taxonomy.json"'),
        "a key occurs twice",
    ),
}


@pytest.mark.parametrize("case", MANIFESTS)
def test_manifests(tmp_path, case):
    data, match = MANIFESTS[case]
    write(tmp_path / "engine", FILES)
    load(tmp_path / "engine")
    (tmp_path / "engine" / "manifest.json").write_bytes(data)
    with pytest.raises(EngineError, match=match) as caught:
        open_artifact(tmp_path / "engine")
    assert str(tmp_path / "engine" / "manifest.json") in str(caught.value)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flips") / "engine"
    write(folder, FILES)
    (folder / "notes.txt").write_bytes(b"not listed")
    return folder


def test_a_manifest_cut_anywhere(small):
    whole = (small / "manifest.json").read_bytes()
    try:
        for length in range(len(whole)):
            (small / "manifest.json").write_bytes(whole[:length])
            with pytest.raises(EngineError):
                open_artifact(small)
    finally:
        (small / "manifest.json").write_bytes(whole)
    load(small)


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_a_byte_changed_anywhere(small, data):
    before = load(small)
    name = data.draw(st.sampled_from([*FILES, "manifest.json", "notes.txt"]))
    whole = (small / name).read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        (small / name).write_bytes(changed)
        if name == "notes.txt":
            after = load(small)
            assert after.fingerprint == before.fingerprint
            assert {each: after.read(each) for each in after.files} == FILES
        elif name == "manifest.json":
            # What the manifest says of the writer has no hash, but it is part of the fingerprint.
            with contextlib.suppress(EngineError):
                after = load(small)
                assert after.fingerprint != before.fingerprint
                assert {each: after.read(each) for each in after.files} == FILES
        else:
            with pytest.raises(EngineError, match=name):
                load(small)
            with pytest.raises(EngineError, match=name):
                open_artifact(small).verify()
    finally:
        (small / name).write_bytes(whole)

"""A backup that somebody else made up: nothing is written outside its place, nothing half."""

import hashlib
import io
import json
import tarfile

import pytest

from aisle.errors import StoreError
from aisle.store.backup import backup, restore
from aisle.store.upgrade import upgrade


def refused(file, place, match):
    with pytest.raises(StoreError, match=match):
        restore(file, place)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def packed(path, members, **manifest):
    with tarfile.open(path, "w") as tar:
        for name, data in {**members, "manifest.json": json.dumps(manifest).encode()}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


SOUND = {"format": 1, "database": "sqlite", "revision": "0001", "sha256": {"database.sqlite": "0" * 64}}


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"database": "oracle"},
        {"database": ["sqlite"]},
        {"sha256": {}},
        {"sha256": []},
        {"sha256": {"database.sqlite": "0" * 64, "../../etc/passwd": ""}},
        {"revision": None},
    ],
)
def test_a_manifest_that_this_version_does_not_know(tmp_path, change):
    file = packed(tmp_path / "b.tar", {"database.sqlite": b""}, **SOUND | change)
    refused(file, str(tmp_path / "x.db"), "no backup that this version of aisle can read: update aisle")


def test_a_backup_of_a_newer_version(tmp_path):
    refused(packed(tmp_path / "b.tar", {}, **SOUND | {"revision": "9999"}), str(tmp_path / "x.db"), "newer version")


def test_a_photo_with_a_hostile_name_goes_nowhere(tmp_path):
    upgrade(str(tmp_path / "a.db"))
    backup(str(tmp_path / "a.db"), tmp_path / "good.tar")
    with tarfile.open(tmp_path / "good.tar") as tar:
        data = tar.extractfile("database.sqlite").read()
    names = {"database.sqlite": data, "photos/../../evil": b"x"}
    hashes = {name: hashlib.sha256(each).hexdigest() for name, each in names.items()}
    file = packed(tmp_path / "b.tar", names, **SOUND | {"sha256": hashes})
    with pytest.raises(StoreError, match="is no name of a photo"):
        restore(file, str(tmp_path / "x.db"), photos=tmp_path / "deep" / "photos")
    assert not list(tmp_path.rglob("evil"))
    assert not (tmp_path / "x.db").exists()


def test_a_link_in_a_backup_is_not_followed(tmp_path):
    file = packed(tmp_path / "b.tar", {}, **SOUND)
    with tarfile.open(file, "a") as tar:
        info = tarfile.TarInfo("database.sqlite")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    refused(file, str(tmp_path / "x.db"), "database.sqlite in it is no file")

"""A backup brings everything back, and overwrites nothing."""

import sqlite3
import tarfile
import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import insert, select, text
from tests.databases import postgres_server

from aisle.errors import DiskFullError, StoreError
from aisle.store import postgres_tools
from aisle.store.backup import backup, restore
from aisle.store.database import Database
from aisle.store.photos import PhotoFolder, note_photo
from aisle.store.schema import metadata, products
from aisle.store.upgrade import upgrade

TITLE = "Montre «acier» \u202e👩‍👩‍👧"


def fill(database, folder, number=3):
    with database.write() as c:
        for each in range(number):
            sha = PhotoFolder(folder).keep(b"photo %d" % each)
            note_photo(c, sha=sha, size=7, now=1)
            row = {"id": f"{each:032x}", "owner": "ada", "title": TITLE, "description": "", "photo": sha}
            row |= {"attributes": {"é": "\u2028"}, "volume": 0.1 + 0.2, "created_at": 2**60, "changed_at": 0}
            c.execute(insert(products).values(row))


def rows(url):
    opened = Database.open(url)
    with opened.read() as c:
        found = {name: sorted(map(repr, c.execute(select(table)))) for name, table in metadata.tables.items()}
    opened.close()
    return found


@contextmanager
def another(url, tmp_path):
    """Yield a place for a database of the same kind where nothing is."""
    if url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'other.db'}"
        return
    with postgres_server().database() as other:
        yield other


@pytest.fixture
def written(database, database_url, tmp_path):
    fill(database, tmp_path / "photos")
    backup(database_url, tmp_path / "backup.tar", photos=tmp_path / "photos")
    return tmp_path / "backup.tar"


def test_everything_comes_back(written, database_url, tmp_path):
    expected = rows(database_url)
    with another(database_url, tmp_path) as url:
        restore(written, url, photos=tmp_path / "new")
        assert rows(url) == expected
        assert upgrade(url) is not None  # it knows its revision
        opened = Database.open(url)
        with opened.write() as c:  # numbers go on where they were
            c.execute(text("DELETE FROM products"))
        opened.close()
    old, new = (PhotoFolder(tmp_path / name) for name in ("photos", "new"))
    assert [(name, new.read(name)) for name in new.names()] == [(name, old.read(name)) for name in old.names()]
    assert len(expected["products"]) == len(list(new.names())) == 3


def test_nothing_else_is_left_lying_about(written, tmp_path):
    assert {path.name for path in tmp_path.iterdir()} <= {
        "backup.tar",
        "photos",
        "aisle.db",
        "aisle.db-wal",
        "aisle.db-shm",
    }


def test_a_backup_of_a_database_in_use_is_one_moment_of_it(database, database_url, tmp_path):
    stop, written = threading.Event(), []

    def work():
        while not stop.is_set():
            sha = PhotoFolder(tmp_path / "photos").keep(b"photo %d" % len(written))
            with database.write() as c:
                note_photo(c, sha=sha, size=1, now=len(written))
            written.append(sha)

    writer = threading.Thread(target=work)
    writer.start()
    try:
        while len(written) < 5:
            stop.wait(0.01)
        before = len(written)
        backup(database_url, tmp_path / "backup.tar", photos=tmp_path / "photos")
    finally:
        stop.set()
        writer.join()
    with another(database_url, tmp_path) as url:
        restore(tmp_path / "backup.tar", url, photos=tmp_path / "new")
        kept = len(rows(url)["photos"])
        opened = Database.open(url)
        with opened.read() as c:
            named = set(c.execute(select(metadata.tables["photos"].c.sha256)).scalars())
        opened.close()
    assert named == set(written[:kept])
    assert before <= kept
    assert named <= set(PhotoFolder(tmp_path / "new").names())


def test_no_backup_is_overwritten(written, database_url):
    before = written.read_bytes()
    with pytest.raises(StoreError, match=r"backup.tar is there already: name a new file"):
        backup(database_url, written)
    assert written.read_bytes() == before


def test_no_database_is_overwritten(written, database_url):
    before = rows(database_url)
    with pytest.raises(StoreError, match=r"is there already: move it away|tables already: name an empty database"):
        restore(written, database_url)
    assert rows(database_url) == before


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_no_log_that_lies_about_is_read_into_what_comes_back(tmp_path, suffix):
    upgrade(str(tmp_path / "a.db"))
    backup(str(tmp_path / "a.db"), tmp_path / "b.tar")
    (tmp_path / f"c.db{suffix}").write_bytes(b"old")
    with pytest.raises(StoreError, match=rf"c\.db{suffix} is there already"):
        restore(tmp_path / "b.tar", str(tmp_path / "c.db"))
    assert not (tmp_path / "c.db").exists()


def test_photos_that_are_there_stay(written, database_url, tmp_path):
    mine = PhotoFolder(tmp_path / "new").keep(b"mine")
    with another(database_url, tmp_path) as url:
        restore(written, url, photos=tmp_path / "new")
    assert PhotoFolder(tmp_path / "new").read(mine) == b"mine"
    assert len(list(PhotoFolder(tmp_path / "new").names())) == 4


def refused(file, url, match):
    with pytest.raises(StoreError, match=match):
        restore(file, url)
    with pytest.raises(StoreError, match=r"holds no tables yet|there is no database at"):
        Database.open(url)


def test_one_changed_byte_anywhere_is_found_before_anything_is_written(written, database_url, tmp_path):
    data = bytearray(written.read_bytes())
    with tarfile.open(written) as tar:
        places = [member.offset_data + member.size // 2 for member in tar if member.name != "manifest.json"]
    assert len(places) == 4
    with another(database_url, tmp_path) as url:
        for place in places:
            changed = data.copy()
            changed[place] ^= 1
            (tmp_path / "changed.tar").write_bytes(changed)
            refused(tmp_path / "changed.tar", url, "is damaged: .* in it has changed")
    assert not (tmp_path / "other.db").exists()


@pytest.mark.parametrize("where", ["start", "database", "photo", "manifest", "end"])
def test_a_backup_that_was_cut_off(written, database_url, tmp_path, where):
    with tarfile.open(written) as tar:
        database_file, photo, *_, manifest = tar.getmembers()
    cuts = {"start": 0, "database": database_file.size // 2, "photo": photo.offset_data + 1}
    cuts |= {"manifest": manifest.offset, "end": manifest.offset_data + manifest.size - 1}
    (tmp_path / "cut.tar").write_bytes(written.read_bytes()[: cuts[where]])
    with another(database_url, tmp_path) as url:
        refused(tmp_path / "cut.tar", url, r"cut\.tar .*(cut off|no backup)")


def test_a_file_that_is_no_backup(tmp_path):
    for name, data in {"a.csv": b"title,photo\n" * 999, "empty": b""}.items():
        (tmp_path / name).write_bytes(data)
        refused(tmp_path / name, str(tmp_path / "x.db"), "is no backup of aisle, or was cut off|holds no manifest")
    refused(tmp_path / "none", str(tmp_path / "x.db"), "there is no backup at")


@pytest.mark.postgres
def test_a_backup_of_the_other_kind_of_database(tmp_path):
    upgrade(str(tmp_path / "a.db"))
    backup(str(tmp_path / "a.db"), tmp_path / "b.tar")
    with postgres_server().database() as url:
        refused(tmp_path / "b.tar", url, "is a backup of sqlite, postgresql://.* is postgresql: name one of its kind")


def test_what_cannot_be_backed_up(database_url, tmp_path):
    with pytest.raises(StoreError, match=r"there is no database at|holds no tables yet"):
        backup(database_url, tmp_path / "b.tar")
    assert not (tmp_path / "b.tar").exists()


def test_a_damaged_database_is_not_taken_for_a_backup(tmp_path):
    upgrade(str(tmp_path / "a.db"))
    with sqlite3.connect(tmp_path / "a.db") as c:
        c.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    c.close()
    data = bytearray((tmp_path / "a.db").read_bytes())
    data[4096 * 3 : 4096 * 5] = b"\xff" * 8192
    (tmp_path / "a.db").write_bytes(data)
    with pytest.raises(StoreError, match="is damaged"):
        backup(str(tmp_path / "a.db"), tmp_path / "b.tar")
    assert not (tmp_path / "b.tar").exists()


def test_a_full_disk_leaves_no_half_backup(database, database_url, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", fail)
    with pytest.raises(DiskFullError, match="the disk is full"):
        backup(database_url, tmp_path / "b.tar")
    assert not [path for path in tmp_path.iterdir() if "tar" in path.name or path.name.startswith(".")]


def test_the_folder_of_a_backup_has_to_be_there(database, database_url, tmp_path):
    with pytest.raises(StoreError, match="is not there: make it"):
        backup(database_url, tmp_path / "no" / "b.tar")


def test_a_damaged_photo_does_not_stop_a_backup(database, database_url, tmp_path, caplog):
    folder = PhotoFolder(tmp_path / "photos")
    sha = folder.keep(b"photo")
    folder.path(sha).write_bytes(b"rot")
    backup(database_url, tmp_path / "b.tar", photos=tmp_path / "photos")
    assert f"photo {sha} is damaged" in caplog.text


@pytest.mark.postgres
def test_without_the_tools_of_postgresql_one_reads_what_to_install(tmp_path, monkeypatch):
    with postgres_server().database() as url:
        upgrade(url)
        monkeypatch.setattr(postgres_tools.shutil, "which", lambda _: None)
        monkeypatch.setattr(postgres_tools, "_DEBIAN", tmp_path)
        with pytest.raises(StoreError, match=r"pg_dump is not installed: .*apt-get install postgresql-client"):
            backup(url, tmp_path / "b.tar")


@pytest.mark.postgres
def test_a_password_reaches_pg_dump_and_nobody_else(tmp_path, monkeypatch):
    server = postgres_server()
    seen = []
    run = postgres_tools.subprocess.run

    def watch(command, **more):
        file = next(word for word in command[1].split("'") if word.endswith("password")) if "'" in command[1] else None
        file = file or command[1].partition("passfile=")[2].split()[0]
        with open(file, encoding="utf-8") as content:
            seen.append((" ".join(command), content.read()))
        return run(command, **more)

    with server.database() as url:
        upgrade(url)
        monkeypatch.setattr(postgres_tools.subprocess, "run", watch)
        backup(url.replace("aisle@", "aisle:s3c:r3t%5C@"), tmp_path / "b.tar")
    [(command, content)] = seen
    assert "s3c" not in command
    assert content == "*:*:*:*:s3c\\:r3t\\\\\n"  # as https://www.postgresql.org/docs/current/libpq-pgpass.html says


def test_a_folder_of_other_photos_is_refused_before_anything_is_written(database, database_url, tmp_path):
    with database.write() as c:
        note_photo(c, sha="a" * 64, size=1, now=1)
    with pytest.raises(StoreError, match=r"none of the 1 photos .* name their folder with --photos"):
        backup(database_url, tmp_path / "b.tar", photos=tmp_path / "nowhere")
    assert not (tmp_path / "b.tar").exists()


def test_a_photo_that_is_missing_is_said(database, database_url, tmp_path, caplog):
    photos = PhotoFolder(tmp_path / "photos")
    with database.write() as c:
        note_photo(c, sha=photos.keep(b"here"), size=4, now=1)
        note_photo(c, sha="a" * 64, size=1, now=1)
    backup(database_url, tmp_path / "b.tar", photos=tmp_path / "photos")
    assert "1 of 2 photos are missing" in caplog.text

"""Transactions: what they promise on a file and on a server, and what a user reads when a database cannot be used."""

import logging
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from tests.databases import postgres_server

from aisle.errors import StoreError
from aisle.store.database import Database
from aisle.store.schema import engines, jobs, photos, sessions
from aisle.store.text import clean, dump_json
from aisle.store.upgrade import upgrade

NOTHING = "0" * 64


def put(c, number=1, **more):
    c.execute(insert(photos).values(sha256=f"{number:064x}", bytes=number, created_at=0, **more))


def count(database):
    with database.read() as c:
        return c.execute(select(func.count()).select_from(photos)).scalar()


def test_what_is_written_is_there_and_what_raises_is_not(database):
    with database.write() as c:
        put(c, 1)
    with pytest.raises(IntegrityError), database.write() as c:
        c.execute(insert(photos), [{"sha256": name, "bytes": 1, "created_at": 0} for name in ("a", "b", "a")])
    assert count(database) == 1


def test_a_read_changes_nothing(database):
    with pytest.raises((StoreError, DBAPIError)), database.read() as c:
        put(c)
    with database.write() as c:  # the same connection may write next
        put(c)
    assert count(database) == 1


def test_a_read_sees_one_moment(database):
    rows = select(func.count()).select_from(photos)
    with database.read() as c:
        assert c.execute(rows).scalar() == 0
        with database.write() as other:
            put(other)
        assert c.execute(rows).scalar() == 0
    assert count(database) == 1


def test_a_row_that_points_to_nothing_is_refused(database):
    row = {"sha256": NOTHING, "kind": "session", "key_id": "nobody", "created_at": 0, "expires_at": 1}
    with pytest.raises(IntegrityError), database.write() as c:
        c.execute(insert(sessions).values(row))


def test_no_value_of_a_statement_reaches_an_error_or_a_log(database, caplog):
    row = {"sha256": "s3cr3t", "kind": "session", "key_id": "nobody", "created_at": 0, "expires_at": 1}
    with caplog.at_level(logging.DEBUG), pytest.raises(IntegrityError) as caught, database.write() as c:
        c.execute(insert(sessions).values(row))
    assert "[SQL parameters hidden" in str(caught.value)
    assert "s3cr3t" not in caplog.text


def test_sixteen_threads_that_read_then_write_are_never_refused(database):
    def work(thread):
        for each in range(12):
            with database.write() as c:
                c.execute(select(func.max(photos.c.bytes))).scalar()  # a read first: where plain BEGIN fails
                put(c, 1000 * thread + each + 1)
            with database.read() as c:
                c.execute(select(func.count()).select_from(photos)).scalar()

    with ThreadPoolExecutor(16) as pool:
        for done in [pool.submit(work, thread) for thread in range(16)]:
            done.result()
    assert count(database) == 16 * 12


def test_two_programs_write_to_one_database(database, database_url):
    other = Database.open(database_url)

    def work(mine, first):
        for each in range(40):
            with mine.write() as c:
                c.execute(select(func.count()).select_from(photos)).scalar()
                put(c, first + each)

    try:
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(work, (database, other)[n % 2], 1000 * n) for n in range(1, 9)]:
                done.result()
    finally:
        other.close()
    assert count(database) == 8 * 40


def test_readers_do_not_wait_for_a_writer(database):
    seen, ready = [], threading.Event()

    def read():
        ready.wait(10)
        seen.append(count(database))

    reader = threading.Thread(target=read)
    reader.start()
    with database.write() as c:
        put(c)
        ready.set()
        reader.join(10)
    assert seen == [0]


def test_a_file_keeps_every_commit_through_a_power_loss(tmp_path):
    upgrade(str(tmp_path / "a.db"))
    opened = Database.open(str(tmp_path / "a.db"))
    with opened.read() as c:
        found = {name: c.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")}
        found |= {name: c.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("foreign_keys", "busy_timeout")}
    opened.close()
    # https://www.sqlite.org/pragma.html#pragma_synchronous: FULL is 2
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


@pytest.mark.postgres
def test_a_server_keeps_every_commit_through_a_power_loss():
    with postgres_server(fsync=True).database() as url:
        upgrade(url)
        opened = Database.open(url)
        with opened.write() as c:
            assert c.execute(text("SHOW synchronous_commit")).scalar() == "on"
            assert c.execute(text("SHOW fsync")).scalar() == "on"
        opened.close()


@pytest.mark.postgres
def test_a_connection_that_the_server_dropped_is_replaced():
    with postgres_server().database() as url:
        upgrade(url)
        opened = Database.open(url)
        postgres_server().sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%'")
        with opened.write() as c:
            put(c)
        assert count(opened) == 1
        with pytest.raises(StoreError, match=r"127\.0\.0\.1"), opened.write() as c:
            c.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        assert count(opened) == 1
        opened.close()


def touched(path, data=b""):
    path.write_bytes(data)
    return str(path)


TROUBLE = {
    "empty": (lambda _: "", "no database is named: write a file's path"),
    "blank": (lambda _: "  ", "no database is named"),
    "memory": (lambda _: "sqlite://", "names no file"),
    "memory by name": (lambda _: "sqlite:///:memory:", "names no file"),
    "query": (lambda _: "sqlite:///a.db?mode=ro", "nothing after it"),
    "dialect": (lambda _: "mysql://root:s3cr3t@host/shop", "'mysql' is no database that is known here"),
    "driver": (lambda _: "postgresql+asyncpg://me:s3cr3t@host/shop", r"'postgresql\+asyncpg' is no database"),
    "port": (lambda _: "postgresql://me:s3cr3t@host:port/shop", "cannot be read: write"),
    "file": (lambda folder: str(folder / "none.db"), "there is no database at .*none.db: make it with `aisle db up"),
    "folder": (lambda folder: f"sqlite:///{folder}/no/a.db", "there is no database at .*make it with `aisle db up"),
    "no database": (
        lambda folder: touched(folder / "a.db", b"title,photo\n" * 999),
        "no SQLite database: name another",
    ),
    "blank file": (lambda folder: touched(folder / "a.db"), "holds no tables yet: make them with `aisle db upgrade"),
    "a folder": (lambda folder: str(folder), "cannot be used: unable to open"),
    "server": (lambda _: "postgresql://me:s3cr3t@127.0.0.1:1/shop", r"PostgreSQL at 127\.0\.0\.1:1 .*refused"),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_what_cannot_be_opened_says_why_and_what_to_do(tmp_path, name):
    make, expected = TROUBLE[name]
    url = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StoreError, match=expected) as caught:
        Database.open(url)
    assert "s3cr3t" not in str(caught.value)
    assert name == "blank file" or sorted(tmp_path.rglob("*")) == before


def test_a_database_with_other_tables_than_this_program(database, database_url):
    for revision, expected in [("0000", "newer version"), ("9999", "update aisle")]:
        with database.write() as c:
            c.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
        with pytest.raises(StoreError, match=expected):
            Database.open(database_url)


def test_a_database_with_older_tables(database, database_url, monkeypatch):
    monkeypatch.setattr("aisle.store.database.REVISIONS", ("0001", "0002", "0003"))
    monkeypatch.setattr("aisle.store.database.HEAD", "0003")
    with pytest.raises(StoreError, match=r"older version \(0002, not 0003\): run `aisle db upgrade"):
        Database.open(database_url)


def test_without_the_driver_of_postgresql_one_reads_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'aisle\[postgres\]'"):
        Database.open("postgresql://me@host/shop")


@pytest.mark.postgres
def test_a_database_that_the_server_does_not_have():
    url = postgres_server().url("nowhere")
    with pytest.raises(StoreError, match=r'127\.0\.0\.1:\d+ .*database "nowhere" does not exist'):
        Database.open(url)


def test_the_name_for_people_hides_the_password():
    from aisle.store.address import read_address, shown

    address = read_address("postgresql://me:s3cr3t@host:5433/shop?sslmode=require&password=s3cr3t")
    assert shown(address) == "postgresql://me:***@host:5433/shop?sslmode=require"
    assert address.password == "s3cr3t"


def test_a_file_may_be_named_by_its_path_alone(tmp_path):
    upgrade(str(tmp_path / "a.db"))
    for url in (str(tmp_path / "a.db"), f"sqlite:///{tmp_path}/a.db", f"sqlite+pysqlite:///{tmp_path}/a.db"):
        opened = Database.open(url)
        assert (opened.is_sqlite, opened.url) == (True, str(tmp_path / "a.db"))
        opened.close()


def test_another_program_that_writes_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr("aisle.store.database.BUSY_SECONDS", 0.1)
    upgrade(str(tmp_path / "a.db"))
    opened = Database.open(str(tmp_path / "a.db"))
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="is busy: another program has been writing"), opened.write() as c:
        put(c)
    other.execute("ROLLBACK")
    other.close()
    with opened.write() as c:
        put(c)
    opened.close()


def test_another_thread_that_writes_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr("aisle.store.database._QUEUE_SECONDS", 0.1)
    upgrade(str(tmp_path / "a.db"))
    opened = Database.open(str(tmp_path / "a.db"))
    with opened.write(), pytest.raises(StoreError, match="is busy: another write has gone on"), opened.write():
        pass
    opened.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_only_one_database_takes_is_refused_by_both(database, value):
    with pytest.raises(Exception, match="not JSON compliant"), database.write() as c:
        c.execute(insert(jobs).values(kind="a", payload={"p": value}, state="", attempts=0, not_before=0, **TIMES))


TIMES = {"created_at": 0, "changed_at": 0}
ANY_TEXT = st.text(st.characters(codec=None), max_size=30)  # surrogates and NUL among them
SHARED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SHARED
@given(words=ANY_TEXT, attributes=st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=3))
def test_any_text_comes_back(database, words, attributes):
    expected = "".join("\ufffd" if each == "\0" or "\ud800" <= each <= "\udfff" else each for each in words)
    with database.write() as c:
        row = {"id": "a", "folder": clean(words), "golden": [attributes], "registered_at": 0, "registered_by": ""}
        c.execute(engines.delete())
        c.execute(insert(engines).values(row))
        c.execute(update(engines).where(engines.c.folder == clean(words)).values(registered_by=clean(words)))
    with database.read() as c:
        found = c.execute(select(engines)).one()
    assert found.folder == found.registered_by == expected
    assert found.golden == [{clean(name): clean(each) for name, each in attributes.items()}]


@pytest.mark.parametrize(
    "word", ["'; DROP TABLE photos; --", '"', "\\", "%s", ":name", "?", "\u202eevil", "👩‍👩‍👧", "ﬀ", "a\r\nb"]
)
def test_hostile_text_stays_text(database, word):
    test_any_text_comes_back.hypothesis.inner_test(database, word, {word: word})


def test_json_is_cleaned_at_any_depth():
    assert dump_json({"a\0": ("\ud800", [1, None, True])}) == '{"a\ufffd":["\ufffd",[1,null,true]]}'

"""From blank to the newest tables; the migrations say the same as the schema."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from tests.databases import postgres_server

from aisle.errors import StoreError
from aisle.store.address import read_address
from aisle.store.database import Database, connect, one_transaction
from aisle.store.migrations import REVISIONS
from aisle.store.schema import metadata
from aisle.store.upgrade import HEAD, revision, upgrade


def test_a_blank_database_gets_every_table_and_a_second_run_changes_nothing(database_url):
    assert revision(database_url) is None
    assert upgrade(database_url) is None
    assert (upgrade(database_url), revision(database_url)) == (HEAD, HEAD)
    Database.open(database_url).close()


def test_to_ask_for_the_revision_makes_no_file(tmp_path):
    assert revision(str(tmp_path / "a.db")) is None
    assert list(tmp_path.iterdir()) == []


def test_the_migrations_make_what_the_schema_says(database):
    with database.read() as c:
        context = MigrationContext.configure(c, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def names(address):
    """Return the names of all constraints and indexes, as the database has them."""
    engine = connect(address)
    found = inspect(engine)
    kinds = (found.get_pk_constraint, found.get_foreign_keys, found.get_unique_constraints, found.get_indexes)
    made = {}
    for table in metadata.tables:
        for kind in kinds:
            answer = kind(table)
            made[table, kind.__name__] = sorted(
                (each["name"] or "", tuple(each.get("column_names") or each["constrained_columns"]))
                for each in (answer if isinstance(answer, list) else [answer])
            )
    engine.dispose()
    return made


def make_tables(address):
    with one_transaction(address, writes=True) as c:
        metadata.create_all(c)


def test_the_migrations_name_things_as_the_schema_does(database_url, tmp_path):
    upgrade(database_url)
    migrated = names(read_address(database_url))
    if database_url.startswith("sqlite"):
        address = read_address(str(tmp_path / "other.db"))
        make_tables(address)
        assert migrated == names(address)
        return
    with postgres_server().database() as url:
        make_tables(read_address(url))
        assert migrated == names(read_address(url))


def test_the_revisions_are_those_in_the_folder():
    config = Config()
    config.set_main_option("script_location", "aisle.store:migrations")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [HEAD]
    assert [script.revision for script in scripts.walk_revisions()][::-1] == list(REVISIONS)


def test_upgrades_at_the_same_time_wait_for_each_other(database_url):
    with ThreadPoolExecutor(4) as pool:
        assert sorted(map(str, pool.map(upgrade, [database_url] * 4))) == [HEAD, HEAD, HEAD, "None"]


def test_a_new_file_waits_for_who_writes_it(tmp_path):
    """A file of another journal is changed to a write-ahead log: that alone does not wait by itself."""
    file = tmp_path / "a.db"
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE something (id)")
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.5, other.rollback).start()
    upgrade(str(file))
    assert revision(str(file)) == HEAD
    other.close()


def test_an_upgrade_that_fails_leaves_nothing_behind(database_url, monkeypatch):
    from alembic.operations import Operations

    monkeypatch.setattr(Operations, "create_index", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        upgrade(database_url)
    monkeypatch.undo()
    assert revision(database_url) is None
    upgrade(database_url)
    Database.open(database_url).close()


def test_tables_of_something_else_are_left_alone(database_url):
    with one_transaction(read_address(database_url), writes=True) as c:
        c.execute(text("CREATE TABLE products (id integer)"))
    with pytest.raises(StoreError, match=r"tables that are not of aisle \(products\): name an empty database"):
        upgrade(database_url)


def test_a_newer_database_is_left_alone(database, database_url):
    with database.write() as c:
        c.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"newer version \(9999; here 0002 is the last\): update aisle"):
        upgrade(database_url)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match=r"the folder of the database, .*no, is not there: make it"):
        upgrade(str(tmp_path / "no" / "a.db"))


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"title,photo\n" * 999)
    with pytest.raises(StoreError, match="is no SQLite database: name another file"):
        upgrade(str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_bytes() == b"title,photo\n" * 999


@pytest.mark.postgres
def test_a_database_that_cannot_hold_every_title():
    server = postgres_server()
    server.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with pytest.raises(StoreError, match="keeps text as LATIN1"):
            upgrade(server.url("latin"))
    finally:
        server.sql("DROP DATABASE latin WITH (FORCE)")

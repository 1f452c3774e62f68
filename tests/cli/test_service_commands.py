"""``aisle db``, ``aisle keys`` and ``aisle engines`` on a database file."""

import hashlib
import json
import sqlite3

import pytest


@pytest.fixture
def database(aisle, tmp_path):
    file = tmp_path / "shop.db"
    assert aisle("db", "upgrade", "--db", str(file)).exit_code == 0
    return file


def rows(file, query):
    with sqlite3.connect(file) as connection:
        return connection.execute(query).fetchall()


def test_a_database_is_made_once(aisle, database):
    again = aisle("db", "upgrade", "--db", str(database))
    assert again.exit_code == 0
    assert "up to date" in again.stderr
    tables = {name for (name,) in rows(database, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"products", "decisions", "api_keys", "engines", "queue"} <= tables


def test_a_key_is_shown_once_and_kept_as_a_hash(aisle, database):
    done = aisle("keys", "create", "Ada", "--scope", "review", "--scope", "sell", "--db", str(database))
    secret = done.stdout.strip()
    assert secret.startswith("aisle_")
    assert len(secret) == len("aisle_") + 43
    assert b"".join(path.read_bytes() for path in database.parent.glob("shop.db*")).count(secret.encode()) == 0
    kept = [row[0] for row in rows(database, "SELECT sha256 FROM api_keys")]
    assert kept == [hashlib.sha256(secret.encode()).hexdigest()]
    shown = aisle("keys", "list", "--db", str(database)).stdout
    assert "Ada" in shown
    assert "review sell" in shown
    assert secret not in shown


def test_a_key_is_revoked_and_rotated(aisle, database):
    made = json.loads(aisle("keys", "create", "bot", "--scope", "classify", "--json", "--db", str(database)).stdout)
    turned = aisle("keys", "rotate", made["id"], "--hours", "0", "--db", str(database))
    assert turned.stdout.strip().startswith("aisle_")
    assert turned.stdout.strip() != made["secret"]
    assert aisle("keys", "revoke", made["id"], "--db", str(database)).exit_code == 0
    (key,) = json.loads(aisle("keys", "list", "--json", "--db", str(database)).stdout)
    assert key["revoked_at"] is not None


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["keys", "create", "Ada", "--scope", "everything"], "classify, sell, review, metrics"),
        (["keys", "create", " ", "--scope", "sell"], "needs a name"),
        (["keys", "create", "Ada", "--scope", "sell", "--days", "0"], "days"),
        (["keys", "revoke", "nobody"], "nobody"),
        (["engines", "rollback"], "engine"),
        (["engines", "promote", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_done_says_why(aisle, database, arguments, word):
    done = aisle(*arguments, "--db", str(database))
    assert done.exit_code in (1, 2)
    assert word in " ".join(done.stderr.replace("│", " ").split())
    assert not isinstance(done.exception, KeyError)


@pytest.mark.parametrize("command", [["keys", "list"], ["engines", "list"], ["engines", "rollback"]])
def test_a_database_that_is_not_there_names_the_remedy(aisle, tmp_path, command):
    done = aisle(*command, "--db", str(tmp_path / "none.db"))
    assert done.exit_code == 1
    assert "aisle db upgrade" in done.stderr
    assert not (tmp_path / "none.db").exists()


def test_backup_and_restore(aisle, database, tmp_path):
    aisle("keys", "create", "Ada", "--scope", "review", "--db", str(database))
    file, other = tmp_path / "shop.tar", tmp_path / "other" / "shop.db"
    assert aisle("db", "backup", str(file), "--db", str(database)).exit_code == 0
    assert aisle("db", "backup", str(file), "--db", str(database)).exit_code == 1  # it is not written over
    other.parent.mkdir()
    assert aisle("db", "restore", str(file), "--db", str(other)).exit_code == 0
    assert rows(other, "SELECT name FROM api_keys") == [("Ada",)]
    again = aisle("db", "restore", str(file), "--db", str(other))
    assert again.exit_code == 1

"""What was acknowledged is there, once, after 200 kills at random moments; what was not is whole or absent."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from sqlalchemy import select
from tests.databases import postgres_server

from aisle.store.database import Database
from aisle.store.schema import idempotency, jobs
from aisle.store.upgrade import upgrade

pytestmark = pytest.mark.slow

KILLS = 200
SERVER_EVERY = 20
LONGEST = 0.25  # seconds until the kill: some hit the opening of the database, most a write
WRITER = """
import contextlib, itertools, os, sys
from aisle.store.database import Database
from aisle.store.idempotency import claim_key, keep_answer
from aisle.store.jobs import enqueue

with contextlib.suppress(ImportError):  # before the forks, not in each
    import sqlalchemy.dialects.postgresql.psycopg, psycopg

def write(turn, url):
    database = Database.open(url)
    for number in itertools.count():
        name = f"{turn}-{number}"
        with database.write() as c:
            claim_key(c, owner="ada", key=name, route="POST /v1/decisions", request_hash="a" * 64, now=number)
            job = enqueue(c, kind="decision", payload={"name": name}, now=number)
            keep_answer(c, owner="ada", key=name, status=201, body=str(job))
        os.write(1, f"kept {name} {job}\\n".encode())

for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            write(*line.split())
        finally:
            os._exit(1)
    os.write(1, f"writer {child}\\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"gone\\n")
"""


@pytest.fixture
def writers():
    """Yield a process that starts a writer for each line: to fork one takes no time, to import everything does."""
    command = [sys.executable, "-c", WRITER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, bufsize=1, **pipes) as process:
        yield process
        process.stdin.close()


def one_round(process, turn, url, strike):
    """Start a writer, strike after a while, and return what it acknowledged."""
    kept = {}
    process.stdin.write(f"{turn} {url}\n")
    writer = None
    for line in process.stdout:
        word, *rest = line.split()
        if word == "kept":
            kept[rest[0]] = rest[1]
        elif word == "writer":
            writer = int(rest[0])
            strike(writer)
        else:
            return kept
    raise AssertionError("the process that starts the writers ended")


def kept_rows(url):
    database = Database.open(url)
    with database.read() as c:
        answers = {row.key: (row.status, row.body) for row in c.execute(select(idempotency))}
        effects = [(row.payload["name"], str(row.id)) for row in c.execute(select(jobs))]
    database.close()
    return answers, effects


def check(url, acknowledged):
    answers, effects = kept_rows(url)
    assert len(effects) == len(dict(effects)) == len(answers)  # nothing twice
    assert answers == {name: (201, job) for name, job in effects}  # nothing by half
    missing = {name: job for name, job in acknowledged.items() if dict(effects).get(name) != job}
    assert missing == {}
    return len(effects)


def strike_later(rng):
    def strike(writer):
        time.sleep(rng.uniform(0, LONGEST))
        os.kill(writer, signal.SIGKILL)

    return strike


def test_a_file_survives_200_kills(tmp_path, writers):
    rng = random.Random(5)  # noqa: S311 - when to kill
    acknowledged, idle = {}, 0
    url = str(tmp_path / "a.db")
    upgrade(url)
    for turn in range(KILLS):
        kept = one_round(writers, turn, url, strike_later(rng))
        acknowledged |= kept
        idle += not kept
        if turn % 20 == 19:
            with contextlib.closing(sqlite3.connect(url)) as c:
                assert c.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert c.execute("PRAGMA foreign_key_check").fetchall() == []
            there = check(url, acknowledged)
            assert there - len(acknowledged) <= turn + 1  # a writer had one on its way at most
    assert idle < KILLS / 2
    assert len(acknowledged) > KILLS


@pytest.mark.postgres
def test_a_server_survives_200_kills_of_its_clients_and_some_of_its_own(writers):
    server = postgres_server(fsync=True)
    rng = random.Random(6)  # noqa: S311 - when to kill
    acknowledged, idle = {}, 0

    def strike_server(_):
        time.sleep(rng.uniform(LONGEST / 2, LONGEST))
        server.kill()

    with server.database() as url:
        upgrade(url)
        for turn in range(KILLS):
            last = turn % SERVER_EVERY == SERVER_EVERY - 1
            kept = one_round(writers, turn, url, strike_server if last else strike_later(rng))
            acknowledged |= kept
            idle += not kept
            if last:
                there = check(url, acknowledged)
                assert there - len(acknowledged) <= turn + 1
    assert idle < KILLS / 2
    assert len(acknowledged) > KILLS

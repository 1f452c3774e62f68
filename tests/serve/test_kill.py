"""What the service acknowledged is there, once, after it was killed 200 times while people decided.

A request that was not answered is sent again, with its Idempotency-Key, to the service that comes next.
"""

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import select
from tests.databases import BOTH, postgres_server
from tests.posted import prediction, product

from aisle.review.intake import receive
from aisle.review.policy import ReviewPolicy
from aisle.store.database import Database
from aisle.store.keys import create_key
from aisle.store.schema import decisions, idempotency
from aisle.store.upgrade import upgrade

pytestmark = pytest.mark.slow

KILLS = 200
PRODUCTS = 1000
PEOPLE = ("anna", "bert")
LONGEST = 0.1  # seconds from the first acknowledged decision of a service to its end
KINDS = ("none", "skip")

SERVICE = """
import os, socket, sys
from pathlib import Path

from uvicorn import Server

from aisle.engine import load_engine
from aisle.serve.app import make_app
from aisle.serve.inference.live import LiveEngine
from aisle.serve.options import ServeOptions
from aisle.serve.security.connection import server_config
from aisle.settings import Settings
from aisle.store.database import Database

url, folder, photos, listening = sys.argv[1:]
engine = load_engine(folder, settings=Settings(threads=1))
listening = socket.socket(fileno=int(listening))
plenty = dict.fromkeys(("key_rate", "key_burst", "ip_rate", "ip_burst"), 1e6)
options = ServeOptions(database=url, photos=Path(photos), workers=1, **plenty)
for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            app = make_app(LiveEngine(folder, load=lambda _: engine), Database.open(url), options)
            Server(server_config(app, options)).run(sockets=[listening])
        finally:
            os._exit(1)
    os.write(1, f"{child}\\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"gone\\n")
"""


class Moderator(threading.Thread):
    """Claims and decides until told to stop; asks again for what was not answered."""

    def __init__(self, secret, port, told):
        super().__init__(daemon=True)
        self.secret, self.port, self.told = secret, port, told
        self.kept, self.cut, self.wrong = {}, 0, []
        self.stopped = threading.Event()

    def ask(self, path, body=None, *, key=None):
        """Return status and body; None where the service died."""
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            asked.request("POST", path, None if body is None else json.dumps(body), headers)
            answer = asked.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException):
            return None
        finally:
            asked.close()

    def run(self):
        number = 0
        while not self.stopped.is_set():
            claimed = self.ask("/v1/review/claim")
            if claimed is None or claimed[1] is None:
                continue
            number += 1
            key = f"{self.name}-{number}"
            body = {"product_id": claimed[1]["product_id"], "kind": KINDS[number % 3 == 0]}
            while (got := self.ask("/v1/decisions", body, key=key)) is None and not self.stopped.is_set():
                self.cut += 1
            if got is None:
                return
            status, answer = got
            if status == 201:
                self.kept[key] = (answer["id"], answer["product_id"], answer["kind"])
                self.told.set()
            else:
                self.wrong.append(got)


@pytest.fixture(params=BOTH)
def lasting_database(request, tmp_path):
    """Return the URL of a blank database that keeps what it acknowledged when it is killed."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'aisle.db'}"
        return
    with postgres_server(fsync=True).database() as url:
        yield url


@pytest.fixture
def secrets_of_people(lasting_database):
    upgrade(lasting_database)
    database = Database.open(lasting_database)
    with database.write() as c:
        for number in range(PRODUCTS):
            said = prediction(decision="review")
            rules = {"chosen": None, "precision": 0.98, "policy": ReviewPolicy(), "draw": 0.9, "now": number}
            receive(c, product(f"{number:032x}"), said, **rules)
        made = [create_key(c, name=name, scopes=("review",), now=0)[1] for name in PEOPLE]
    database.close()
    return made


def rows(url):
    database = Database.open(url)
    with database.read() as c:
        answers = {row.key: json.loads(row.body) for row in c.execute(select(idempotency))}
        made = {row.id: (row.product_id, row.kind) for row in c.execute(select(decisions))}
    database.close()
    return answers, made


def test_decisions_survive_200_kills_of_the_service(lasting_database, secrets_of_people, engine_folder, tmp_path):
    rng = random.Random(7)  # noqa: S311 - when to kill
    told = threading.Event()
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
        words = [lasting_database, str(engine_folder), str(tmp_path / "photos"), str(listening.fileno())]
        service = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", SERVICE, *words],
                text=True,
                bufsize=1,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=[listening.fileno()],
            )
        )
        people = [Moderator(secret, listening.getsockname()[1], told) for secret in secrets_of_people]
        for turn in range(KILLS):
            told.clear()
            service.stdin.write("go\n")
            child = int(service.stdout.readline())
            if not turn:
                for each in people:
                    each.start()
            assert told.wait(60), [each.wrong for each in people]
            time.sleep(rng.uniform(0, LONGEST))
            os.kill(child, signal.SIGKILL)
            assert service.stdout.readline() == "gone\n"
        for each in people:
            each.stopped.set()
        service.stdin.close()
        listening.close()
    for each in people:
        each.join(60)

    answers, made = rows(lasting_database)
    acknowledged = {key: kept for each in people for key, kept in each.kept.items()}
    assert [each.wrong for each in people] == [[], []]
    assert len(acknowledged) >= KILLS
    assert sum(each.cut for each in people) > KILLS / 4  # the end did come in the middle of requests
    assert {key: made[answer[0]] for key, answer in acknowledged.items()} == {
        key: answer[1:] for key, answer in acknowledged.items()
    }
    assert sorted(answer["id"] for answer in answers.values()) == sorted(made)  # nothing twice, nothing by half

"""Several people claim at one moment."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.posted import LEASE, NOW, queued

from aisle.store.claims import claim, claim_one
from aisle.store.database import Database

PEOPLE, PRODUCTS = 8, 40


def run_together(work, people=PEOPLE):
    start = threading.Barrier(people)

    def each(number):
        start.wait(timeout=30)
        return work(number)

    with ThreadPoolExecutor(people) as pool:
        return list(pool.map(each, range(people)))


def test_nobody_gets_what_another_has(database, database_url):
    """Every person comes through an own program, as it were, and takes one product after another."""
    with database.write() as c:
        for number in range(PRODUCTS):
            queued(c, f"p{number}", float(number % 3))

    def take(person):
        own, taken = Database.open(database_url), []
        try:
            while True:
                with own.write() as c:
                    found = claim(c, by=f"person {person} {len(taken)}", now=NOW, lease_us=LEASE)
                if found is None:
                    return taken
                taken.append(found.product_id)
        finally:
            own.close()

    taken = run_together(take)
    every = [name for each in taken for name in each]
    assert len(every) == len(set(every)) == PRODUCTS
    assert sum(bool(each) for each in taken) > 1


def test_a_picked_product_goes_to_one(database):
    with database.write() as c:
        queued(c, "p")

    def pick(person):
        try:
            with database.write() as c:
                return claim_one(c, product_id="p", by=f"person {person}", now=NOW, lease_us=LEASE).claimed_by
        except Exception as err:
            return type(err).__name__

    answers = run_together(pick)
    assert sorted(answers)[:-1] == ["ClaimedError"] * (PEOPLE - 1)
    assert sorted(answers)[-1].startswith("person")


def test_a_claim_in_the_making_holds_nobody_up_on_postgresql(database):
    """What another transaction is about to take is passed over, not waited for."""
    if database.is_sqlite:
        pytest.skip("on SQLite writes come one after another")
    with database.write() as c:
        queued(c, "best", 2.0)
        queued(c, "next", 1.0)
    with database.write() as slow:
        assert claim(slow, by="anna", now=NOW, lease_us=LEASE).product_id == "best"
        began = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(_claim, database, "bert").result(timeout=20)
        assert (found, time.monotonic() - began < 10) == ("next", True)


def test_a_claim_that_is_rolled_back_frees_the_product(database):
    with database.write() as c:
        queued(c, "p")
    with database.write() as c:
        assert claim(c, by="anna", now=NOW, lease_us=LEASE).product_id == "p"
        c.rollback()
    assert _claim(database, "bert") == "p"


def _claim(database, by):
    with database.write() as c:
        return claim(c, by=by, now=NOW, lease_us=LEASE).product_id

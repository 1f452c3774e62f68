"""Work that survives a kill: everything is done, nothing by two at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from aisle.errors import ClaimedError
from aisle.store.jobs import enqueue, fail, finish, heartbeat, jobs, lease


def put(c, number=1, **more):
    return enqueue(c, **{"kind": "mail", "payload": {"number": number}, "now": number} | more)


def take(c, by="w1", now=1000, kinds=("mail",)):
    return lease(c, kinds=kinds, by=by, now=now, lease_us=100)


def states(database):
    with database.read() as c:
        return [(job.state, job.attempts, job.error) for job in jobs(c)]


@pytest.fixture
def c(database):
    with database.write() as connection:
        yield connection


def test_the_oldest_of_the_wanted_kind_comes_first(c):
    put(c, 3)
    put(c, 1, kind="other")
    wanted = put(c, 2)
    job = take(c)
    assert (job.id, job.payload, job.attempts, job.leased_until) == (wanted, {"number": 2}, 1, 1100)
    assert take(c).payload == {"number": 3}
    assert take(c) is None
    assert take(c, kinds=("other",)).payload == {"number": 1}


def test_a_job_waits_for_its_time(c):
    put(c, now=2000)
    assert take(c, now=1999) is None
    assert take(c, now=2000) is not None


def test_a_lost_worker_s_job_is_taken_over_and_the_lost_one_hears_of_it(database):
    with database.write() as c:
        job = put(c)
        assert take(c, "w1", now=1000).id == job
        assert take(c, "w2", now=1099) is None
        assert take(c, "w2", now=1100).attempts == 2
    for late in (
        lambda c: heartbeat(c, id=job, by="w1", now=1101, lease_us=100),
        lambda c: finish(c, id=job, by="w1", now=1101),
        lambda c: fail(c, id=job, by="w1", error="", now=1101, retry_at=0),
    ):
        with pytest.raises(ClaimedError, match="is not w1's any more"), database.write() as c:
            late(c)
    with database.write() as c:
        finish(c, id=job, by="w2", now=1150)
    assert states(database) == [("done", 2, None)]


def test_a_worker_that_says_it_is_alive_keeps_its_job(c):
    job = put(c)
    take(c, "w1", now=1000)
    heartbeat(c, id=job, by="w1", now=1090, lease_us=100)
    assert take(c, "w2", now=1189) is None
    assert take(c, "w2", now=1190).id == job


def test_a_job_that_fails_comes_again_and_is_dead_after_five_times(database):
    with database.write() as c:
        job = put(c)
        for attempt in range(1, 6):
            assert take(c, now=1000 * attempt).attempts == attempt
            fail(c, id=job, by="w1", error=f"no\0 {attempt}", now=1000 * attempt, retry_at=1000 * attempt + 500)
            assert take(c, now=1000 * attempt + 499) is None
        assert take(c, now=10**9) is None
    assert states(database) == [("dead", 5, "no\ufffd 5")]


def test_a_job_that_kills_its_workers_is_dead_after_five_of_them(database):
    with database.write() as c:
        put(c)
        for attempt in range(1, 6):
            assert take(c, now=1000 * attempt).attempts == attempt
        assert take(c, now=10**9) is None
    assert states(database) == [("dead", 5, "its worker was lost 5 times")]


def test_a_name_is_taken_until_its_job_ends(c):
    first = put(c, unique="retrain")
    assert put(c, unique="retrain") == first
    assert put(c, unique="other") != first
    assert take(c).id == first
    assert put(c, unique="retrain") == first
    finish(c, id=first, by="w1", now=1001)
    assert put(c, unique="retrain") != first


def test_a_name_has_a_length(c):
    with pytest.raises(ValueError, match="at most 255 characters, not 256"):
        put(c, unique="x" * 256)


def test_a_job_that_is_done_stays_so(c):
    job = put(c)
    take(c)
    finish(c, id=job, by="w1", now=1001)
    with pytest.raises(ClaimedError):
        fail(c, id=job, by="w1", error="", now=1002, retry_at=0)


def test_many_workers_share_the_jobs_and_no_job_is_done_twice(database):
    with database.write() as c:
        for number in range(60):
            put(c, number)
    done, begin = [], threading.Barrier(8)

    def work(name):
        begin.wait()
        while True:
            with database.write() as c:
                job = take(c, name)
            if job is None:
                return
            with database.write() as c:
                finish(c, id=job.id, by=name, now=1001)
            done.append(job.payload["number"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [f"w{number}" for number in range(8)]))
    assert sorted(done) == list(range(60))


def test_many_at_once_put_one_job_of_a_name(database):
    def put_one(number):
        with database.write() as c:
            return put(c, number, unique="retrain")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(put_one, range(16)))) == 1
    assert len(states(database)) == 1

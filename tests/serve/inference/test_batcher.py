"""Requests shared out: nothing waits for company, nothing is lost, one bad product harms nobody else."""

import asyncio
import threading
import time

import pytest
from threadpoolctl import threadpool_info

from aisle.product import Product
from aisle.serve.problems import Problem


def named(*titles):
    return [Product(title=title) for title in titles]


def answered(fake):
    return {title for batch in fake.batches for title in batch}


async def begin(*asked):
    """Start requests in order and let each reach the queue."""
    tasks = [asyncio.ensure_future(each) for each in asked]
    await asyncio.sleep(0)
    return tasks


async def held(fake, batcher):
    """Close the gate behind a first request, so that the only worker is at work."""
    fake.gate.clear()
    (task,) = await begin(batcher.predict(Product(title="first")))
    assert await asyncio.to_thread(fake.begun.acquire, timeout=20)
    return task


def test_answers_go_to_whoever_asked(batcher_of):
    batcher = batcher_of(workers=3, queue_size=100)

    async def run():
        return await asyncio.gather(*(batcher.predict(Product(title=str(number))) for number in range(90)))

    assert [found.id for found in asyncio.run(run())] == [str(number) for number in range(90)]


def test_what_waits_is_answered_together_in_order_and_no_more_than_fits(fake, batcher_of):
    batcher = batcher_of()

    async def run():
        first = await held(fake, batcher)
        waiting = await begin(*(batcher.predict(product) for product in named(*"abcdef")))
        assert (batcher.waiting, batcher.busy) == (6, 1)
        fake.gate.set()
        await asyncio.gather(first, *waiting)

    asyncio.run(run())
    assert fake.batches == [["first"], ["a", "b", "c", "d"], ["e", "f"]]


def test_what_waits_is_shared_out_among_the_workers(fake, batcher_of):
    batcher = batcher_of(workers=2)

    async def run():
        first, second = await held(fake, batcher), await held(fake, batcher)
        waiting = await begin(*(batcher.predict(product) for product in named(*"abcd")))
        fake.gate.set()
        await asyncio.gather(first, second, *waiting)

    asyncio.run(run())
    assert ["a", "b"] in fake.batches
    assert ["a", "b", "c", "d"] not in fake.batches


def test_a_full_queue_refuses_at_once_and_takes_again_when_there_is_room(fake, batcher_of):
    batcher = batcher_of(queue_size=2)

    async def run():
        first = await held(fake, batcher)
        waiting = await begin(*(batcher.predict(product) for product in named("a", "b")))
        with pytest.raises(Problem) as caught:
            await batcher.predict(Product(title="c"))
        fake.gate.set()
        await asyncio.gather(first, *waiting)
        await batcher.predict(Product(title="d"))
        return caught.value

    problem = asyncio.run(run())
    assert (problem.status_code, problem.code) == (503, "busy")
    assert int(problem.headers["Retry-After"]) >= 1
    assert "c" not in answered(fake)
    assert "d" in answered(fake)


@pytest.mark.parametrize("poison", ["poison", "poison-stop", "poison-base"])
def test_one_poison_product_fails_alone_and_the_worker_lives(fake, batcher_of, poison):
    batcher = batcher_of()

    async def run():
        first = await held(fake, batcher)
        waiting = await begin(*(batcher.predict(product) for product in named("a", poison, "b")))
        fake.gate.set()
        found = await asyncio.gather(first, *waiting, return_exceptions=True)
        return found, await batcher.predict(Product(title="after"))

    found, after = asyncio.run(run())
    assert [each.id for each in (found[1], found[3], after)] == ["a", "b", "after"]
    assert type(found[2]) is (ValueError if poison == "poison" else RuntimeError)
    assert poison in str(found[2])


def test_a_cancelled_request_is_never_begun_and_frees_its_place(fake, batcher_of):
    batcher = batcher_of(queue_size=1)

    async def run():
        first = await held(fake, batcher)
        (gone,) = await begin(batcher.predict(Product(title="gone")))
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert batcher.waiting == 0
        (stays,) = await begin(batcher.predict(Product(title="stays")))
        fake.gate.set()
        await asyncio.gather(first, stays)

    asyncio.run(run())
    assert fake.batches == [["first"], ["stays"]]


def test_a_request_cancelled_at_work_harms_nobody(fake, batcher_of):
    batcher = batcher_of()

    async def run():
        first = await held(fake, batcher)
        first.cancel()
        fake.gate.set()
        return await batcher.predict(Product(title="next"))

    assert asyncio.run(run()).id == "next"


def test_what_is_past_its_deadline_is_not_begun(fake, batcher_of):
    batcher = batcher_of()

    async def run():
        first = await held(fake, batcher)
        waiting = await begin(
            batcher.predict(Product(title="late"), deadline=time.monotonic() - 1),
            batcher.predict(Product(title="in time"), deadline=time.monotonic() + 60),
        )
        fake.gate.set()
        return (await asyncio.gather(first, *waiting, return_exceptions=True))[1:]

    late, in_time = asyncio.run(run())
    assert (late.status_code, late.code) == (503, "busy")
    assert in_time.id == "in time"
    assert "late" not in answered(fake)


def test_requests_that_ask_for_something_else_are_not_mixed(fake, batcher_of):
    batcher = batcher_of()

    async def run():
        first = await held(fake, batcher)
        waiting = await begin(
            batcher.predict(Product(title="a"), precision=0.9),
            batcher.predict(Product(title="b"), evidence=False),
            batcher.predict(Product(title="c"), precision=0.9),
        )
        fake.gate.set()
        return await asyncio.gather(first, *waiting)

    assert [found.id for found in asyncio.run(run())] == ["first", "a", "b", "c"]
    asked = dict(zip(map(tuple, fake.batches), fake.rules, strict=True))
    assert asked == {("first",): (None, True), ("a", "c"): (0.9, True), ("b",): (None, False)}


def test_many_of_one_request_stand_behind_single_ones(fake, batcher_of):
    batcher = batcher_of()

    async def run():
        first = await held(fake, batcher)
        many = await begin(batcher.predict_many(named(*"klmnop")))
        single = await begin(batcher.predict(Product(title="a")))
        fake.gate.set()
        found = await asyncio.gather(first, *many, *single)
        return found[1]

    assert [found.id for found in asyncio.run(run())] == list("klmnop")
    assert fake.batches[1] == ["a"]


def test_many_of_one_request_are_taken_although_they_are_more_than_the_queue(batcher_of):
    batcher = batcher_of(queue_size=2)
    found = asyncio.run(batcher.predict_many(named(*map(str, range(64)))))
    assert [each.id for each in found] == [str(number) for number in range(64)]


def test_requests_of_many_are_refused_when_too_many_wait(fake, batcher_of):
    batcher = batcher_of(queue_size=2)  # 8 may wait

    async def run():
        first = await held(fake, batcher)
        many = await begin(batcher.predict_many(named(*"abcdefg")))
        with pytest.raises(Problem, match="503"):
            await batcher.predict_many(named("x", "y"))
        fake.gate.set()
        await asyncio.gather(first, *many)

    asyncio.run(run())
    assert "x" not in answered(fake)


def test_an_error_in_one_of_many_ends_the_request_and_leaves_nothing_behind(fake, batcher_of):
    batcher = batcher_of()

    async def run():
        with pytest.raises(ValueError, match="poison"):
            await batcher.predict_many(named("a", "poison", *map(str, range(20)), "poison"))
        assert batcher.waiting == 0
        return await batcher.predict(Product(title="after"))

    assert asyncio.run(run()).id == "after"


def test_a_close_answers_all_that_was_taken_and_takes_nothing_more(fake, batcher_of):
    batcher = batcher_of(workers=2)

    async def run():
        first = await held(fake, batcher)
        waiting = await begin(*(batcher.predict(product) for product in named(*"abc")))
        closing = asyncio.ensure_future(asyncio.to_thread(batcher.close))
        await asyncio.sleep(0.05)
        with pytest.raises(Problem, match="503"):
            await batcher.predict(Product(title="too late"))
        fake.gate.set()
        await closing
        return await asyncio.gather(first, *waiting)

    assert [found.id for found in asyncio.run(run())] == ["first", "a", "b", "c"]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("answer-")]


def test_a_close_that_may_not_wait_refuses_what_is_left(fake, batcher_of):
    batcher = batcher_of()

    async def run():
        first = await held(fake, batcher)
        (left,) = await begin(batcher.predict(Product(title="left")))
        await asyncio.to_thread(batcher.close, 0.05)
        with pytest.raises(Problem, match="503"):
            await left
        fake.gate.set()
        return await first

    assert asyncio.run(run()).id == "first"


def test_an_answer_for_a_loop_that_is_gone_is_dropped(fake, batcher_of):
    batcher = batcher_of()

    async def leave():
        await held(fake, batcher)

    asyncio.run(leave())
    fake.gate.set()
    assert asyncio.run(batcher.predict(Product(title="next"))).id == "next"


def test_batches_are_reported_with_their_times(batcher_of):
    seen = []
    batcher = batcher_of(observe=seen.append)
    asyncio.run(batcher.predict_many(named("a")))
    batcher.close()
    assert [times.size for times in seen] == [1]
    assert 0 <= seen[0].waited[0] < 20
    assert 0 <= seen[0].worked < 20


def test_an_observer_that_fails_harms_no_answer(batcher_of):
    def fail(_):
        raise OSError("full")

    batcher = batcher_of(observe=fail)
    for _ in range(3):
        assert asyncio.run(batcher.predict(Product(title="a"))).id == "a"


def test_linear_algebra_stays_on_one_thread_while_it_serves(fake, batcher_of):
    def threads():
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    before = threads()
    batcher = batcher_of(workers=2)
    asyncio.run(batcher.predict(Product(title="a")))
    assert threads() == {1}
    batcher.close()
    assert threads() == before

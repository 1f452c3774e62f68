"""One engine, asked by several threads at once."""

from concurrent.futures import ThreadPoolExecutor

from threadpoolctl import threadpool_info


def blas_threads():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_threads_get_the_answers_that_one_gets(engine, shop):
    expected = engine.predict(shop)

    def ask(number):
        order = shop[number:] + shop[:number]
        found = engine.predict(order, precision=0.8 if number % 2 else None, evidence=True)
        return found[-number:] + found[:-number] if number else found

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(ask, range(24)):
            assert [each.id for each in found] == [each.id for each in expected]
            assert [each.decision for each in found] == [each.decision for each in expected]
            assert [each.evidence.terms[:1] for each in found] == [each.evidence.terms[:1] for each in expected]
            assert max(abs(a.probability - b.probability) for a, b in zip(found, expected, strict=True)) < 1e-5


def test_linear_algebra_keeps_its_threads_after_callers_that_overlap(engine, shop):
    before = blas_threads()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: engine.predict(shop[:3]), range(60)))
    assert blas_threads() == before

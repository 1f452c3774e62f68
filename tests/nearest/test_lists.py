"""An index that reads lists: as good as it says, never without a copy, and complete where all are asked for."""

import sys

import numpy as np
import pytest

from aisle.errors import MissingExtraError
from aisle.nearest import NearestIndex

pytest.importorskip("faiss")


def share_found(found, expected):
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), expected.tolist(), strict=True)])


def test_it_finds_as_many_as_it_promises(listed, heaps, brute_force):
    queries = heaps(400, seed=1)
    found = listed.search(queries, 10)
    rows, _ = brute_force(queries, heaps(3000), 10)
    assert share_found(found.rows, rows) >= 0.95
    assert listed.lists.recall >= 0.98
    assert 1 <= listed.lists.probes < len(listed.lists.centres)  # or it would be no lists
    assert (np.diff(found.similarities, axis=1) <= 0).all()
    cosines = np.einsum("qd,qkd->qk", queries, heaps(3000)[found.rows])
    np.testing.assert_allclose(found.similarities, cosines, atol=1e-3)


def test_uniform_vectors_have_no_heaps_and_are_found_all_the_same(build, brute_force):
    numbers = np.random.default_rng(3)
    vectors = numbers.standard_normal((2000, 48)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = build(vectors, exact_below=1)
    rows, _ = brute_force(vectors[:200], vectors, 10)
    assert share_found(index.search(vectors[:200]).rows, rows) >= 0.95


def test_a_copy_is_never_missed(build, heaps):
    # Where neighbours are linked in a graph, copies are what gets lost.
    vectors = heaps(3000)
    vectors[500:1500] = vectors[0]
    vectors[1500:1800] = vectors[1]
    index = build(vectors, exact_below=1000)
    found = index.search(vectors, 1)
    assert (found.similarities > 0.999).all()
    assert (vectors[found.rows[:, 0]] == vectors).all()


@pytest.mark.parametrize("count", [3000, 5000])
def test_all_are_found_where_lists_hold_too_few(listed, heaps, brute_force, count):
    queries = heaps(3, seed=1)
    found = listed.search(queries, count)
    rows, cosines = brute_force(queries, heaps(3000), count)
    assert share_found(found.rows, rows) > 0.99
    np.testing.assert_allclose(found.similarities, cosines, atol=1e-3)


def test_what_is_added_is_found(listed, heaps, brute_force):
    more = heaps(700, seed=5)
    listed.search(more[:1])  # the lists are in memory, and grow there
    listed.add(more, [f"more{row}" for row in range(700)])
    listed.add(np.zeros((1, 24)), ["nothing"])
    assert listed.search(more, 1).ids == [[f"more{row}"] for row in range(700)]
    queries = heaps(200, seed=1)
    rows, _ = brute_force(queries, np.concatenate([heaps(3000), more]), 10)
    assert share_found(listed.search(queries).rows, rows) >= 0.95
    assert len(listed) == 3701


def test_an_index_that_grows_beyond_the_limit_begins_to_read_lists(build, heaps):
    index = build(heaps(900), exact_below=1000)
    index.add(heaps(300, seed=2), [f"more{row}" for row in range(300)], exact_below=1000)
    assert not index.exact
    assert index.search(heaps(300, seed=2), 1).ids == [[f"more{row}"] for row in range(300)]


def test_zeros_are_in_no_list(build, heaps):
    vectors = heaps(2000)
    vectors[::2] = 0
    index = build(vectors, exact_below=1000)
    found = index.search(np.concatenate([vectors[1:20:2], np.zeros((1, 24))]), 1500)
    assert all(len(ids) == 1000 for ids in found.ids[:-1])
    assert (found.rows[:-1, :1000] % 2 == 1).all()
    assert found.ids[-1] == []
    assert build(np.zeros((2000, 4)), exact_below=1000).search([[1, 0, 0, 0]]).ids == [[]]


def test_a_few_vectors_make_lists_as_well(build):
    index = build(np.eye(5), exact_below=1)
    assert not index.exact
    assert index.search(np.eye(5), 1).ids == [["p0"], ["p1"], ["p2"], ["p3"], ["p4"]]


def test_many_threads_ask_at_once(listed, heaps):
    from concurrent.futures import ThreadPoolExecutor

    queries = heaps(64, seed=1)
    alone = [listed.search(queries[row : row + 1]).ids for row in range(64)]
    del listed.__dict__["_search"]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda row: listed.search(queries[row : row + 1]).ids, range(64)))
    assert together == alone


def test_without_the_library_few_are_found_and_many_say_what_to_install(build, heaps, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    few = build(heaps(900), exact_below=1000)
    assert few.search(heaps(900)[:1], 1).ids == [["p0"]]
    assert isinstance(few, NearestIndex)
    with pytest.raises(MissingExtraError, match=r"pip install 'aisle\[nearest\]'"):
        build(heaps(1000), exact_below=1000)

"""An index that compares with everything: right, in order, and plain about what it cannot take."""

import numpy as np
import pytest

from aisle.errors import AisleError, NearestError
from aisle.nearest import NearestIndex


def test_below_the_limit_the_nearest_are_those_of_brute_force(build, heaps, brute_force):
    # As many as several blocks of vectors and of queries take.
    vectors, queries = heaps(9000), heaps(1100, seed=1)
    found = build(vectors).search(queries, 10)
    rows, cosines = brute_force(queries, vectors, 10)
    assert found.rows.shape == (1100, 10)
    np.testing.assert_allclose(found.similarities, cosines, atol=1e-3)
    # Half precision may exchange two that are alike to the third digit, and nothing else.
    assert (found.rows == rows).mean() > 0.97
    assert found.ids[7] == [f"p{row}" for row in found.rows[7]]
    assert (np.diff(found.similarities, axis=1) <= 0).all()


def test_it_is_exact_up_to_the_limit_and_no_further(build, heaps):
    pytest.importorskip("faiss")
    vectors = heaps(2000)
    assert build(vectors, exact_below=2001).exact
    assert not build(vectors, exact_below=2000).exact
    assert build(vectors).exact


@pytest.mark.parametrize("count", [1, 3, 5, 900])
def test_no_more_is_found_than_there_is(build, count):
    index = build([[1, 0], [0, 1], [1, 1], [-1, 0], [1, 0.1]])
    found = index.search([[1, 0]], count)
    assert found.ids == [["p0", "p4", "p2", "p1", "p3"][:count]]
    np.testing.assert_allclose(found.similarities[0], [1, 1 / np.sqrt(1.01), np.sqrt(0.5), 0, -1][:count], atol=1e-3)


def test_of_equals_the_first_comes_first(build):
    # More of them than a block of vectors holds, and than are asked for.
    vectors = np.ones((20_000, 3))
    vectors[::2] = [1, 0, 0]
    found = build(vectors).search([[1, 1, 1], [2, 0, 0]], 6)
    assert found.rows.tolist() == [[1, 3, 5, 7, 9, 11], [0, 2, 4, 6, 8, 10]]
    assert build([[1, 0]] * 5).search([[1, 0]], 5).rows.tolist() == [[0, 1, 2, 3, 4]]


def test_length_does_not_matter_however_great_or_small(build):
    index = build(np.array([[3e38, 3e38], [1e-40, 0], [0, 7]]))
    found = index.search(np.array([[1e-320, 1e-320], [5e300, 0]]), 1)
    assert found.ids == [["p0"], ["p1"]]
    np.testing.assert_allclose(found.similarities, 1, atol=1e-3)
    assert (found.similarities <= 1).all()


def test_zeros_are_like_nothing(build):
    index = build([[0, 0], [-1, 0], [0, 0]])
    found = index.search([[1, 0], [0, 0]], 3)
    assert found.ids == [["p1"], []]
    assert found.rows.tolist() == [[1, -1, -1], [-1, -1, -1]]
    assert found.similarities.tolist() == [[-1.0, -np.inf, -np.inf], [-np.inf] * 3]


def test_an_empty_index_finds_nothing_and_can_grow():
    index = NearestIndex.build(np.empty((0, 3)), [])
    assert len(index) == 0
    assert index.search([[1, 0, 0]]).ids == [[]]
    assert index.search(np.empty((0, 3))).ids == []
    assert index.duplicates() == []
    index.add([[1, 0, 0]], ["a"])
    assert index.search([[1, 0, 0]]).ids == [["a"]]


def test_what_is_added_is_found_like_the_rest(build, heaps):
    vectors, queries = heaps(500), heaps(50, seed=1)
    grown = build(vectors[:200])
    grown.add(vectors[200:201], ["p200"])
    grown.add(vectors[201:], [f"p{row}" for row in range(201, 500)])
    whole = build(vectors)
    assert grown.search(queries).ids == whole.search(queries).ids
    assert (grown.search(queries).similarities == whole.search(queries).similarities).all()


def test_whole_numbers_and_half_precision_are_vectors_too(build):
    for kind in (np.int32, np.float16, np.float64):
        assert build(np.array([[1, 0], [1, 1]], dtype=kind)).search(np.array([[1, 1]], dtype=kind), 1).ids == [["p1"]]


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1.0, np.nan]], "vector 0 holds NaN or an infinity"),
        ([[1.0, 0.0]] * 9000 + [[np.inf, 0.0]], "vector 9000 holds NaN or an infinity"),
        ([1.0, 2.0], r"a single one is vector\[None\]"),
        ([["a", "b"]], "an array of numbers"),
        (np.empty((2, 0)), "at least one column"),
        (np.array([[True, False]]), "an array of numbers"),
    ],
)
def test_what_is_no_vector_is_refused(build, vectors, message):
    with pytest.raises(NearestError, match=message):
        build(vectors)
    with pytest.raises(NearestError):
        build([[1.0, 0.0]]).search(vectors)


def test_vectors_of_another_dimension_are_refused(build):
    index = build([[1, 0], [0, 1]])
    for refused in (lambda: index.search([[1, 0, 0]]), lambda: index.add([[1, 0, 0]], ["c"])):
        with pytest.raises(NearestError, match="have 3 numbers and those of the index 2"):
            refused()
    assert len(index) == len(index.ids) == 2


def test_there_is_one_id_each_and_it_is_a_text():
    for ids in (["a"], ["a", "b", "c"], "ab"):
        with pytest.raises(NearestError, match="one each"):
            NearestIndex.build([[1, 0], [0, 1]], ids)
    with pytest.raises(NearestError, match="an id is text, not int: 2"):
        NearestIndex.build([[1, 0], [0, 1]], ["a", 2])


def test_ids_are_any_texts(build):
    ids = ["", "ä€\U0001f455", "two\nlines", "half \ud83d", "ä€\U0001f455"]
    found = NearestIndex.build(np.eye(5), ids).search(np.eye(5), 1).ids
    assert found == [[""], ["ä€\U0001f455"], ["two\nlines"], ["half ?"], ["ä€\U0001f455"]]


@pytest.mark.parametrize("count", [0, -1])
def test_fewer_than_one_cannot_be_asked_for(build, count):
    with pytest.raises(AisleError, match="ask for 1 or more"):
        build([[1, 0]]).search([[1, 0]], count)

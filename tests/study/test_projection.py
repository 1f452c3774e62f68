"""Maps: neighbours stay neighbours, the same rows give the same map, and odd rows give one at all."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from aisle.study import projection
from aisle.study.projection import project


def groups_of(count, size=20, *, width=10):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(count), size)
    return (4 * rng.normal(size=(count, width))[labels] + rng.normal(size=(labels.size, width))).astype(
        np.float32
    ), labels


def test_groups_stay_together_and_the_map_is_kept(settings, monkeypatch):
    matrix, labels = groups_of(3)
    present = np.ones(60, dtype=np.bool_)
    present[5] = False
    places = project(matrix, present, settings=settings)
    assert places.shape == (60, 2)
    assert np.isnan(places[5]).all()
    assert np.isfinite(places[present]).all()
    neighbours = KNeighborsClassifier(5).fit(places[present], labels[present])
    assert neighbours.score(places[present], labels[present]) > 0.95

    monkeypatch.setattr(projection, "TSNE", None)
    np.testing.assert_array_equal(places, project(matrix, present, settings=settings))


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((3, 4)),
        np.full((12, 4), 0.1),
        np.arange(12.0)[:, None],  # one column
        np.eye(12)[:, :2],
        np.repeat(np.eye(2), 6, axis=0),  # two places only
        np.eye(5),
    ],
    ids=["three rows", "equal rows", "one column", "two columns", "two places", "five rows"],
)
def test_rows_with_little_in_them(settings, matrix):
    places = project(matrix.astype(np.float32), np.ones(len(matrix), dtype=np.bool_), settings=settings)
    assert places.shape == (len(matrix), 2)
    assert np.isfinite(places).all()


def test_no_rows_at_all(settings):
    assert np.isnan(project(np.zeros((4, 2), dtype=np.float32), np.zeros(4, dtype=np.bool_), settings=settings)).all()

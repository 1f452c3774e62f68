"""k-means: scikit-learn as the oracle, seeds that do not depend on each other, and data without clusters."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from aisle.study.kmeans import kmeans


def blobs(*, groups=4, size=30, width=6, spread=0.2, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(groups), size)
    centres = 5 * rng.normal(size=(groups, width))
    return (centres[truth] + rng.normal(scale=spread, size=(truth.size, width))).astype(np.float32), truth


def noise(rows, columns, *, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


def inertia_of(X, labels):
    """Sum of squared distances to the mean of the cluster, in double precision."""
    X = X.astype(np.float64)
    return sum(((X[labels == k] - X[labels == k].mean(axis=0)) ** 2).sum() for k in np.unique(labels))


def test_separated_groups_are_recovered_from_every_seed():
    X, truth = blobs()
    for found in kmeans(X, clusters=4, seeds=5):
        assert adjusted_rand_score(truth, found.labels) == 1.0


@pytest.mark.parametrize(("rows", "columns", "clusters"), [(300, 5, 7), (200, 40, 5), (60, 90, 6)])
def test_inertia_equals_that_of_scikit_learn(rows, columns, clusters):
    X = noise(rows, columns)
    ours = np.mean([found.inertia for found in kmeans(X, clusters=clusters, seeds=20)])
    theirs = np.mean([KMeans(clusters, n_init=10, random_state=seed).fit(X).inertia_ for seed in range(20)])
    assert ours == pytest.approx(theirs, rel=0.005)


def test_the_inertia_is_that_of_the_labels():
    X = noise(120, 8) + 100  # far from the origin, where float32 is coarse
    for found in kmeans(X, clusters=5, seeds=3):
        assert found.inertia == pytest.approx(inertia_of(X, found.labels), rel=1e-3)


@pytest.mark.parametrize("shape", [(150, 20), (40, 90)])
def test_a_seed_gives_the_same_whatever_runs_beside_it(shape):
    X = noise(*shape)
    together = kmeans(X, clusters=6, seeds=12, threads=2)
    for seed in (0, 5, 11):
        alone = kmeans(X, clusters=6, seeds=[seed])[0]
        np.testing.assert_array_equal(alone.labels, together[seed].labels)
        assert alone.inertia == together[seed].inertia
    backwards = kmeans(X, clusters=6, seeds=[11, 5, 0], threads=3)
    np.testing.assert_array_equal(backwards[0].labels, together[11].labels)


def test_seeds_differ():
    assert len({found.inertia for found in kmeans(noise(200, 10), clusters=8, seeds=6, starts=1)}) > 1


def test_more_columns_than_rows_change_nothing():
    X = noise(50, 8)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(200, 200)))[0][:8]
    wide = (X @ rotation).astype(np.float32)  # the same distances in 200 columns
    for narrow, broad in zip(kmeans(X, clusters=4, seeds=5), kmeans(wide, clusters=4, seeds=5), strict=True):
        np.testing.assert_array_equal(narrow.labels, broad.labels)
        assert narrow.inertia == pytest.approx(broad.inertia, rel=1e-4)


def test_one_cluster_has_the_whole_variance():
    X = noise(30, 4)
    (found,) = kmeans(X, clusters=1, seeds=1)
    assert not found.labels.any()
    assert found.inertia == pytest.approx(30 * X.var(axis=0).sum(), rel=1e-5)


def test_as_many_clusters_as_rows():
    (found,) = kmeans(noise(9, 3), clusters=9, seeds=1)
    assert sorted(found.labels) == list(range(9))
    assert found.inertia == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("shape", [(8, 3), (4, 9)])
@pytest.mark.parametrize("value", [0.0, 0.1, -7.5])
@pytest.mark.parametrize("clusters", [1, 3, 4])
def test_rows_that_are_all_equal(shape, value, clusters):
    (found,) = kmeans(np.full(shape, value, dtype=np.float32), clusters=clusters, seeds=1)
    assert found.inertia == pytest.approx(0, abs=1e-6)
    assert found.labels.shape == shape[:1]


def test_fewer_distinct_rows_than_clusters():
    X = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    for found in kmeans(X, clusters=5, seeds=10):
        assert found.inertia == pytest.approx(0, abs=1e-6)
        assert adjusted_rand_score(np.repeat(np.arange(3), 4), found.labels) == 1.0


def test_no_cluster_is_left_empty_where_rows_suffice():
    X = np.concatenate([np.zeros((40, 2)), noise(6, 2) * 0.01 + 10, noise(3, 2) + 50]).astype(np.float32)
    for found in kmeans(X, clusters=6, seeds=20, starts=1):
        assert len(np.unique(found.labels)) == 6


def test_a_cluster_that_lost_its_rows_takes_the_farthest_one():
    from aisle.study.kmeans import _assign, _update

    X = np.array([[0.0], [1.0], [10.0], [12.0]], dtype=np.float32)
    centres = np.array([[[0.5], [11.0], [99.0]]], dtype=np.float32)  # nothing is nearest to the third
    labels, nearest = _assign(X, (X**2).sum(axis=1), centres)
    assert labels.tolist() == [[0, 0, 1, 1]]
    moved = _update(X, labels, nearest, centres)
    assert sorted(moved[0, :, 0].tolist()) == [0.5, 10.0, 12.0]  # 10 and 12 lie farthest; one of them moves out


def test_a_single_column():
    X = np.array([[0.0], [0.1], [5.0], [5.1], [9.0]], dtype=np.float32)
    (found,) = kmeans(X, clusters=3, seeds=1)
    assert adjusted_rand_score([0, 0, 1, 1, 2], found.labels) == 1.0


@pytest.mark.parametrize("clusters", [0, 6])
def test_a_number_of_clusters_that_cannot_be(clusters):
    with pytest.raises(ValueError, match=rf"{clusters} clusters of 5 rows: choose from 1 to 5"):
        kmeans(noise(5, 2), clusters=clusters, seeds=1)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite(value):
    X = noise(5, 2)
    X[3, 1] = value
    with pytest.raises(ValueError, match="not finite"):
        kmeans(X, clusters=2, seeds=1)


def test_the_rows_are_left_as_they_were():
    X = noise(30, 5)
    before = X.copy()
    kmeans(X, clusters=3, seeds=2)
    np.testing.assert_array_equal(X, before)

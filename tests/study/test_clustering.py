"""Clusters against categories: matching, scores, and what is kept."""

from itertools import permutations

import numpy as np
import pytest
from sklearn import metrics
from sklearn.decomposition import PCA

from aisle.study import clustering
from aisle.study.clustering import ClusterTask, match_clusters, name_clusters, reduce_dimensions, score_seeds
from aisle.study.kmeans import kmeans


def task_of(rows=60, columns=6, categories=3, *, seed=0, pca=False, absent=()):
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % categories
    matrix = rng.normal(size=(rows, columns)).astype(np.float32) + labels[:, None]
    present = np.ones(rows, dtype=np.bool_)
    present[list(absent)] = False
    return ClusterTask(matrix, present, labels, pca)


@pytest.fixture
def counted(monkeypatch):
    """Count the seeds that are computed."""
    computed = []

    def iterate(X, *, seeds, **options):
        computed.extend(seeds)
        return iter(kmeans(X, seeds=seeds, **options))

    monkeypatch.setattr(clustering, "iterate_kmeans", iterate)
    return computed


@pytest.mark.parametrize("seed", range(5))
def test_the_matching_is_the_best_of_all_permutations(seed):
    rng = np.random.default_rng(seed)
    labels, clusters = rng.integers(4, size=50), rng.integers(4, size=50)
    names = match_clusters(labels, clusters, categories=4)
    best = max(
        sum(order[c] == label for label, c in zip(labels, clusters, strict=True)) for order in permutations(range(4))
    )
    assert (names[clusters] == labels).sum() == best
    assert sorted(names) == [0, 1, 2, 3]


def test_fewer_clusters_than_categories():
    names = match_clusters(np.array([0, 0, 2, 2, 2]), np.array([1, 1, 0, 0, 0]), categories=3)
    assert names.tolist() == [2, 0]


def test_scores_are_those_of_scikit_learn(settings):
    task = task_of()
    found = score_seeds(task, seeds=4, settings=settings)
    labellings = [one.labels for one in kmeans(task.matrix, clusters=3, seeds=4)]
    for name, score in {
        "ari": metrics.adjusted_rand_score,
        "ami": metrics.adjusted_mutual_info_score,
        "v": metrics.v_measure_score,
    }.items():
        values = [score(task.labels, labels) for labels in labellings]
        assert found.summary[f"{name}_mean"] == pytest.approx(np.mean(values))
        assert found.summary[f"{name}_std"] == pytest.approx(np.std(values))
        assert found.summary[f"{name}_max"] == pytest.approx(max(values))
    assert (found.summary["dimension"], found.summary["seeds"], found.summary["clusters"]) == (6, 4, 3)


def test_recalls_and_accuracy_agree(settings):
    """With categories of one size, accuracy is the mean of the recalls."""
    found = score_seeds(task_of(), seeds=3, settings=settings)
    assert found.summary["accuracy_mean"] == pytest.approx(found.recalls.mean())


def test_the_median_seed_has_the_median_score(settings):
    task = task_of(columns=2)
    found = score_seeds(task, seeds=5, settings=settings)
    labellings = [one.labels for one in kmeans(task.matrix, clusters=3, seeds=5)]
    scores = [metrics.adjusted_rand_score(task.labels, labels) for labels in labellings]
    assert scores[found.median_seed] == np.median(scores)


def test_what_was_computed_is_not_computed_again(settings, counted):
    task = task_of()
    first = score_seeds(task, seeds=10, settings=settings)
    names = name_clusters(task, seed=3, settings=settings)
    assert counted == [*range(10), 3]
    counted.clear()
    again = score_seeds(task, seeds=10, settings=settings)
    assert first.summary == again.summary
    np.testing.assert_array_equal(names, name_clusters(task, seed=3, settings=settings))
    assert counted == []


def test_more_seeds_compute_only_those(settings, counted):
    score_seeds(task_of(), seeds=10, settings=settings)
    counted.clear()
    assert score_seeds(task_of(), seeds=100, settings=settings).summary["seeds"] == 100
    assert counted == list(range(10, 100))
    counted.clear()
    score_seeds(task_of(), seeds=5, settings=settings)
    assert counted == []


def test_a_killed_run_keeps_the_seeds_it_finished(settings, monkeypatch, counted):
    monkeypatch.setattr(clustering, "_SECONDS_AT_ONCE", 0.0)

    def iterate(X, *, seeds, **options):
        yield from kmeans(X, seeds=seeds[:4], **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(clustering, "iterate_kmeans", iterate)
        with pytest.raises(KeyboardInterrupt):
            score_seeds(task_of(), seeds=10, settings=settings)
    score_seeds(task_of(), seeds=10, settings=settings)
    assert counted == list(range(4, 10))


@pytest.mark.parametrize("change", [{"seed": 1}, {"pca": True}, {"absent": [0]}, {"categories": 4}])
def test_another_task_has_another_key(change):
    assert task_of(**change).key != task_of().key


@pytest.mark.parametrize("shape", [(200, 12), (30, 80)])
def test_dimensions_are_reduced_as_scikit_learn_does(shape):
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=shape) * np.geomspace(1, 0.01, shape[1])).astype(np.float32)
    ours, theirs = reduce_dimensions(rows), PCA(0.99, svd_solver="full").fit_transform(rows.astype(np.float64))
    assert ours.shape == theirs.shape
    assert ours.shape[1] < min(shape)
    np.testing.assert_allclose(ours @ ours.T, theirs @ theirs.T, atol=1e-3)


def test_rows_that_are_all_equal_keep_one_column(settings):
    assert reduce_dimensions(np.full((10, 4), 0.1, dtype=np.float32)).shape == (10, 1)
    labels = np.arange(10) % 2
    task = ClusterTask(np.full((10, 4), 0.1, dtype=np.float32), np.ones(10, dtype=np.bool_), labels, True)
    assert score_seeds(task, seeds=2, settings=settings).summary["ari_mean"] == 0


def test_absent_rows_are_left_out(settings):
    task = task_of(absent=[0, 7, 8])
    task.matrix[[0, 7, 8]] = 1e6  # would be a cluster of its own
    kept = np.delete(np.arange(60), [0, 7, 8])
    alone = ClusterTask(task.matrix[kept], np.ones(57, dtype=np.bool_), task.labels[kept])
    one, other = (score_seeds(each, seeds=3, settings=settings) for each in (task, alone))
    assert one.summary == other.summary
    names = name_clusters(task, seed=0, settings=settings)
    assert np.flatnonzero(names == -1).tolist() == [0, 7, 8]
    np.testing.assert_array_equal(names[kept], name_clusters(alone, seed=0, settings=settings))


def test_a_category_without_rows_gets_no_cluster_and_no_recall(settings):
    task = task_of(absent=range(1, 60, 3))
    found = score_seeds(task, seeds=3, settings=settings)
    assert found.summary["clusters"] == 2
    assert np.isnan(found.recalls).tolist() == [False, True, False]
    again = score_seeds(task, seeds=3, settings=settings)
    assert np.isnan(again.recalls).tolist() == [False, True, False]
    assert set(name_clusters(task, seed=0, settings=settings)) == {-1, 0, 2}


@pytest.mark.parametrize(("rows", "categories", "starts"), [(1050, 7, 10), (10_000, 10, 2), (20_000, 200, 1)])
def test_large_catalogues_get_fewer_starts(rows, categories, starts):
    assert task_of(rows, 1, categories).starts == starts

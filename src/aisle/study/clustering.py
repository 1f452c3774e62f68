"""How well clusters match categories: a hundred seeds, four measures, the mean first."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, v_measure_score

from aisle.cache import KeyedStore
from aisle.files import sha256_bytes
from aisle.progress import bar
from aisle.settings import Settings
from aisle.study.kmeans import KMEANS_VERSION, Clustering, iterate_kmeans

Array = NDArray[np.float32]
Labels = NDArray[np.int64]

PCA_SHARE = 0.99
SCORES_VERSION = 2
"""Goes up whenever the same clusters could give other scores."""

MEASURES = ("ari", "ami", "v", "accuracy")
_WORK = 200_000  # products x clusters that ten starts are affordable for
_SECONDS_AT_ONCE = 10.0  # a kill loses at most so much work


@dataclass(frozen=True)
class ClusterTask:
    """Rows to cluster, and what the clusters are compared with.

    Attributes
    ----------
    matrix : ndarray of float32, shape (n, d)
        One row per product.
    present : ndarray of bool, shape (n,)
        Rows that are clustered: a product without the modality says nothing of it.
    labels : ndarray of int, shape (n,)
        Categories.
    pca : bool
        Keep only the components that hold 99 % of the variance.
    """

    matrix: Array
    present: NDArray[np.bool_]
    labels: Labels
    pca: bool = False

    @property
    def categories(self) -> int:
        """How many categories there are, those without any row included."""
        return int(self.labels.max()) + 1

    @property
    def clusters(self) -> int:
        """As many clusters as there are categories among the rows."""
        return len(np.unique(self.truth))

    @property
    def truth(self) -> Labels:
        """The categories of the rows."""
        return self.labels[self.present]

    @property
    def starts(self) -> int:
        """Starts per seed: ten, fewer for large catalogues."""
        return int(np.clip(_WORK // (int(self.present.sum()) * self.clusters), 1, 10))

    @property
    def key(self) -> str:
        """Name the task by its content."""
        parts = (self.matrix, self.present, self.labels)
        content = b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
        shape = f"{self.matrix.shape} {self.pca} {self.starts} {PCA_SHARE} {KMEANS_VERSION} {SCORES_VERSION}".encode()
        return sha256_bytes(content + shape)[:40]

    def rows(self) -> Array:
        """Return the rows to cluster, reduced where asked for."""
        rows = self.matrix[self.present]
        return reduce_dimensions(rows) if self.pca else rows


def reduce_dimensions(rows: Array) -> Array:
    """Project on the principal components that hold 99 % of the variance."""
    if not np.ptp(rows, axis=0).any():
        return rows[:, :1]
    solver = "full" if rows.shape[0] <= rows.shape[1] else "covariance_eigh"
    return np.asarray(PCA(PCA_SHARE, svd_solver=solver).fit_transform(rows), dtype=np.float32)


def match_clusters(labels: Labels, clusters: NDArray[np.int32], *, categories: int) -> NDArray[np.int64]:
    """Return the category of each cluster under the best one-to-one matching (Kuhn 1955, "Hungarian").

    A cluster beyond the number of categories gets -1.
    """
    counts = count_pairs(labels, clusters, shape=(categories, int(clusters.max()) + 1))
    rows, columns = linear_sum_assignment(-counts)
    names = np.full(counts.shape[1], -1, dtype=np.int64)
    names[columns] = rows
    return names


def count_pairs(labels: Labels, others: NDArray[Any], *, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Count products by two labellings: the first in rows, the second in columns."""
    counts = np.zeros(shape, dtype=np.int64)
    np.add.at(counts, (labels, others), 1)
    return counts


@dataclass(frozen=True)
class SeedScores:
    """How well the clusters of many seeds match the categories.

    Attributes
    ----------
    summary : dict
        ``dimension``, ``clusters``, ``seeds``, ``starts``, and of each measure ``_mean``, ``_std`` and ``_max``:
        ``ari`` (adjusted Rand index), ``ami`` (adjusted mutual information), ``v`` (V-measure), ``accuracy`` (after
        the best one-to-one matching).
    recalls : ndarray of float, shape (categories,)
        Mean share of each category that lies in the cluster matched with it; not-a-number for a category that has
        no rows.
    median_seed : int
        The seed with the median ARI: the one to show.
    """

    summary: dict[str, Any]
    recalls: NDArray[np.float64]
    median_seed: int


def score_seeds(task: ClusterTask, *, seeds: int, settings: Settings) -> SeedScores:
    """Cluster from many seeds and score each; what was computed before is looked up."""
    store = _store(settings)
    key = task.key
    names = {seed: f"{key}:{seed}" for seed in range(seeds)}
    kept = {name: json.loads(value) for name, value in store.get(names.values()).items()}
    missing = [seed for seed, name in names.items() if name not in kept]
    if missing:
        rows = task.rows()
        fresh: dict[str, Any] = {}
        saved = time.perf_counter()
        for seed, found in zip(missing, _cluster(task, rows, missing, settings), strict=True):
            row = {**_score(task.truth, found.labels, task.categories), "dimension": rows.shape[1]}
            fresh[names[seed]] = kept[names[seed]] = row
            if time.perf_counter() - saved > _SECONDS_AT_ONCE:
                _save(store, fresh)
                fresh, saved = {}, time.perf_counter()
        _save(store, fresh)
    return _summarise([kept[name] for name in names.values()], task)


def name_clusters(task: ClusterTask, *, seed: int, settings: Settings) -> Labels:
    """Return the category that each product's cluster is matched with; -1 for products that were left out."""
    store = _store(settings)
    key = f"{task.key}:{seed}:names"
    if (value := store.get([key]).get(key)) is not None:
        named = json.loads(value)
    else:
        (found,) = _cluster(task, task.rows(), [seed], settings)
        named = match_clusters(task.truth, found.labels, categories=task.categories)[found.labels].tolist()
        _save(store, {key: named})
    whole = np.full(len(task.labels), -1, dtype=np.int64)
    whole[task.present] = named
    return whole


def _store(settings: Settings) -> KeyedStore:
    return KeyedStore(settings.cache_dir / "study" / "scores.sqlite")


def _save(store: KeyedStore, rows: Mapping[str, Any]) -> None:
    if rows:
        store.put({name: json.dumps(row).encode() for name, row in rows.items()})


def _cluster(task: ClusterTask, rows: Array, seeds: Sequence[int], settings: Settings) -> Iterator[Clustering]:
    with bar(label="k-means", total=len(seeds), unit="seed") as progress:
        for found in iterate_kmeans(
            rows, clusters=task.clusters, seeds=seeds, starts=task.starts, threads=settings.threads
        ):
            yield found
            progress.update()


def _summarise(table: Sequence[Mapping[str, Any]], task: ClusterTask) -> SeedScores:
    summary: dict[str, Any] = {
        "dimension": int(table[0]["dimension"]),
        "clusters": task.clusters,
        "seeds": len(table),
        "starts": task.starts,
    }
    for measure in MEASURES:
        values = np.array([row[measure] for row in table])
        summary[f"{measure}_mean"] = float(values.mean())
        summary[f"{measure}_std"] = float(values.std())
        summary[f"{measure}_max"] = float(values.max())
    aris = [row["ari"] for row in table]
    recalls = np.array([row["recalls"] for row in table], dtype=float).mean(axis=0)  # None becomes not-a-number
    return SeedScores(
        summary=summary,
        recalls=recalls,
        median_seed=int(np.argsort(aris, kind="stable")[len(aris) // 2]),
    )


def _score(truth: Labels, clusters: NDArray[np.int32], categories: int) -> dict[str, Any]:
    names = match_clusters(truth, clusters, categories=categories)
    right = names[clusters] == truth
    sizes = np.bincount(truth, minlength=categories).tolist()
    hits = np.bincount(truth[right], minlength=categories).tolist()
    return {
        "ari": float(adjusted_rand_score(truth, clusters)),
        "ami": float(adjusted_mutual_info_score(truth, clusters)),
        "v": float(v_measure_score(truth, clusters)),
        "accuracy": float(right.mean()),
        "recalls": [hit / size if size else None for hit, size in zip(hits, sizes, strict=True)],
    }

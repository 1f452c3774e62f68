"""Seconds to cluster from many seeds: `aisle.study.kmeans`, and scikit-learn's KMeans on the same matrices.

Both use ten starts per seed and all cores, and take turns. The mean inertia of both stands beside the time:
lower is better, and speed bought with worse clusters would show there.
"""

import argparse
import time

import numpy as np
from sklearn.cluster import KMeans

from aisle.settings import Settings
from aisle.study.kmeans import kmeans

SHAPES = ((1050, 384), (1050, 1280), (1050, 2048), (5000, 384))


def blobs(rows: int, columns: int, *, clusters: int) -> np.ndarray:
    """Draw rows around as many centres as there are clusters, overlapping; variances fall as embeddings' do."""
    numbers = np.random.default_rng(rows + columns)
    scales = 1 / np.sqrt(1 + np.arange(columns))
    centres = numbers.standard_normal((clusters, columns))
    spread = numbers.standard_normal((rows, columns))
    return ((centres[numbers.integers(clusters, size=rows)] + spread) * scales).astype(np.float32)


def main() -> None:
    """Cluster each matrix both ways and print a line for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--clusters", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=2, help="in turn; the best of each counts")
    options = parser.parse_args()
    threads = Settings.load().threads
    print(f"{options.clusters} clusters, {options.seeds} seeds of 10 starts, {threads} threads")
    print(f"{'matrix':>12}  {'aisle':>8}  {'sklearn':>8}  ratio  {'inertia':>12}  {'sklearn':>12}")
    for rows, columns in SHAPES:
        X = blobs(rows, columns, clusters=options.clusters)
        ours, theirs = [], []
        seconds, peer = np.inf, np.inf
        for _ in range(options.rounds):
            started = time.perf_counter()
            ours = kmeans(X, clusters=options.clusters, seeds=options.seeds, threads=threads)
            seconds = min(seconds, time.perf_counter() - started)
            started = time.perf_counter()
            theirs = [
                KMeans(options.clusters, n_init=10, random_state=seed).fit(X).inertia_ for seed in range(options.seeds)
            ]
            peer = min(peer, time.perf_counter() - started)
        mean = np.mean([clustering.inertia for clustering in ours])
        print(
            f"{rows:>5} x {columns:>4}  {seconds:6.1f} s  {peer:6.1f} s  {peer / seconds:5.1f}  "
            f"{mean:12.1f}  {np.mean(theirs):12.1f}"
        )


if __name__ == "__main__":
    main()

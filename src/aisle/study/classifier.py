"""How well a classifier tells the categories apart: repeated folds, controls, near-duplicates grouped."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.svm import SVC, LinearSVC
from threadpoolctl import threadpool_limits

from aisle.encode.parallel import map_threads
from aisle.heads.blocks import Block
from aisle.heads.folds import repeated_folds
from aisle.heads.intervals import cross_validation_interval
from aisle.progress import bar

FOLDS = 5
LARGE = 4000
"""Above this many products folds are dealt once, and no kernel method runs: its cost grows with the square."""

CLASSIFIER_VERSION = 2
"""Goes up whenever the same features and labels could give other scores."""

Array = NDArray[np.float32]
Labels = NDArray[np.int64]
Result = dict[str, Any]
Score = tuple[float, float]
Model = Callable[[Array, Labels, Array], Labels]


@dataclass(frozen=True)
class Task:
    """What is scored.

    Attributes
    ----------
    labels : ndarray of int, shape (n,)
        Category of each product; each category has at least five.
    groups : ndarray of int, shape (n,)
        Near-duplicates share a number.
    """

    labels: Labels
    groups: Labels

    @property
    def repeats(self) -> int:
        """How often the folds are dealt."""
        return 5 if len(self.labels) <= LARGE else 1


def score_classifiers(
    blocks: Mapping[str, Block], *, views: Mapping[str, Sequence[str]], task: Task, threads: int
) -> tuple[list[Result], Labels]:
    """Score every model on every set of features.

    Parameters
    ----------
    blocks : mapping of str to Block
        Features, by name.
    views : mapping of str to sequence of str
        Which blocks stand side by side: ``"text + photo"`` first, then the controls.
    task : Task
        Labels and groups.
    threads : int
        Cores to use.

    Returns
    -------
    results : list of dict
        ``features``, ``model``, ``accuracy_mean``, ``accuracy_low``, ``accuracy_high`` (95 % interval),
        ``grouped_accuracy_mean`` and its interval (None where all products are near-duplicates of each other),
        ``macro_f1_mean``, ``folds``, ``repeats``.
    predicted : ndarray of int, shape (n,)
        What the linear model on the first features says of each product when it has not seen it.
    """
    models = {name: model for name, model in _MODELS.items() if name != SVC_NAME or len(task.labels) <= LARGE}
    plain = list(repeated_folds(task.labels, folds=FOLDS, repeats=task.repeats))
    grouped = list(repeated_folds(task.labels, folds=FOLDS, repeats=task.repeats, groups=task.groups))
    guesses: list[dict[tuple[str, str], Labels]] = []

    def work(split: tuple[Labels, Labels]) -> dict[tuple[str, str], Labels]:
        train, test = split
        parts = {name: block.split(train, test) for name, block in blocks.items()}
        found = {}
        for view, names in views.items():
            known = np.hstack([parts[name][0] for name in names])
            new = np.hstack([parts[name][1] for name in names])
            for model, predict in models.items():
                found[view, model] = _predict(predict, known, task.labels[train], new)
        return found

    splits = plain + grouped
    with (
        threadpool_limits(limits=1, user_api="blas"),
        bar(label="classifiers", total=len(splits), unit="fold") as progress,
    ):
        for found in map_threads(work, splits, threads=threads):
            guesses.append(found)
            progress.update()
    results = []
    for view in views:
        for model in models:
            scores = [
                _score(task.labels[test], found[view, model]) for (_, test), found in zip(splits, guesses, strict=True)
            ]
            results.append(_row(view, model, scores[: len(plain)], scores[len(plain) :], repeats=task.repeats))
    predicted = np.zeros_like(task.labels)
    for (_, test), found in zip(plain[:FOLDS], guesses, strict=False):
        predicted[test] = found[next(iter(views)), LINEAR_NAME]
    return results, predicted


def _predict(predict: Model, known: Array, labels: Labels, new: Array) -> Labels:
    if (labels == labels[0]).all():  # near-duplicates kept together can leave one category to learn from
        return np.full(len(new), labels[0], dtype=np.int64)
    return predict(known, labels, new)


def _kernel_svc(known: Array, labels: Labels, new: Array) -> Labels:
    """Fit and apply an SVC with a radial kernel, its width as scikit-learn scales it; the kernel by matrix products."""
    gamma = 1.0 / (known.shape[1] * float(known.var()) or 1.0)
    model = SVC(C=10, kernel="precomputed").fit(rbf_kernel(known, gamma=gamma), labels)
    return np.asarray(model.predict(rbf_kernel(new, known, gamma=gamma)), dtype=np.int64)


def _linear_svm(known: Array, labels: Labels, new: Array) -> Labels:
    return np.asarray(LinearSVC(C=1, max_iter=5000, random_state=0).fit(known, labels).predict(new), dtype=np.int64)


SVC_NAME = "SVC (C = 10)"
LINEAR_NAME = "linear SVM"
_MODELS: dict[str, Model] = {
    SVC_NAME: _kernel_svc,
    LINEAR_NAME: _linear_svm,
}


def _score(truth: Labels, guess: Labels) -> Score:
    return float((guess == truth).mean()), float(f1_score(truth, guess, average="macro", zero_division=0.0))


def _row(features: str, model: str, plain: Sequence[Score], grouped: Sequence[Score], *, repeats: int) -> Result:
    return {
        "features": features,
        "model": model,
        **_interval("accuracy", plain, repeats=repeats),
        **_interval("grouped_accuracy", grouped, repeats=repeats),
        "macro_f1_mean": float(np.mean([score for _, score in plain])),
        "folds": FOLDS,
        "repeats": repeats,
    }


def _interval(name: str, scores: Sequence[Score], *, repeats: int) -> dict[str, float | None]:
    if not scores:
        return {f"{name}_{end}": None for end in ("mean", "low", "high")}
    interval = cross_validation_interval([score for score, _ in scores], folds=max(2, len(scores) // repeats))
    return {f"{name}_{end}": value for end, value in asdict(interval).items()}

"""Folds at work: an engine trained on one side of each, and judged on the other; in several processes where asked."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from aisle.errors import TrainingError
from aisle.heads.answers import answer_depths
from aisle.heads.expert import Fields
from aisle.heads.fit import fit_classifier
from aisle.heads.folds import held_out_splits
from aisle.heads.fused import FusedClassifier, Subset
from aisle.heads.thresholds import Threshold, certify
from aisle.heads.tree import CategoryTree
from aisle.product import CategoryPath
from aisle.train.figures import judge
from aisle.train.fold_figures import FoldRows
from aisle.train.fold_tiers import judge_tiers
from aisle.train.training import TrainingOptions

Ids = NDArray[np.int64]

CERTIFIED = (0.95, 0.98)
"""Precisions that are asked of each fold's engine, to see what its test products say of the promise."""


@dataclass(frozen=True, eq=False)
class Work:
    """What every fold draws from: the catalogue's products first, then those that only join the training.

    Of the former the rows `judged` are dealt to folds. The fields say what their encoders have seen.
    """

    fields: Fields
    labels: tuple[CategoryPath, ...]
    truths: tuple[CategoryPath, ...]
    groups: Ids
    own: int
    judged: Ids
    subsets: tuple[Subset, ...]
    options: TrainingOptions


@dataclass(frozen=True)
class Task:
    """One fold: the rows that are learned from, with or without those that only join, and the rows that are judged."""

    train: Ids = field(repr=False)
    test: Ids = field(repr=False)
    with_extra: bool = False


_ours: list[Work] = []
"""What a worker process works on; set as it starts."""


def _start(work: Work) -> None:
    _ours[:] = [work]
    threadpool_limits(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a word; the first process speaks


def _run_ours(task: Task) -> dict[Subset, FoldRows]:
    return _fold(_ours[0], task)


@contextmanager
def _workers(work: Work, processes: int) -> Iterator[Callable[[list[Task]], Iterator[dict[Subset, FoldRows]]]]:
    if processes < 2:
        yield lambda tasks: (_fold(work, task) for task in tasks)
        return
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_start, initargs=(work,))
    try:
        yield lambda tasks: pool.map(_run_ours, tasks)
    except BrokenProcessPool as err:
        raise TrainingError(
            "a process that worked on a fold ended, most likely for lack of memory; AISLE_THREADS=1 needs the least"
        ) from err
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def run_folds(
    work: Work, tasks: list[Task], *, processes: int, done: Callable[[], object]
) -> list[dict[Subset, FoldRows]]:
    """Return what each fold's engine says of its test rows, by set of fields.

    Parameters
    ----------
    work : Work
    tasks : list of Task
    processes : int
        Folds worked on at the same time.
    done : callable
        Is called after each.

    Raises
    ------
    TrainingError
        A process ended before its work was done.
    """
    found = []
    with _workers(work, min(processes, len(tasks))) as run:
        for result in run(tasks):
            found.append(result)
            done()
    return found


def _fold(work: Work, task: Task) -> dict[Subset, FoldRows]:
    """Train on the rows of one side, and judge the other by each set of fields."""
    options = work.options
    train = task.train
    if task.with_extra:
        train = np.append(train, np.arange(work.own, len(work.labels)))
    labels = [work.labels[row] for row in train.tolist()]
    tree = CategoryTree.grow(labels, least=options.least)
    terminals = np.array([tree.terminal(label) for label in labels], dtype=np.int64)
    groups = np.unique(work.groups[train], return_inverse=True)[1].astype(np.int64)
    needed = [name for name in work.fields if any(name in subset for subset in work.subsets)]
    fit = fit_classifier(
        {name: work.fields[name].take(train) for name in needed},
        terminals,
        tree=tree,
        splits=held_out_splits(terminals, tree=tree, groups=groups, seed=options.seed),
        groups=groups,
        seed=options.seed,
    )
    classifier = fit.classifier
    fields = {name: work.fields[name].take(task.test) for name in needed}
    scores, terms = classifier.score(fields), fit.tiers.terms.score(fields)
    found = {}
    for subset in work.subsets:
        present = np.logical_and.reduce([fields[name].present for name in subset])
        rows = np.flatnonzero(present)
        usable = tuple(name for name in classifier.fields if name in subset)
        if rows.size and usable:
            logs = classifier.log_probability(scores[:, rows], usable)
        else:
            logs = np.tile(classifier.prior(), (len(rows), 1))
        truths = tuple(work.truths[row] for row in task.test[rows].tolist())
        tiers = judge_tiers(fit, scores[:, rows], terms[:, rows], full=logs, subset=usable, truths=truths)
        promises = _promises(classifier, usable, logs, truths)
        found[subset] = FoldRows.of(logs, truths, tree=tree, promises=promises, tiers=tiers)
    return found


def _promises(
    classifier: FusedClassifier, subset: Subset, logs: NDArray[np.float64], truths: Sequence[CategoryPath]
) -> dict[float, tuple[int, int] | None]:
    """Return, for each precision, how many test products are answered and how many rightly; None if not certified."""
    counts = classifier.pools[subset].counts if subset in classifier.pools else None
    found: dict[float, tuple[int, int] | None] = {}
    for precision in CERTIFIED:
        rule = None if counts is None else certify(counts, precision=precision)
        if not isinstance(rule, Threshold) or not truths:
            found[precision] = None
            continue
        confidence, right = judge(logs, truths, tree=classifier.tree).chains()
        steps = answer_depths(confidence, rule.threshold)
        given = np.flatnonzero(steps >= 0)
        found[precision] = len(given), int(np.count_nonzero(right[given, steps[given]]))
    return found

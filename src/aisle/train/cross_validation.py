"""How good would an engine of this catalogue be? Trained and judged again and again, each time on other products.

Everything that is learned (categories known, vocabularies, landmarks, experts, weights, thresholds) is learned from the
training rows of a fold. Embeddings come from frozen encoders that see no label, and are computed once.
"""

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from aisle.engine.fields import FIELDS
from aisle.engine.gather import gather, group_duplicates
from aisle.errors import TrainingError
from aisle.heads.answers import answer_depths
from aisle.heads.expert import Fields
from aisle.heads.fit import fit_classifier
from aisle.heads.folds import held_out_splits, repeated_folds
from aisle.heads.fused import FusedClassifier, Subset
from aisle.heads.thresholds import Threshold, certify
from aisle.heads.tree import CategoryTree
from aisle.product import CategoryPath, Product
from aisle.progress import bar
from aisle.settings import Settings
from aisle.train.extra import choose_extra
from aisle.train.figures import judge
from aisle.train.fold_figures import FoldRows, summarise
from aisle.train.training import LEAST_PRODUCTS, TrainingOptions

Ids = NDArray[np.int64]

CERTIFIED = (0.95, 0.98)
"""Precisions that are asked of each fold's engine, to see what its test products say of the promise."""


@dataclass(frozen=True, eq=False)
class _Work:
    """What every fold draws from: the catalogue's products first, then those that only join the training."""

    fields: Fields
    labels: tuple[CategoryPath, ...]
    truths: tuple[CategoryPath, ...]
    groups: Ids
    own: int
    subsets: tuple[Subset, ...]
    options: TrainingOptions


@dataclass(frozen=True)
class _Task:
    train: Ids = field(repr=False)
    test: Ids = field(repr=False)
    with_extra: bool = False


def cross_validate(
    products: Sequence[Product],
    *,
    options: TrainingOptions | None = None,
    folds: int = 5,
    repeats: int = 5,
    grouped: bool = False,
    subsets: Sequence[Subset] | None = None,
    extra: Sequence[Product] = (),
    least_support: int = 10,
    processes: int = 1,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Judge by repeated k-fold cross-validation what an engine of a catalogue would be worth.

    Parameters
    ----------
    products : sequence of Product
        Those without a category are left out.
    options : TrainingOptions, optional
        As for training.
    folds, repeats : int
        Into how many parts the products are dealt, at least 2, and how often anew.
    grouped : bool
        Keep near-duplicates on one side of every split.
    subsets : sequence of tuple of str, optional
        Sets of fields; test products are judged by just these. By default everything, what a seller writes and shows,
        words alone, the title alone and the photo alone.
    extra : sequence of Product, optional
        Other labelled products that join the training side; results with and without them are given. Those whose title
        is nearly that of one of `products` are left out, and so are categories that `products` do not have.
    least_support : int
        Accuracy is also told for products of categories with at least so many products.
    processes : int
        Folds worked on at the same time. Above 1 a script needs the usual ``if __name__ == "__main__"`` guard.
    settings : Settings, optional
        This machine's by default.

    Returns
    -------
    dict
        ``how``, ``products``, ``categories``, ``subsets`` (each with ``fields``, ``products`` and figures by name, each
        ``mean``, ``low``, ``high``), ``with_extra`` the same or None, and ``extra``: how many joined.

    Raises
    ------
    TrainingError
        There are too few products, or one category.
    ValueError
        Fewer than two folds, no repeat, or a set of fields that no product has.
    """
    options, settings = options or TrainingOptions(), settings or Settings.load()
    if folds < 2 or repeats < 1:
        raise ValueError(f"{folds} folds, {repeats} repeats: at least two folds and one repeat are needed")
    work, joined = _prepare(products, extra, options=options, subsets=subsets, settings=settings)
    top = np.unique([path[0] for path in work.labels[: work.own]], return_inverse=True)[1].astype(np.int64)
    groups = work.groups[: work.own] if grouped else None
    pairs = list(repeated_folds(_strata(top, folds), folds=folds, repeats=repeats, groups=groups, seed=options.seed))
    if not pairs:
        raise TrainingError("all products are near-duplicates of each other; there is nothing to judge on")
    kinds = (False, True) if joined else (False,)
    tasks = [_Task(train, test, kind) for kind in kinds for train, test in pairs]
    with bar(label="cross-validation", total=len(tasks), unit="fold") as progress:
        found = _run(work, tasks, processes=processes, done=progress.update)
    dealt = len(pairs) // repeats
    support = Counter(path[:1] for path in work.truths), Counter(work.truths)
    plain, *more = (
        summarise(
            found[start : start + len(pairs)], subsets=work.subsets, folds=dealt, support=support, least=least_support
        )
        for start in range(0, len(tasks), len(pairs))
    )
    return {
        "how": {"folds": folds, "repeats": repeats, "grouped": grouped, "level": options.level, "seed": options.seed},
        "products": work.own,
        "categories": {"level_1": len(support[0]), "leaf": len(support[1])},
        "least_support": least_support,
        "subsets": plain,
        "with_extra": more[0] if more else None,
        "extra": {"given": len(extra), "joined": joined},
    }


def _prepare(
    products: Sequence[Product],
    extra: Sequence[Product],
    *,
    options: TrainingOptions,
    subsets: Sequence[Subset] | None,
    settings: Settings,
) -> tuple[_Work, int]:
    own = [product for product in products if product.category]
    if len(own) < LEAST_PRODUCTS:
        raise TrainingError(
            f"{len(own)} products have a category; cross-validation needs at least {LEAST_PRODUCTS}. If the category "
            "column was not recognised, name it with --map category=COLUMN"
        )
    labels = [product.category[: options.level] for product in own]
    tree = CategoryTree.grow(labels, least=options.least)
    if len(tree.terminals) < 2:
        raise TrainingError(f"all products are in one category, {' > '.join(tree.paths[0])}")
    joining = choose_extra(own, extra)
    everything = [*own, *joining]
    fields = gather(everything, settings=settings).fields
    groups = group_duplicates(everything, threads=settings.threads)
    work = _Work(
        fields=fields,
        labels=(*labels, *(product.category[: options.level] for product in joining)),
        truths=tuple(tree.paths[tree.terminal(label)] for label in labels),
        groups=groups,
        own=len(own),
        subsets=_choose_subsets(fields, subsets),
        options=options,
    )
    return work, len(joining)


def _choose_subsets(fields: Fields, subsets: Sequence[Subset] | None) -> tuple[Subset, ...]:
    names = tuple(name for name in FIELDS if name in fields)
    if subsets is not None:
        for subset in subsets:
            if not subset or not set(subset) <= set(names):
                raise ValueError(f"{' + '.join(subset) or 'nothing'}: the products have {', '.join(names)}")
        return tuple(tuple(name for name in names if name in subset) for subset in subsets)
    wanted = (names, ("title", "description", "photo"), ("title", "description"), ("title",), ("photo",))
    found = (tuple(name for name in subset if name in names) for subset in wanted)
    return tuple(dict.fromkeys(subset for subset in found if subset))


def _strata(top: Ids, folds: int) -> Ids:
    """Return what is dealt evenly: top categories, those smaller than the folds all as one."""
    sizes = np.bincount(top)
    small = sizes[top] < folds
    strata = np.where(small, len(sizes), top)
    if 0 < np.count_nonzero(small) < folds:  # together still too few
        strata[small] = sizes.argmax()
    return strata


_ours: list[_Work] = []
"""What a worker process works on; set as it starts."""


def _start(work: _Work) -> None:
    _ours[:] = [work]
    threadpool_limits(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a word; the first process speaks


def _run_ours(task: _Task) -> dict[Subset, FoldRows]:
    return _fold(_ours[0], task)


@contextmanager
def _workers(work: _Work, processes: int) -> Iterator[Callable[[list[_Task]], Iterator[dict[Subset, FoldRows]]]]:
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


def _run(
    work: _Work, tasks: list[_Task], *, processes: int, done: Callable[[], object]
) -> list[dict[Subset, FoldRows]]:
    found = []
    with _workers(work, min(processes, len(tasks))) as run:
        for result in run(tasks):
            found.append(result)
            done()
    return found


def _fold(work: _Work, task: _Task) -> dict[Subset, FoldRows]:
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
    classifier = fit_classifier(
        {name: work.fields[name].take(train) for name in needed},
        terminals,
        tree=tree,
        splits=held_out_splits(terminals, tree=tree, groups=groups, seed=options.seed),
        groups=groups,
        seed=options.seed,
    ).classifier
    fields = {name: work.fields[name].take(task.test) for name in needed}
    scores = classifier.score(fields)
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
        found[subset] = FoldRows.of(logs, truths, tree=tree, promises=_promises(classifier, usable, logs, truths))
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

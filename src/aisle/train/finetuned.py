"""Does fine-tuning help? Encoders tuned anew inside every fold, beside the frozen ones on the same folds."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.encode import seen_rows, training_keys
from aisle.engine.gather import Encoders, gather
from aisle.errors import TrainingError
from aisle.heads.fused import Subset
from aisle.heads.intervals import paired_interval
from aisle.product import Product
from aisle.settings import Settings
from aisle.train.cross_validation import deal, prepare
from aisle.train.extra import choose_extra
from aisle.train.fold_figures import FoldRows, summarise
from aisle.train.folds import Task, Work, run_folds
from aisle.train.training import TrainingOptions
from aisle.train.tuner import FinetuneTrial, Tuner

Ids = NDArray[np.int64]
LEVELS = ("level_1", "leaf")
Found = dict[Subset, FoldRows]


def cross_validate_finetuned(
    products: Sequence[Product],
    trial: FinetuneTrial,
    *,
    options: TrainingOptions | None = None,
    folds: int = 5,
    repeats: int = 1,
    grouped: bool = False,
    extra: Sequence[Product] = (),
    least_support: int = 10,
    settings: Settings | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Judge tuned encoders by products that they have not seen, and the frozen ones by the same.

    In each fold encoders are tuned on training rows alone, a part of which they leave for the engine to weigh its
    experts and certify its thresholds by. Encoders that are done are kept in the cache: a run that was stopped goes on.

    Parameters
    ----------
    products : sequence of Product
        Those without a category are left out.
    trial : FinetuneTrial
    options : TrainingOptions, optional
        As for training; its encoders are the frozen ones.
    folds, repeats, grouped, extra, least_support
        As for `cross_validate`; `extra` joins the training of both.
    settings : Settings, optional
        This machine's by default.
    say : callable, optional
        Is told what was found after each fold.

    Returns
    -------
    dict
        As of `cross_validate`, of the tuned encoders, `extra` already among what both learn from; ``frozen``, the same
        ``subsets`` of the frozen ones;
        ``differences``: for each set of fields the accuracy gained, paired by fold; ``copies``: how many test products,
        over all folds, neither is judged by, as a training product has the same words; and ``tuning``: the options; by
        fold the seconds, and whether a run that was stopped went on there, whose seconds count from then on; and under
        ``pretune`` how many products were given, used, and learned from, or None.

    Raises
    ------
    TrainingError
        There are too few products, one category, or a fold cannot be tuned on.
    MissingExtraError
        torch is not installed.
    """
    options, settings = options or TrainingOptions(), settings or Settings.load()
    work, joined = prepare(products, extra, options=options, grouped=grouped, subsets=None, settings=settings)
    own = [product for product in products if product.category]
    everything = [*own, *choose_extra(own, extra)]
    pairs = deal(work, folds=folds, repeats=repeats, grouped=grouped)
    tasks = [Task(train, _without_copies(own, train, test), bool(joined)) for train, test in pairs]
    copies = sum(test.size for _, test in pairs) - sum(task.test.size for task in tasks)
    tasks = [task for task in tasks if task.test.size]
    if not tasks:
        raise TrainingError("all products are duplicates of each other; there is nothing to judge on")
    tuner = Tuner(own, trial, settings)
    frozen: list[Found] = []
    tuned: list[Found] = []
    for number, task in enumerate(tasks, 1):
        frozen += run_folds(work, [task], processes=1, done=lambda: None)
        encoders = tuner.tune(task.train)
        _check(encoders, everything, task)
        again = _with_encoders(work, everything, encoders, settings)
        tuned += run_folds(again, [task], processes=1, done=lambda: None)
        say(_line(number, len(tasks), frozen, tuned))
    support = Counter(path[:1] for path in work.truths), Counter(work.truths)
    dealt = len(pairs) // repeats
    rows = [
        summarise(found, subsets=work.subsets, folds=dealt, support=support, least=least_support)
        for found in (tuned, frozen)
    ]
    return {
        "how": {"folds": folds, "repeats": repeats, "grouped": grouped, "level": options.level, "seed": options.seed},
        "products": work.own,
        "seen": 0,
        "categories": {"level_1": len(support[0]), "leaf": len(support[1])},
        "least_support": least_support,
        "subsets": rows[0],
        "frozen": rows[1],
        "differences": _differences(tuned, frozen, work.subsets, dealt),
        "tuning": {
            "options": asdict(trial.finetune),
            "seconds": [round(seconds, 1) for seconds in tuner.seconds],
            "went_on": tuner.went_on,
            "pretune": tuner.pretuning(),
        },
        "copies": copies,
        "with_extra": None,
        "extra": {"given": len(extra), "joined": joined},
    }


def _with_encoders(work: Work, everything: Sequence[Product], encoders: Encoders, settings: Settings) -> Work:
    """Return the same work, read with other encoders."""
    return replace(work, fields=gather(everything, settings=settings, encoders=encoders, groups=work.groups).fields)


def _without_copies(products: Sequence[Product], train: Ids, test: Ids) -> Ids:
    """Return the test rows without those whose words are, letter by letter, those of a training row."""
    learned = training_keys([products[row] for row in train.tolist()])
    return test[~seen_rows([products[row] for row in test.tolist()], learned)]


def _check(encoders: Encoders, products: Sequence[Product], task: Task) -> None:
    """Refuse a fold whose test rows an encoder has seen.

    Raises
    ------
    TrainingError
        It has: a fault of this program, or of somebody who changed the cache.
    """
    leaked = int(encoders.have_seen([products[row] for row in task.test.tolist()]).sum())
    if leaked:
        raise TrainingError(
            f"an encoder of this fold has learned from {leaked} of the {len(task.test)} products that it is to be "
            "judged by; its figures would be worth nothing"
        )


def _differences(tuned: Sequence[Found], frozen: Sequence[Found], subsets: Sequence[Subset], folds: int) -> list[Any]:
    """Return what each set of fields gains, by level, paired by fold."""
    found = []
    for subset in subsets:
        pairs = [(a[subset].figures, b[subset].figures) for a, b in zip(tuned, frozen, strict=True) if a[subset].truths]
        gains = {}
        for level in LEVELS:
            values = [after[level] - before[level] for after, before in pairs if level in after and level in before]
            if values:
                gains[level] = asdict(paired_interval(values, folds=max(folds, 2)))
        found.append({"fields": list(subset), **gains})
    return found


def _line(number: int, total: int, frozen: Sequence[Found], tuned: Sequence[Found]) -> str:
    """Return what is known after a fold: the mean accuracy of the top category, frozen and tuned."""
    parts = []
    for subset in tuned[0]:
        means = [np.mean([fold[subset].figures.get("level_1", np.nan) for fold in found]) for found in (frozen, tuned)]
        parts.append(f"{' + '.join(subset)} {100 * means[0]:.1f} -> {100 * means[1]:.1f}")
    return f"fold {number} of {total}: " + "; ".join(parts)

"""Does fine-tuning help? Encoders tuned anew inside every fold, beside the frozen ones on the same folds."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.photos import DECODE_VERSION
from aisle.encode import photo_keys, seen_rows, training_keys
from aisle.encode.folder import folder_modalities
from aisle.engine.gather import Encoders, find_encoders, gather
from aisle.errors import TrainingError
from aisle.files import sha256_bytes
from aisle.heads.fused import Subset
from aisle.heads.intervals import paired_interval
from aisle.product import Product
from aisle.settings import Settings
from aisle.train.cross_validation import deal, prepare
from aisle.train.extra import choose_extra, choose_others
from aisle.train.fold_figures import FoldRows, summarise
from aisle.train.folds import Task, Work, run_folds
from aisle.train.training import TrainingOptions

if TYPE_CHECKING:
    from aisle.finetune import FinetuneOptions, Tuned

Ids = NDArray[np.int64]
LEVELS = ("level_1", "leaf")
Found = dict[Subset, FoldRows]


@dataclass(frozen=True, kw_only=True, eq=False)
class FinetuneTrial:
    """What is tried.

    Attributes
    ----------
    finetune : FinetuneOptions
        How encoders are tuned.
    pretune : tuple of Product
        Other labelled products that the text encoder is tuned to first; near-duplicates of the catalogue's are left
        out, whichever fold they would be tested in.
    """

    finetune: "FinetuneOptions"
    pretune: tuple[Product, ...] = ()


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
    experts and certify its thresholds by. Encoders of folds that are done are kept in the cache: a run that was stopped
    goes on.

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
        ``differences``: for each set of fields the accuracy gained, paired by fold; and ``tuning``: seconds per fold.

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
    tasks = [task for task in tasks if task.test.size]
    if not tasks:
        raise TrainingError("all products are duplicates of each other; there is nothing to judge on")
    tuner = _Tuner(own, trial, settings)
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
            "pretuned_on": 0 if tuner.start is None else tuner.start.products,
        },
        "with_extra": None,
        "extra": {"given": len(extra), "joined": joined},
    }


@dataclass(eq=False)
class _Tuner:
    """Tunes encoders to parts of a catalogue; what is tuned is kept in the cache by what it was tuned on."""

    products: Sequence[Product]
    trial: FinetuneTrial
    settings: Settings
    seconds: list[float] = field(default_factory=list)

    @cached_property
    def start(self) -> "Tuned | None":
        """The text encoder that every fold starts from: tuned to other products, none like those of the catalogue."""
        from aisle.finetune import pretune

        options = self.trial.finetune
        if not self.trial.pretune or options.modality == "photo":
            return None
        others = choose_pretuning(self.products, self.trial.pretune)
        place = self.settings.cache_dir / "finetune" / f"pretuned-{_digest(options, others, None)}"
        return pretune(others, options=options, checkpoints=place, settings=self.settings)

    def tune(self, rows: Ids) -> Encoders:
        """Return encoders that have seen no other products of the catalogue than these rows."""
        from aisle.finetune import finetune_to_folder
        from aisle.finetune.folder import LOG

        options, start = self.trial.finetune, self.start
        part = [self.products[row] for row in rows.tolist()]
        folder = self.settings.cache_dir / "finetune" / _digest(options, part, start)
        if not (folder / "encoder.json").is_file():
            finetune_to_folder(part, folder, options=options, start=start, catalog="a fold", settings=self.settings)
        self.seconds.append(json.loads((folder / LOG).read_bytes())["seconds"])
        named = {"text": options.text_encoder, "photo": options.photo_encoder}
        named |= dict.fromkeys(folder_modalities(folder), str(folder))
        return find_encoders(text=named["text"], photo=named["photo"], settings=self.settings)


def choose_pretuning(own: Sequence[Product], others: Sequence[Product]) -> list[Product]:
    """Return the products that a text encoder may be tuned to first: none that says anything of the catalogue's own.

    Raises
    ------
    TrainingError
        There is none.
    """
    chosen = choose_others(own, others)
    known = seen_rows(chosen, training_keys(own))  # what has no title is told by the rest of it
    found = [product for product, alike in zip(chosen, known.tolist(), strict=True) if not alike]
    if not found:
        raise TrainingError(
            f"none of the {len(others):,} products to tune to first can be used: they have no category, or titles that "
            "are nearly those of the catalogue"
        )
    return found


def _digest(options: "FinetuneOptions", products: Sequence[Product], start: "Tuned | None") -> str:
    """Return a name for what is tuned: other options, products, weights or versions give another."""
    from aisle.finetune.options import RECIPE

    photos = photo_keys([product.photo for product in products])
    facts = [repr((p.id, p.title, p.description, p.category, photo)) for p, photo in zip(products, photos, strict=True)]
    pretuned = None if start is None else start.fingerprint()
    parts = [RECIPE, DECODE_VERSION, asdict(options), pretuned, sha256_bytes("\n".join(facts).encode())]
    return sha256_bytes(json.dumps(parts, sort_keys=True).encode())[:32]


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

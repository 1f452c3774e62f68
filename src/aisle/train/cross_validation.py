"""How good would an engine of this catalogue be? Trained and judged again and again, each time on other products.

Everything that is learned (categories known, vocabularies, landmarks, experts, weights, thresholds) is learned from the
training rows of a fold. Embeddings are computed once, by encoders that learn nothing here. Products that an encoder has
learned from elsewhere are never judged: they are on the training side of every fold.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.engine.fields import FIELDS
from aisle.engine.gather import gather, group_duplicates, with_near_duplicates
from aisle.errors import TrainingError
from aisle.heads.expert import Fields
from aisle.heads.folds import repeated_folds
from aisle.heads.fused import Subset
from aisle.heads.tree import CategoryTree
from aisle.product import Product
from aisle.progress import bar
from aisle.settings import Settings
from aisle.train.extra import choose_extra
from aisle.train.fold_figures import summarise
from aisle.train.folds import Task, Work, run_folds
from aisle.train.training import LEAST_PRODUCTS, TrainingOptions
from aisle.train.unseen import check_unseen

Ids = NDArray[np.int64]


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
        ``how``, ``products``, ``seen`` (how many of them an encoder has seen: they are not judged), ``categories``,
        ``subsets`` (each with ``fields``, ``products`` and figures by name, each ``mean``, ``low``, ``high``),
        ``with_extra`` the same or None, and ``extra``: how many joined.

    Raises
    ------
    TrainingError
        There are too few products, or one category; or too few that the encoders have not seen.
    EncoderFolderError
        An encoder lies in a folder that cannot be used.
    ValueError
        Fewer than two folds, no repeat, or a set of fields that no product has.
    """
    options, settings = options or TrainingOptions(), settings or Settings.load()
    if folds < 2 or repeats < 1:
        raise ValueError(f"{folds} folds, {repeats} repeats: at least two folds and one repeat are needed")
    work, joined = prepare(products, extra, options=options, grouped=grouped, subsets=subsets, settings=settings)
    pairs = deal(work, folds=folds, repeats=repeats, grouped=grouped)
    if not pairs:
        raise TrainingError("all products are near-duplicates of each other; there is nothing to judge on")
    kinds = (False, True) if joined else (False,)
    tasks = [Task(train, test, kind) for kind in kinds for train, test in pairs]
    with bar(label="cross-validation", total=len(tasks), unit="fold") as progress:
        found = run_folds(work, tasks, processes=processes, done=progress.update)
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
        "seen": work.own - len(work.judged),
        "categories": {"level_1": len(support[0]), "leaf": len(support[1])},
        "least_support": least_support,
        "subsets": plain,
        "with_extra": more[0] if more else None,
        "extra": {"given": len(extra), "joined": joined},
    }


def deal(work: Work, *, folds: int, repeats: int, grouped: bool) -> list[tuple[Ids, Ids]]:
    """Deal the products that are judged; the others of the catalogue join the training side of every fold.

    Returns
    -------
    list of (train, test)
        Rows of the catalogue's own products; ``folds * repeats`` pairs, or fewer where there are too few groups.

    Raises
    ------
    TrainingError
        There are fewer products to judge than folds.
    """
    judged = work.judged
    if folds > len(judged) and len(judged) < work.own:
        raise TrainingError(f"{len(judged)} products that no encoder has seen cannot be dealt into {folds} folds")
    top = np.unique([work.labels[row][0] for row in judged.tolist()], return_inverse=True)[1].astype(np.int64)
    groups = work.groups[judged] if grouped else None
    seed = work.options.seed
    dealt = repeated_folds(_strata(top, folds), folds=folds, repeats=repeats, groups=groups, seed=seed)
    own = np.arange(work.own)
    return [(np.setdiff1d(own, judged[test]), judged[test]) for _, test in dealt]


def prepare(
    products: Sequence[Product],
    extra: Sequence[Product],
    *,
    options: TrainingOptions,
    grouped: bool,
    subsets: Sequence[Subset] | None,
    settings: Settings,
) -> tuple[Work, int]:
    """Read a catalogue and those that join it; return what folds draw from, and how many products joined.

    Parameters and errors are those of `cross_validate`.
    """
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
    groups = group_duplicates(everything, threads=settings.threads)
    seen = options.encoders.have_seen(everything)
    alike = with_near_duplicates(seen, groups)
    set_aside = (alike if grouped else seen)[: len(own)]
    check_unseen(set_aside, np.array([tree.terminal(label) for label in labels], dtype=np.int64))
    fields = gather(everything, settings=settings, encoders=options.encoders, groups=groups).fields
    work = Work(
        fields=fields,
        labels=(*labels, *(product.category[: options.level] for product in joining)),
        truths=tuple(tree.paths[tree.terminal(label)] for label in labels),
        groups=groups,
        own=len(own),
        judged=np.flatnonzero(~set_aside),
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

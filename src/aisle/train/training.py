"""From a labelled catalogue to everything that an engine knows."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.encode.pack import pack_encoder
from aisle.encode.portable import PortableEncoder
from aisle.encode.seen import Keys, training_keys
from aisle.engine.gather import DEFAULT_ENCODERS, Encoders, Gathered, gather, group_duplicates, with_near_duplicates
from aisle.engine.store import Knowledge, References
from aisle.errors import TrainingError
from aisle.heads.expert import Fields
from aisle.heads.fit import Fit, fit_classifier
from aisle.heads.folds import held_out_splits
from aisle.heads.fused import FusedClassifier
from aisle.heads.landmarks import Landmarks
from aisle.heads.tree import MIN_EXAMPLES, CategoryTree
from aisle.product import Product
from aisle.progress import bar
from aisle.settings import Settings
from aisle.train.unseen import check_unseen

log = logging.getLogger(__name__)

LEAST_PRODUCTS = 10
MOST_REFERENCES = 4000
DEFAULT_PRECISION = 0.95


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """What may be chosen.

    Attributes
    ----------
    level : int or None
        The depth at which category paths are cut; None: as deep as they go.
    precision : float
        The precision of answers that the engine asks for by default.
    seed : int
        Of everything that is drawn.
    least : int
        Products that a category below the top needs to be told apart.
    encoders : Encoders
        What reads texts and photos.
    """

    level: int | None = None
    precision: float = DEFAULT_PRECISION
    seed: int = 0
    least: int = MIN_EXAMPLES
    encoders: Encoders = DEFAULT_ENCODERS


@dataclass(frozen=True, eq=False)
class Trained:
    """What training gives.

    Attributes
    ----------
    knowledge : Knowledge
        To be written as an engine.
    products : tuple of Product
        The labelled products it learned from.
    groups : ndarray of int, shape (n,)
        Their near-duplicate groups.
    gathered : Gathered
        Their fields.
    fit : Fit
        What was learned, with held-out scores.
    """

    knowledge: Knowledge
    products: tuple[Product, ...]
    groups: NDArray[np.int64]
    gathered: Gathered
    fit: Fit


def train_engine(
    products: Sequence[Product], *, options: TrainingOptions | None = None, settings: Settings | None = None
) -> Trained:
    """Learn from labelled products; judged are those that no encoder in use has seen.

    Parameters
    ----------
    products : sequence of Product
        Those without a category are left out.
    options : TrainingOptions, optional
    settings : Settings, optional
        This machine's by default.

    Raises
    ------
    TrainingError
        There are fewer than ten labelled products, one category, or nothing to learn from; or the encoders have seen
        so many products that too few are left to judge by.
    EncoderFolderError
        An encoder lies in a folder that cannot be used.
    WeightsNotReachableError
        The weights of an encoder are not in the cache and cannot be fetched.
    """
    options, settings = options or TrainingOptions(), settings or Settings.load()
    encoders = options.encoders
    labelled = [product for product in products if product.category]
    tree = _grow(labelled, options)
    terminals = np.array([tree.terminal(product.category) for product in labelled], dtype=np.int64)
    groups = group_duplicates(labelled, threads=settings.threads)
    seen = with_near_duplicates(encoders.have_seen(labelled), groups)
    check_unseen(seen, terminals)
    gathered = gather(labelled, settings=settings, encoders=encoders, groups=groups)
    splits = held_out_splits(terminals, tree=tree, groups=groups, seed=options.seed)
    with bar(label="training", total=None, unit="step") as progress:

        def step(name: str) -> None:
            progress.set_postfix_str(name)
            progress.update()

        fit = fit_classifier(
            gathered.fields, terminals, tree=tree, splits=splits, groups=groups, seed=options.seed, step=step
        )
    if not fit.classifier.experts:
        raise TrainingError("fewer than 20 labelled products have a title, a description, attributes or a photo")
    knowledge = Knowledge(
        classifier=fit.classifier,
        references=choose_references(
            labelled,
            gathered.fields,
            fit.classifier,
            terminals,
            seed=options.seed,
            seen=np.union1d(training_keys(labelled), encoders.seen_keys(labelled)),
        ),
        encoders=_encoders(fit.classifier, encoders, settings),
        precision=options.precision,
        facts=_facts(products, labelled, tree, groups, options) | {"seen_by_encoders": int(seen.sum())},
        tiers=fit.tiers,
    )
    return Trained(knowledge, tuple(labelled), groups, gathered, fit)


def _grow(labelled: Sequence[Product], options: TrainingOptions) -> CategoryTree:
    if len(labelled) < LEAST_PRODUCTS:
        raise TrainingError(
            f"{len(labelled)} products have a category; training needs at least {LEAST_PRODUCTS}. If the category "
            "column was not recognised, name it with --map category=COLUMN"
        )
    tree = CategoryTree.grow([product.category for product in labelled], level=options.level, least=options.least)
    if len(tree.terminals) < 2:
        raise TrainingError(
            f"all products are in one category, {' > '.join(tree.paths[0])}; there is nothing to tell apart"
        )
    return tree


def choose_references(
    products: Sequence[Product],
    fields: Fields,
    classifier: FusedClassifier,
    terminals: NDArray[np.int64],
    *,
    seed: int,
    seen: Keys,
) -> References:
    """Choose the labelled products that answers are compared with; all of them where they are not many.

    `seen` is what will be kept of all products that the engine or an encoder of it has learned from.
    """
    rows = np.arange(len(products))
    if len(rows) > MOST_REFERENCES:
        rows = np.sort(np.random.default_rng(seed).choice(rows, size=MOST_REFERENCES, replace=False))
    vectors = {}
    for expert in classifier.experts:
        data = fields[expert.field]
        if isinstance(expert.view, Landmarks) and data.embeddings is not None and expert.field in ("title", "photo"):
            unit = expert.view.unit(data.embeddings[rows]) * data.present[rows, None]
            vectors[expert.field] = unit.astype(np.float16)
    chosen = [products[row] for row in rows.tolist()]
    return References(
        tuple(product.id for product in chosen),
        tuple(product.title for product in chosen),
        terminals[rows],
        vectors,
        seen,
    )


def _encoders(classifier: FusedClassifier, encoders: Encoders, settings: Settings) -> dict[str, PortableEncoder]:
    needed = {expert.field == "photo" for expert in classifier.experts if isinstance(expert.view, Landmarks)}
    found = {}
    if False in needed:
        found["text"] = pack_encoder(encoders.text, settings=settings)
    if True in needed:
        found["photo"] = pack_encoder(encoders.photo, settings=settings)
    return found


def _facts(
    products: Sequence[Product],
    labelled: Sequence[Product],
    tree: CategoryTree,
    groups: NDArray[np.int64],
    options: TrainingOptions,
) -> dict[str, Any]:
    top = Counter(product.category[0] for product in labelled)
    return {
        "products": len(labelled),
        "unlabelled": len(products) - len(labelled),
        "categories": len(tree.terminals),
        "top_categories": len(top),
        "small_top_categories": sorted(name for name, size in top.items() if size < 3),
        "near_duplicates": int((np.bincount(groups)[groups] > 1).sum()),
        "level": options.level,
        "least": options.least,
        "seed": options.seed,
    }

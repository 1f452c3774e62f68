"""Probabilities of categories for labelled products, from classifiers that have not seen them.

Products are dealt into parts four times, and each part is judged by classifiers that learned from the others. In two
deals near-duplicates lie on one side, in two they may be told apart by each other: a wrong label is easiest to see
beside its right twin, but a right one suffers from its wrong twin, and the two views are better together. The second
deal of each kind learns without the labels that the first found wrong. The four are averaged.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.audit.kinship import Kinship
from aisle.heads.expert import Fields
from aisle.heads.fit import Fit, fit_classifier
from aisle.heads.fused import group_rows
from aisle.heads.tree import CategoryTree

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

FOLDS = 5
SURE = np.e
"""How many times as probable as the label a rival is, for the second deal to learn without the label."""

MANY_PRODUCTS = 5000
"""From so many on, two deals have to do: each with its own look at near-duplicates, the second without suspects."""

PHOTO = "photo"


@dataclass(frozen=True, eq=False)
class Opinions:
    """What all fields, the texts alone and the photo alone say: probabilities, shape (n, terminals).

    Attributes
    ----------
    everything, text, photo : ndarray of float
        Rows are NaN for products that have none of the fields.
    fit : Fit
        The last of the classifiers, for what else it knows.
    """

    everything: Floats
    text: Floats
    photo: Floats
    fit: Fit


def judge(
    fields: Fields,
    terminals: Ids,
    *,
    tree: CategoryTree,
    kinship: Kinship,
    groups: Ids,
    unseen: NDArray[np.bool_],
    seed: int,
    step: Callable[[str], None] = lambda name: None,
) -> Opinions | None:
    """Judge every product by classifiers that have not seen it.

    Parameters
    ----------
    fields : mapping of str to FieldData
    terminals : ndarray of int, shape (n,)
        The terminal node that each product is filed under.
    tree : CategoryTree
    kinship : Kinship
        Of the tree.
    groups : ndarray of int, shape (n,)
        Near-duplicates share a number.
    unseen : ndarray of bool, shape (n,)
        The products that are judged; of the others an encoder knows the label already. They are learned from.
    seed : int
        Of the deals.
    step : callable, optional
        Is told what is done next.

    Returns
    -------
    Opinions or None
        None where no field is known of enough products.
    """
    labels = np.searchsorted(tree.terminals, terminals)
    alone = np.arange(len(terminals))
    deals = [(alone, False), (alone, True), (groups, False), (groups, True)]
    if len(terminals) >= MANY_PRODUCTS:
        deals = [deals[0], deals[3]]
    opinions: dict[str, list[Floats]] = {"everything": [], "text": [], "photo": []}
    fit: Fit | None = None
    for number, (alike, again) in enumerate(deals):
        learned, good = terminals, np.ones(len(terminals), dtype=np.bool_)
        if again:
            learned, good = _without_suspects(opinions["everything"][-1], labels, tree, kinship)
        splits = [
            (np.setdiff1d(np.flatnonzero(good), test[unseen[test]]), test[unseen[test]])
            for _, test in deal(terminals, alike, seed=[seed, number])
        ]
        splits = [(train, test) for train, test in splits if train.size and test.size]

        def told(name: str, part: str = f"deal {number + 1} of {len(deals)}") -> None:
            step(f"{part}: {name}")

        fit = fit_classifier(fields, learned, tree=tree, splits=splits, groups=alike, seed=seed, step=told)
        if not fit.classifier.experts:
            return None
        for name, logs in _opinions(fit, fields, tree).items():
            opinions[name].append(logs)
    found = {name: _average(logs) for name, logs in opinions.items()}
    return Opinions(found["everything"], found["text"], found["photo"], fit) if fit is not None else None


def deal(terminals: Ids, groups: Ids, *, seed: list[int], folds: int = FOLDS) -> list[tuple[Ids, Ids]]:
    """Deal products into parts, each category evenly and a group into one part; return (train, test) for each."""
    rng = np.random.default_rng(seed)
    first = np.unique(groups, return_index=True)[1]
    order = rng.permutation(len(first))
    order = order[np.argsort(terminals[first[order]], kind="stable")]
    part_of = np.empty(len(first), dtype=np.int64)
    part_of[order] = np.arange(len(first)) % folds
    part = part_of[np.searchsorted(groups[first], groups)]
    rows = [(np.flatnonzero(part != number), np.flatnonzero(part == number)) for number in range(folds)]
    return [(train, test) for train, test in rows if train.size and test.size]


def _without_suspects(logs: Floats, labels: Ids, tree: CategoryTree, kinship: Kinship) -> tuple[Ids, NDArray[np.bool_]]:
    """Return where products seem to belong, and which of them agree with their label well enough to learn from."""
    known = ~np.isnan(logs[:, 0])
    shares = np.exp(np.where(known[:, None], logs, 0.0))
    own, other, _ = kinship.weigh(shares, labels)
    suspect = known & (other > SURE * own)
    # The weights of the experts are fitted to all rows: for a suspect, to where it seems to belong.
    return tree.terminals[np.where(suspect, shares.argmax(axis=1), labels)], ~suspect


def _opinions(fit: Fit, fields: Fields, tree: CategoryTree) -> dict[str, Floats]:
    """Return held-out log-probabilities of the terminals, for each product from all of its fields that count."""
    names = fit.classifier.fields
    rows_of = group_rows(fields, names)
    found = {}
    for name, wanted in (
        ("everything", set(names)),
        ("text", {field for field in names if field != PHOTO}),
        ("photo", {PHOTO}),
    ):
        logs = np.full((len(fit.terminals), len(tree.terminals)), np.nan)
        for subset, rows in rows_of.items():
            part = tuple(field for field in subset if field in wanted)
            rows = rows[np.isin(rows, fit.rows)]
            if part in fit.held_out:
                logs[rows] = fit.logs(part, rows)[:, tree.terminals]
        found[name] = logs
    return found


def _average(logs: list[Floats]) -> Floats:
    """Return the normalised geometric mean of probabilities."""
    mean = np.mean(logs, axis=0)
    shares = np.exp(mean - mean.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))

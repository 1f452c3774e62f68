"""What an engine of a catalogue cannot be good at, counted."""

from collections import Counter
from typing import Any

import numpy as np

from aisle.product import format_path
from aisle.train.figures import judge
from aisle.train.training import Trained

FEW = 3
"""A category with fewer products is known by name rather than by what it holds."""
_SURE = 0.95
_NAMED = 5


def limits_of(trained: Trained, *, own: int | None = None) -> dict[str, Any]:
    """Count what bounds an engine.

    Parameters
    ----------
    trained : Trained
    own : int, optional
        How many of the products are the catalogue's own; the others joined its training.

    Returns
    -------
    dict
        ``folded`` (categories too small to be told apart, and their products), ``few`` (top categories with one or two
        products, some by name), ``one_group`` (whole paths whose products are all near-duplicates of each other),
        ``few_leaves``, ``photos_unreadable``, ``contradicted`` (products whose label a confident answer of the held-out
        engine denies), ``joined`` (products from elsewhere).
    """
    tree, terminals = trained.fit.classifier.tree, trained.fit.terminals
    level = trained.knowledge.facts.get("level")
    labels = [product.category[:level] for product in trained.products]
    folded = Counter(label for label, node in zip(labels, terminals.tolist(), strict=True) if tree.paths[node] != label)
    sizes = Counter(label[:1] for label in labels)
    few = sorted(format_path(path) for path, size in sizes.items() if size < FEW)
    leaves = Counter(terminals.tolist())
    return {
        "folded": {"categories": len(folded), "products": sum(folded.values())},
        "few": few[:_NAMED],
        "few_count": len(few),
        "one_group": _one_group(trained),
        "few_leaves": sum(size < FEW for node, size in leaves.items() if len(tree.paths[node]) > 1),
        "photos_unreadable": len(trained.gathered.photo_problems),
        "contradicted": _contradicted(trained),
        "joined": len(trained.products) - (len(trained.products) if own is None else own),
    }


def _one_group(trained: Trained) -> dict[str, int]:
    """Count categories that are all held out, or all learned from, at a time: nothing can be said of them."""
    groups: dict[int, set[int]] = {}
    for node, group in zip(trained.fit.terminals.tolist(), trained.groups.tolist(), strict=True):
        groups.setdefault(node, set()).add(group)
    alone = [node for node, found in groups.items() if len(found) == 1]
    return {"categories": len(alone), "products": int(np.isin(trained.fit.terminals, alone).sum())}


def _contradicted(trained: Trained) -> int:
    """Count products that an engine which had not seen them files under another top category, and is sure of it."""
    tree = trained.fit.classifier.tree
    denied = np.zeros(len(trained.products), dtype=np.bool_)
    for subset in sorted(trained.fit.held_out, key=len):  # the answer from most fields comes last, and counts
        rows = trained.fit.judged(subset)
        if rows.size:
            logs = trained.fit.logs(subset, rows)
            judged = judge(logs, [tree.paths[node] for node in trained.fit.terminals[rows].tolist()], tree=tree)
            denied[rows] = ~judged.right("level_1") & (judged.confidence("level_1") >= _SURE)
    return int(denied.sum())

"""What an engine makes of held-out products with the encoders of before, and with the tuned ones."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.engine.gather import Encoders, gather
from aisle.finetune.result import Finetuned
from aisle.heads.fit import fit_classifier
from aisle.heads.tree import CategoryTree
from aisle.settings import Settings

FIELDS = {"text": ("title", "description"), "photo": ("photo",)}
"""What each modality is judged by."""


def compare(
    tuned: Finetuned, modality: str, *, before: Encoders, after: Encoders, settings: Settings
) -> dict[str, Any]:
    """Train an engine's experts on the products that were learned from, and judge the ones that were held out.

    The held-out products decided when training stopped, so they flatter the tuned encoder a little;
    `aisle evaluate --finetune` tells the whole truth.

    Parameters
    ----------
    tuned : Finetuned
    modality : {"text", "photo"}
    before, after : Encoders
    settings : Settings

    Returns
    -------
    dict
        ``before`` and ``after``, each ``right`` and ``of``; ``difference``: ``mean``, ``low``, ``high`` of the accuracy
        gained, 95 % of a paired normal interval.
    """
    found = [_right(tuned, modality, encoders, settings) for encoders in (before, after)]
    gain = found[1].astype(np.float64) - found[0]
    half = 1.96 * float(gain.std(ddof=1)) / np.sqrt(len(gain)) if len(gain) > 1 else 1.0
    mean = float(gain.mean())
    names = ("before", "after")
    counts = {name: {"right": int(right.sum()), "of": len(right)} for name, right in zip(names, found, strict=True)}
    return {**counts, "difference": {"mean": mean, "low": mean - half, "high": mean + half}}


def _right(tuned: Finetuned, modality: str, encoders: Encoders, settings: Settings) -> NDArray[np.bool_]:
    """Return whether the top category of each held-out product is found."""
    paths = [product.category[:1] for product in tuned.products]
    tree = CategoryTree.grow(paths)
    terminals = np.array([tree.terminal(path) for path in paths], dtype=np.int64)
    fields = gather(tuned.products, settings=settings, encoders=encoders, fields=FIELDS[modality]).fields
    train = tuned.split.train
    groups = np.unique(tuned.groups[train], return_inverse=True)[1].astype(np.int64)
    classifier = fit_classifier(
        {name: data.take(train) for name, data in fields.items()}, terminals[train], tree=tree, splits=[], groups=groups
    ).classifier
    held_out = {name: data.take(tuned.split.validation) for name, data in fields.items()}
    rows = np.logical_or.reduce([data.present for data in held_out.values()])
    if not classifier.experts:  # fewer than 20 products have any one field
        return np.zeros(int(rows.sum()), dtype=np.bool_)
    shares = classifier.predict({name: data.take(np.flatnonzero(rows)) for name, data in held_out.items()})
    found: NDArray[np.bool_] = tree.most_probable(shares) == terminals[tuned.split.validation[rows]]
    return found

"""What may be judged when an encoder has learned from products of the catalogue: the others, and only they.

An embedding of a product that its encoder was tuned on gives away more of the label than any new product's will. Such
products help to learn, and to weigh experts by what the encoder made of them before it was tuned (`heads.fit`); they
are never judged.
"""

import numpy as np
from numpy.typing import NDArray

from aisle.errors import TrainingError

Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]

LEAST_UNSEEN = 20
"""With fewer products to judge nothing could be said of an engine, and no threshold certified."""


def check_unseen(seen: Mask, labels: Ids) -> None:
    """Refuse to judge on what is left when seen products are set aside, where that is too little.

    Parameters
    ----------
    seen : ndarray of bool, shape (n,)
        Which products an encoder has learned from.
    labels : ndarray of int, shape (n,)
        The category of each.

    Raises
    ------
    TrainingError
        Some were seen, and of the others there are fewer than 20, or all are of one category.
    """
    if not seen.any():
        return
    left = int((~seen).sum())
    if left >= LEAST_UNSEEN and len(np.unique(labels[~seen])) > 1:
        return
    kinds = "" if left < LEAST_UNSEEN else ", all of one category"
    raise TrainingError(
        f"the encoders have learned from {seen.sum():,} of {len(seen):,} products, or from near-duplicates of these; "
        f"{left:,} are left to judge by{kinds}, and at least {LEAST_UNSEEN} of two categories are needed. Tune the "
        "encoders with a larger --validation share, or give products that they have not seen"
    )

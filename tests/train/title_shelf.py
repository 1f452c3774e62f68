"""Titles and labels of a small shop, as scikit-learn's users have them."""

import numpy as np

GOODS = {"mugs": "ceramic coffee mug", "pots": "steel cooking pot", "lamps": "desk reading lamp"}
COLOURS = ["red", "blue", "green", "white", "black", "amber", "grey", "pink", "gold", "teal"]


def shelf(per_class=10, *, seed=0):
    """Return titles and labels, shuffled: the classes do not come in the order of their names."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"{COLOURS[number % 10]} {words} {rng.integers(100)}", label)
        for label, words in GOODS.items()
        for number in range(per_class)
    ]
    order = rng.permutation(len(rows))
    return [rows[place][0] for place in order], [rows[place][1] for place in order]

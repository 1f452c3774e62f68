"""Which categories contradict a label: not those above it, nor, where it stops short, those below it."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.heads.tree import ROOT, CategoryTree

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]

_ROWS = 4096


@dataclass(frozen=True, eq=False)
class Kinship:
    """Labels, and the categories that they are told from.

    A label is one of `classes`; a category may hold several of them.

    Attributes
    ----------
    members : ndarray of float, shape (classes, categories)
        1 where the class lies in the category.
    fits : ndarray of bool, shape (classes, classes)
        Which classes do not contradict a label.
    against : ndarray of bool, shape (classes, categories)
        Which categories do.
    """

    members: Floats
    fits: Mask
    against: Mask

    @classmethod
    def flat(cls, classes: int) -> Self:
        """Classes that exclude one another."""
        own = np.eye(classes, dtype=np.bool_)
        return cls(own.astype(np.float64), own, ~own)

    @classmethod
    def of_tree(cls, tree: CategoryTree) -> Self:
        """Terminal nodes of a tree as classes, all of its nodes as categories.

        "Watches" and "Watches > Wrist Watches" can both be true; "Watches > Wrist Watches" and "Watches > Clocks"
        cannot.
        """
        on_path = tree.indicator(np.arange(len(tree)))
        inside = on_path[tree.terminals]
        fits = inside.copy()
        parents = np.where(tree.parents == ROOT, 0, tree.parents)
        fits |= inside[:, parents] & tree.ends  # "here, and no deeper" of a category above
        short = tree.ends[tree.terminals]
        fits[short] |= on_path[:, parents[tree.terminals[short]]].T
        return cls(inside.astype(np.float64), fits[:, tree.terminals], ~fits)

    def categories(self, probabilities: Floats) -> Floats:
        """Return the probability of every category from those of the classes, shape (n, categories)."""
        return np.asarray(probabilities @ self.members)

    def weigh(self, probabilities: Floats, labels: Ids) -> tuple[Floats, Floats, Ids]:
        """Weigh labels against what contradicts them.

        Parameters
        ----------
        probabilities : ndarray of float, shape (n, classes)
        labels : ndarray of int, shape (n,)

        Returns
        -------
        own : ndarray of float, shape (n,)
            Probability of everything that fits the label.
        other : ndarray of float, shape (n,)
            Of the most probable category that contradicts it, and which that is; the one highest up.
        """
        own = np.empty(len(labels))
        other = np.empty(len(labels))
        which = np.empty(len(labels), dtype=np.int64)
        for start in range(0, len(labels), _ROWS):
            part = slice(start, start + _ROWS)
            here = labels[part]
            own[part] = (probabilities[part] * self.fits[here]).sum(axis=1)
            # Rounding must not make a category less probable than one inside it.
            found = np.where(self.against[here], self.categories(probabilities[part]).round(12), -1.0)
            which[part] = found.argmax(axis=1)
            other[part] = found[np.arange(len(here)), which[part]]
        return own, np.maximum(other, 0.0), which

"""A tree of categories as arrays: scores of siblings become probabilities that add up, from the leaves to the root.

Imported to predict: numpy only.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aisle.product import CategoryPath

Floats = NDArray[np.floating[Any]]
Ids = NDArray[np.int64]

ROOT = -1
MIN_EXAMPLES = 5
"""A category below the top with fewer products is not learned: they count as products of its parent."""


@dataclass(frozen=True, eq=False)
class CategoryTree:
    """Categories and their parents, siblings side by side.

    Where products are filed under a category that has children, the category gets one child more, with the same path,
    that stands for "here, and no deeper". So every product lies in one terminal node, and the probabilities of the
    terminal nodes sum to 1.

    Attributes
    ----------
    paths : tuple of tuple of str, length n
        The path of each node, parents before children, siblings in one run.
    parents : ndarray of int, shape (n,)
        Position of each node's parent; -1 at the top.
    """

    paths: tuple[CategoryPath, ...]
    parents: Ids

    def __post_init__(self) -> None:
        parents = self.parents
        sound = len(self.paths) == len(parents) > 0 and parents[0] == ROOT and bool((np.diff(parents) >= 0).all())
        for node, (path, parent) in enumerate(zip(self.paths, parents.tolist(), strict=False)):
            above = () if parent == ROOT else self.paths[parent] if ROOT < parent < node else None
            sound = sound and bool(path) and above is not None and path in (above, (*above, path[-1]))
        if not sound or len({*zip(self.paths, parents.tolist(), strict=True)}) < len(self.paths):
            raise ValueError("the nodes are no tree: each path is its parent's with at most one name more")

    @classmethod
    def grow(cls, labels: Sequence[CategoryPath], *, level: int | None = None, least: int = MIN_EXAMPLES) -> Self:
        """Grow the tree of a catalogue's labels.

        Parameters
        ----------
        labels : sequence of tuple of str
            The category of each labelled product; not empty.
        level : int, optional
            The depth at which paths are cut; None: as deep as they go.
        least : int
            Products that a category below the top needs. A top category needs one.
        """
        sizes = Counter(path[:depth] for path in labels for depth in range(1, len(path[:level]) + 1))
        known = {path for path, size in sizes.items() if len(path) == 1 or size >= least}
        ends = Counter(_deepest(path[:level], known) for path in labels)
        children: dict[CategoryPath, list[CategoryPath]] = {}
        for path in sorted(known):
            children.setdefault(path[:-1], []).append(path)
        paths: list[CategoryPath] = []
        parents: list[int] = []
        queue: list[tuple[CategoryPath, int]] = [((), ROOT)]
        for above, parent in queue:  # grows as it is read: breadth first
            below = children.get(above, [])
            for path in below:
                queue.append((path, len(paths)))
                paths.append(path)
                parents.append(parent)
            if above and below and ends[above]:
                paths.append(above)
                parents.append(parent)
        return cls(tuple(paths), np.array(parents, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.paths)

    @cached_property
    def starts(self) -> Ids:
        """Where each run of siblings begins."""
        return np.flatnonzero(np.diff(self.parents, prepend=ROOT - 1))

    @cached_property
    def depths(self) -> Ids:
        """The depth of each node's path, from 1."""
        return np.array([len(path) for path in self.paths], dtype=np.int64)

    @cached_property
    def steps(self) -> Ids:
        """How many choices lead to each node, from 1; one more than its depth for "here, and no deeper"."""
        steps = np.ones(len(self), dtype=np.int64)
        for node, parent in enumerate(self.parents.tolist()):
            if parent != ROOT:
                steps[node] = steps[parent] + 1
        return steps

    @cached_property
    def ends(self) -> NDArray[np.bool_]:
        """Which nodes stand for "here, and no deeper"."""
        above = self.parents.tolist()
        return np.array(
            [parent != ROOT and self.paths[parent] == path for path, parent in zip(self.paths, above, strict=True)]
        )

    @cached_property
    def terminals(self) -> Ids:
        """The nodes without children."""
        inner = np.zeros(len(self), dtype=np.bool_)
        inner[self.parents[self.parents != ROOT]] = True
        return np.flatnonzero(~inner)

    @cached_property
    def _terminal_of(self) -> Mapping[CategoryPath, int]:
        return {self.paths[node]: int(node) for node in self.terminals}

    @cached_property
    def _inner(self) -> Mapping[CategoryPath, int]:
        inner: dict[CategoryPath, int] = {}
        for node, path in enumerate(self.paths):
            inner.setdefault(path, node)  # "here, and no deeper" comes after the category itself
        return inner

    def siblings(self) -> Iterator[tuple[int, slice]]:
        """Yield each parent (-1 for the top) with the run of its children."""
        ends = np.append(self.starts[1:], len(self))
        for start, end in zip(self.starts.tolist(), ends.tolist(), strict=True):
            yield int(self.parents[start]), slice(start, end)

    def terminal(self, path: CategoryPath) -> int:
        """Return the terminal node that a label belongs to; -1 where its top category is not known.

        A label that goes deeper than the tree belongs to "here, and no deeper" of the deepest category known, or, where
        there is no such node, to none.
        """
        for depth in range(len(path), 0, -1):
            if path[:depth] in self._inner:
                return self._terminal_of.get(path[:depth], ROOT)
        return ROOT

    def node(self, path: CategoryPath) -> int:
        """Return the deepest node on a path; -1 where there is none."""
        for depth in range(len(path), 0, -1):
            if path[:depth] in self._inner:
                return self._inner[path[:depth]]
        return ROOT

    def chain(self, node: int) -> list[int]:
        """Return a node and the nodes above it, from the top down."""
        found: list[int] = []
        while node != ROOT:
            found.append(int(node))
            node = int(self.parents[node])
        return found[::-1]

    @cached_property
    def chains(self) -> Ids:
        """For each node, the nodes from the top down to it, padded with -1; shape (n, most steps)."""
        chains = np.full((len(self), int(self.steps.max())), ROOT, dtype=np.int64)
        for node, parent in enumerate(self.parents.tolist()):
            if parent != ROOT:
                chains[node] = chains[parent]
            chains[node, self.steps[node] - 1] = node
        return chains

    def indicator(self, terminals: Ids) -> NDArray[np.bool_]:
        """Return, for terminal nodes (n,), which nodes lie on the way to each: shape (n, nodes)."""
        on_path = np.zeros((len(terminals), len(self)), dtype=np.bool_)
        ways = self.chains[terminals]
        rows, steps = np.nonzero(ways != ROOT)
        on_path[rows, ways[rows, steps]] = True
        return on_path

    def log_conditional(self, scores: Floats) -> Floats:
        """Return the log-probability of each node given its parent: a softmax among siblings, shape (rows, nodes)."""
        widths = np.diff(np.append(self.starts, len(self)))
        top = np.repeat(np.maximum.reduceat(scores, self.starts, axis=1), widths, axis=1)
        shifted = scores - top
        total = np.add.reduceat(np.exp(shifted), self.starts, axis=1)
        return np.asarray(shifted - np.repeat(np.log(total), widths, axis=1))

    def log_probability(self, conditional: Floats) -> Floats:
        """Return the log-probability of each node: its own given its parent, and its parent's; shape (rows, nodes)."""
        found = np.array(conditional)
        for step in range(2, int(self.steps.max()) + 1):
            nodes = np.flatnonzero(self.steps == step)
            found[:, nodes] += found[:, self.parents[nodes]]
        return found

    def most_probable(self, log_probability: Floats) -> Ids:
        """Return the terminal node that is reached by taking the most probable child again and again, shape (rows,)."""
        rows = np.arange(len(log_probability))
        at = np.full(len(rows), ROOT, dtype=np.int64)
        for parent, run in self.siblings():
            here = np.flatnonzero(at == parent)
            if here.size:
                at[here] = run.start + log_probability[here, run].argmax(axis=1)
        return at[rows]


def chain_confidence(
    log_probability: Floats, terminals: Ids, *, tree: CategoryTree
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the confidence of each node on the way to the most probable terminal, and whether it is right.

    Returns
    -------
    confidence : ndarray of float, shape (n, steps)
        NaN beyond the terminal.
    right : ndarray of bool, shape (n, steps)
        Its path is that of the product's category, or of one above.
    """
    best = tree.most_probable(log_probability)
    ways = tree.chains[best]
    truths = tree.chains[terminals]
    known: NDArray[np.bool_] = np.asarray(ways != ROOT)
    at = np.take_along_axis(log_probability, np.maximum(ways, 0), axis=1)
    confidence = np.where(known, np.exp(np.minimum(at, 0.0)), np.nan)
    right: NDArray[np.bool_] = np.asarray(ways == truths) & known
    here = tree.ends[np.maximum(ways[:, 1:], 0)]
    right[:, 1:] |= known[:, 1:] & here & right[:, :-1]
    return confidence, right


def _deepest(path: CategoryPath, known: set[CategoryPath]) -> CategoryPath:
    while path and path not in known:
        path = path[:-1]
    return path

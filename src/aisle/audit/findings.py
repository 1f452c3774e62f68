"""From probabilities to what a person should look at."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from aisle.audit.alike import Groups, Neighbours
from aisle.audit.kinship import Kinship
from aisle.audit.overlap import TORN, Rivals, find_overlaps, find_rivals
from aisle.audit.ranking import rank_labels
from aisle.audit.result import DuplicateGroup, Kind, Opinion, Overlap, Suspect
from aisle.audit.second_look import Opinions
from aisle.audit.words import explain
from aisle.heads.expert import Fields
from aisle.heads.tree import CategoryTree
from aisle.product import CategoryPath, Neighbour, Product

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

LIKELY = 0.5
"""A suggestion goes down to the deepest category that is at least so probable."""

CONTRADICTED = 5.0
"""How many times as probable as the label a likely rival is, for the label to be called wrong."""

_TWINS = 3
_EXAMPLES = 4


class Findings:
    """Everything that is known of the labelled products, and what follows.

    Parameters
    ----------
    products : sequence of Product
        The labelled ones.
    fields : mapping of str to FieldData
    terminals : ndarray of int, shape (n,)
    tree : CategoryTree
    kinship : Kinship
    opinions : Opinions
    groups : Groups
        Near-duplicates.
    """

    def __init__(
        self,
        products: Sequence[Product],
        fields: Fields,
        terminals: Ids,
        *,
        tree: CategoryTree,
        kinship: Kinship,
        opinions: Opinions,
        groups: Groups,
    ) -> None:
        self._products, self._tree, self._kinship = products, tree, kinship
        self._terminals = terminals
        self._labels = np.searchsorted(tree.terminals, terminals)
        self._groups = groups
        self._neighbours = Neighbours(fields, opinions.fit.classifier)
        self._parts = {"text": opinions.text, "photo": opinions.photo}
        self.judged = ~np.isnan(opinions.everything[:, 0]) & np.asarray(kinship.against.any(axis=1))[self._labels]
        # Held out, the only product of a category leaves nothing that could speak for its label.
        self.judged &= np.bincount(self._labels)[self._labels] > 1
        shares = np.where(self.judged[:, None], opinions.everything, 1 / opinions.everything.shape[1])
        self._shares = shares
        self._nodes = kinship.categories(shares)
        own, other, which = kinship.weigh(shares, self._labels)
        self._own, self._other = own, other
        # Where nothing contradicts a label any node will do: such products are left out of everything.
        which = np.where(self.judged, which, tree.chains[terminals, 0])
        self._rivals = find_rivals(self._nodes, terminals, which, tree=tree)
        sizes = tree.indicator(terminals).sum(axis=0)
        seen = self.judged
        rivals = self._rivals
        judged = Rivals(rivals.given[seen], rivals.rival[seen], rivals.for_given[seen], rivals.for_rival[seen])
        self._overlaps = find_overlaps(judged, sizes, tree=tree)
        self._sizes: Ids = sizes
        self._numbers = self._number_groups()

    def suspects(self, *, level: int, seed: int) -> tuple[Suspect, ...]:
        """Return every product whose most probable category contradicts its label, the most suspicious first."""
        rows = np.flatnonzero(self.judged)
        if not rows.size:
            return ()
        suspicion = rank_labels(self._shares[rows], self._labels[rows], kinship=self._kinship, seed=seed)
        doubt = IsotonicRegression(out_of_bounds="clip").fit_transform(suspicion, 1 - self._own[rows])
        answers = self._tree.most_probable(np.log(np.maximum(self._nodes[rows], 1e-300)))
        places = np.searchsorted(self._tree.terminals, answers)
        contradicts = ~self._kinship.fits[self._labels[rows], places]
        order = np.lexsort((rows, -(1 - self._own[rows]), -suspicion))
        order = order[contradicts[order]]
        nearest = self._neighbours.find(rows[order])
        return tuple(
            self._suspect(number, int(rows[place]), int(answers[place]), float(doubt[place]), near, level=level)
            for number, (place, near) in enumerate(zip(order.tolist(), nearest, strict=True), start=1)
        )

    def _suspect(
        self, rank: int, row: int, answer: int, doubt: float, near: list[tuple[int, float]], *, level: int
    ) -> Suspect:
        product, given = self._products[row], self._products[row].category[:level]
        node = self._suggestion(row, answer)
        suggested = self._tree.paths[node]
        opinions = self._opinions(row)
        alike = np.flatnonzero(self._groups.by_either == self._groups.by_either[row])
        alike = alike[~self._kinship.fits[self._labels[row], self._labels[alike]]]
        twins = [self._neighbour(other, likeness, level) for other, likeness in self._neighbours.sort(row, alike)]
        nearest = tuple(self._neighbour(other, likeness, level) for other, likeness in near)
        kind = self._kind(row)
        return Suspect(
            rank=rank,
            id=product.id,
            title=product.title,
            photo=product.photo,
            given=given,
            suggested=suggested,
            score=doubt,
            suggested_probability=float(self._nodes[row, node]),
            kind=kind,
            opinions=opinions,
            duplicate_group=self._numbers.get(int(self._groups.by_either[row])),
            twins=tuple(twins[:_TWINS]),
            nearest=nearest,
            reason=explain(
                kind=kind,
                given=given,
                suggested=suggested,
                for_given=float(self._own[row]),
                opinions=opinions,
                twins=twins,
                nearest=nearest,
            ),
        )

    def _suggestion(self, row: int, answer: int) -> int:
        """Return the deepest likely category on the way to an answer, at least where it leaves the label's own."""
        chain = self._tree.chain(answer)
        against = self._kinship.against[self._labels[row]]
        parted = [node for node in chain if against[node]]
        likely = [node for node in parted if self._nodes[row, node] >= LIKELY]
        return likely[-1] if likely else parted[0]

    def _kind(self, row: int) -> Kind:
        rivals = self._rivals
        one, other = sorted((int(rivals.given[row]), int(rivals.rival[row])))
        is_common = self._overlaps.get((one, other))
        if is_common or (is_common is not None and rivals.for_given[row] >= TORN):
            return "overlap"
        contradicted = rivals.for_rival[row] >= max(LIKELY, CONTRADICTED * rivals.for_given[row])
        return "wrong label" if contradicted else "unclear"

    def _opinions(self, row: int) -> tuple[Opinion, ...]:
        found = []
        for name, shares in self._parts.items():
            if np.isnan(shares[row, 0]):
                continue
            one = shares[row : row + 1]
            own, other, which = self._kinship.weigh(one, self._labels[row : row + 1])
            against = bool(other[0] > own[0])
            given = int(self._rivals.given[row])
            says = self._tree.paths[int(which[0])] if against else self._tree.paths[given]
            found.append(
                Opinion(
                    modality=name,
                    says=says,
                    probability=float(other[0] if against else own[0]),
                    for_given=float(own[0]),
                    against=against,
                )
            )
        return tuple(found)

    def overlaps(self) -> tuple[Overlap, ...]:
        """Return the pairs of categories that overlap, with examples."""
        return tuple(self._overlap(pair) for pair in self._overlaps)

    def _overlap(self, pair: tuple[int, int]) -> Overlap:
        rivals, parts = self._rivals, []
        for one, other in (pair, pair[::-1]):
            here = self.judged & (rivals.given == one) & (rivals.rival == other)
            rows = np.flatnonzero(here & (rivals.torn | rivals.moved))
            rows = rows[np.argsort(-rivals.for_rival[rows], kind="stable")][:_EXAMPLES]
            depth = len(self._tree.paths[one]) + 1  # what is filed there, and under what
            examples = [self._neighbour(row, float(rivals.for_rival[row]), depth) for row in rows.tolist()]
            parts.append((int((here & rivals.torn).sum()), int((here & rivals.moved).sum()), tuple(examples)))
        return Overlap(
            first=self._tree.paths[pair[0]],
            second=self._tree.paths[pair[1]],
            first_size=int(self._sizes[pair[0]]),
            second_size=int(self._sizes[pair[1]]),
            first_torn=parts[0][0],
            second_torn=parts[1][0],
            first_moved=parts[0][1],
            second_moved=parts[1][1],
            first_examples=parts[0][2],
            second_examples=parts[1][2],
        )

    def duplicates(self, *, level: int) -> tuple[DuplicateGroup, ...]:
        """Return the groups of near-duplicates, those with conflicting labels first."""
        by_group = self._members()
        found = []
        for group, number in self._numbers.items():
            rows = by_group[group]
            labels = Counter(self._products[row].label(level) for row in rows)
            alike = tuple(
                name
                for name, numbers in (("text", self._groups.by_text), ("photo", self._groups.by_photo))
                if len(np.unique(numbers[rows])) < len(rows)
            )
            found.append(
                DuplicateGroup(
                    number=number,
                    alike=alike,
                    members=tuple(self._neighbour(row, 1.0, level) for row in rows),
                    labels=dict(labels.most_common()),
                    conflicting=self._conflict(rows),
                )
            )
        return tuple(sorted(found, key=lambda group: group.number))

    def _members(self) -> dict[int, list[int]]:
        by_group: dict[int, list[int]] = {}
        for row, group in enumerate(self._groups.by_either.tolist()):
            by_group.setdefault(group, []).append(row)
        return {group: rows for group, rows in by_group.items() if len(rows) > 1}

    def _conflict(self, rows: list[int]) -> bool:
        labels = np.unique(self._labels[rows])
        return bool((~self._kinship.fits[np.ix_(labels, labels)]).any())

    def _number_groups(self) -> dict[int, int]:
        members = self._members()
        order = sorted(members, key=lambda group: (not self._conflict(members[group]), -len(members[group]), group))
        return {group: number for number, group in enumerate(order, start=1)}

    def _neighbour(self, row: int, similarity: float, level: int) -> Neighbour:
        product = self._products[row]
        path: CategoryPath = product.category[:level]
        return Neighbour(id=product.id, title=product.title, category=path, similarity=similarity)

"""What goes where: which product is of which kind, and which trouble is planted in which row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aisle.catalog.sample.model import Good
from aisle.catalog.sample.stock import read_stock

FEWEST_PRODUCTS = 14
FULL_TROUBLE = 60
"""From this many products on, every kind of trouble is planted at least once."""

WRONG_LABELS, NEAR_DUPLICATES, NO_PHOTO = "wrong_labels", "near_duplicates", "without_photo"

# Shares of the products, in the order in which a small sample gets its first ones.
_SHARES = {
    WRONG_LABELS: 0.03,
    NEAR_DUPLICATES: 0.04,
    "missing": 0.012,
    "truncated": 0.005,
    "wrong_extension": 0.007,
    "exif_rotated": 0.012,
    "not_an_image": 0.005,
    "empty": 0.005,
    "bomb": 0.002,
    "cmyk": 0.007,
    "sixteen_bit": 0.005,
    "alpha": 0.007,
    "palette": 0.005,
    NO_PHOTO: 0.007,
}
PHOTO_KINDS = tuple(kind for kind in _SHARES if kind not in (WRONG_LABELS, NEAR_DUPLICATES, NO_PHOTO))
ROW_CODES = ("missing_cells", "duplicate_id", "bad_encoding", "extra_cells", "empty_product")
_ROW_SHARE = 0.004


@dataclass(frozen=True)
class Plan:
    """The sample before anything is drawn. Products are numbered from 0, in the order of their rows.

    Attributes
    ----------
    goods : sequence of Good
        The true kind of each product.
    wrong_labels : mapping of int to Good
        Products filed under another kind.
    copies : mapping of int to int
        Near-duplicates: product to the one that it repeats.
    photos : mapping of int to str
        Products whose photo file is special, with the kind of trouble.
    bad_rows : mapping of int to str
        Data row number, from 1, to the code of what is wrong with that row.
    """

    goods: Sequence[Good]
    wrong_labels: Mapping[int, Good]
    copies: Mapping[int, int]
    photos: Mapping[int, str]
    bad_rows: Mapping[int, str]

    def duplicate_groups(self) -> list[list[int]]:
        """Return the groups of near-duplicates, each with its original first."""
        groups: dict[int, list[int]] = {}
        for copy, original in self.copies.items():
            groups.setdefault(original, [original]).append(copy)
        return [groups[original] for original in sorted(groups)]


def draw_plan(products: int, *, rng: np.random.Generator) -> Plan:
    """Decide on kinds and trouble.

    Categories differ by one product at most. No product has two kinds of trouble, so that a test can tell
    which one was found.
    """
    goods = _balanced_goods(products, rng)
    counts = _trouble_counts(products)
    copies = _pick_copies(goods, counts[NEAR_DUPLICATES], rng)
    touched = set(copies) | set(copies.values())
    free = iter([number for number in rng.permutation(products).tolist() if number not in touched])
    wrong = {
        number: _other_good(goods[number], rng) for number, _ in zip(free, range(counts[WRONG_LABELS]), strict=False)
    }
    photos = {}
    for kind in (*PHOTO_KINDS, NO_PHOTO):
        photos.update({next(free): kind for _ in range(counts[kind])})
    return Plan(goods, wrong, copies, photos, _place_bad_rows(products, rng))


def _balanced_goods(products: int, rng: np.random.Generator) -> list[Good]:
    stock = read_stock()
    goods = []
    for number in range(products):
        shelf = stock[number % len(stock)]
        goods.append(shelf[number // len(stock) % len(shelf)])
    return [goods[index] for index in rng.permutation(products)]


def _trouble_counts(products: int) -> dict[str, int]:
    if products >= FULL_TROUBLE:
        return {kind: max(1, round(share * products)) for kind, share in _SHARES.items()}
    # A handful of products must stay usable: about one in six is touched, one per kind.
    return {kind: int(order < products // 6) for order, kind in enumerate(_SHARES)}


def _pick_copies(goods: Sequence[Good], wanted: int, rng: np.random.Generator) -> dict[int, int]:
    """Turn some products into copies of another one of their kind, so that categories stay balanced."""
    by_kind: dict[tuple[str, ...], list[int]] = {}
    for number in rng.permutation(len(goods)).tolist():
        by_kind.setdefault(goods[number].path, []).append(number)
    copies: dict[int, int] = {}
    groups = [group for group in by_kind.values() if len(group) > 1]
    for turn, group in enumerate(groups * 3):
        if len(copies) >= wanted or len(group) < 2:
            continue
        # Every third group has three members, where the kind has products to spare.
        size = 3 if turn % 3 == 2 and len(group) > 4 and wanted - len(copies) > 1 else 2
        members, group[:size] = sorted(group[:size]), []
        copies.update(dict.fromkeys(members[1:], members[0]))
    return copies


def _other_good(good: Good, rng: np.random.Generator) -> Good:
    """Return a kind from another top category: a slip that is wrong at every level."""
    others = [other for shelf in read_stock() for other in shelf if other.path[0] != good.path[0]]
    return others[int(rng.integers(len(others)))]


def _place_bad_rows(products: int, rng: np.random.Generator) -> dict[int, str]:
    if products >= FULL_TROUBLE:
        codes = [code for code in ROW_CODES for _ in range(max(1, round(_ROW_SHARE * products)))]
    else:
        codes = list(ROW_CODES[: products // 12])
    # The first row stays good: a doubled id needs one before it.
    places = rng.choice(np.arange(2, products + len(codes) + 1), len(codes), replace=False)
    pairs = zip(places.tolist(), rng.permutation(np.array(codes)).tolist(), strict=True)
    return dict(sorted(pairs))

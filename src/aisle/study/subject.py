"""What a study is about: the labelled products of a catalogue, and whether there are enough of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.catalog import Catalog
from aisle.engine.gather import group_duplicates
from aisle.errors import StudyError
from aisle.product import Product

MIN_PRODUCTS = 10
MIN_CATEGORY = 5
"""A category with fewer products cannot lie in each of five folds; it is left out, and said."""

MAX_PRODUCTS = 20_000
_SEED = 0


@dataclass(frozen=True)
class Subject:
    """The products that are studied.

    Attributes
    ----------
    products : tuple of Product
        Labelled, in the order of the catalogue.
    categories : tuple of str
        Their names, sorted.
    labels : ndarray of int, shape (n,)
        Position of each product's category.
    groups : ndarray of int, shape (n,)
        Near-duplicates, in text or in photo, share a number.
    unlabelled : int
        Products left out because they have no category.
    small : dict of str to int
        Categories left out because they are too small, with their sizes.
    sampled_from : int
        How many there were before a sample was drawn, or 0.
    """

    products: tuple[Product, ...]
    categories: tuple[str, ...]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    unlabelled: int
    small: dict[str, int]
    sampled_from: int

    def texts(self, field: str) -> list[str]:
        """Return ``"title"`` or ``"title + description"`` of every product."""
        if field == "title":
            return [product.title for product in self.products]
        return [join_text(product) for product in self.products]


def join_text(product: Product) -> str:
    """Return a product's title and description as one text."""
    return ". ".join(part for part in (product.title, product.description) if part)


def choose_subject(catalog: Catalog, *, level: int, threads: int = 1) -> Subject:
    """Choose the products to study.

    Parameters
    ----------
    catalog : Catalog
        The whole catalogue.
    level : int
        Depth at which category paths are cut, from 1.
    threads : int
        Cores to decode photos on.

    Raises
    ------
    StudyError
        Nothing is labelled, there is one category, or there are fewer than ten products.
    """
    if level < 1:
        raise StudyError(f"--level {level}: levels count from 1, the top of the category path")
    labelled = [product for product in catalog.products if product.category]
    if not labelled:
        found = "; the category column was not recognised" if "category" not in catalog.columns.by_role else ""
        raise StudyError(
            f"no product of {catalog.source} has a category{found}. A study compares clusters with categories: "
            "name the column with --map category=COLUMN"
        )
    sizes = catalog.categories(level=level)
    small = {name: size for name, size in sizes.items() if size < MIN_CATEGORY}
    kept = [product for product in labelled if product.label(level) not in small]
    if len(kept) < MIN_PRODUCTS:
        hint = f". Try --level {level - 1}" if level > 1 and len(labelled) >= MIN_PRODUCTS else ""
        raise StudyError(
            f"{catalog.source} has {len(labelled)} labelled products, {len(kept)} of them in categories of "
            f"{MIN_CATEGORY} or more; a study needs at least {MIN_PRODUCTS}{hint}"
        )
    if len(sizes) - len(small) < 2:
        only = next(name for name in sizes if name not in small)
        deeper = any(len(product.category) > level for product in kept)
        raise StudyError(
            f"all products of {catalog.source} that can be studied are in one category, {only!r}, at level {level}; "
            f"there is nothing to tell apart{f'. Try --level {level + 1}' if deeper else ''}"
        )
    sampled_from = len(kept) if len(kept) > MAX_PRODUCTS else 0
    if sampled_from:
        kept = _sample(kept, level)
    names, labels = np.unique([product.label(level) for product in kept], return_inverse=True)
    return Subject(
        products=tuple(kept),
        categories=tuple(str(name) for name in names),
        labels=labels.astype(np.int64),
        groups=group_duplicates(kept, threads=threads),
        unlabelled=len(catalog.products) - len(labelled),
        small=small,
        sampled_from=sampled_from,
    )


def _sample(products: Sequence[Product], level: int) -> list[Product]:
    """Draw a sample in which no category falls below the least size."""
    rng = np.random.default_rng(_SEED)
    share = MAX_PRODUCTS / len(products)
    by_category: dict[str, list[int]] = {}
    for position, product in enumerate(products):
        by_category.setdefault(product.label(level), []).append(position)
    chosen: list[int] = []
    for positions in by_category.values():
        size = min(len(positions), max(MIN_CATEGORY, round(share * len(positions))))
        chosen += rng.choice(positions, size=size, replace=False).tolist()
    return [products[position] for position in sorted(chosen)]

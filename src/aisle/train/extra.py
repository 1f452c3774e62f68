"""Labelled products from elsewhere that may join the training of a catalogue."""

from collections.abc import Sequence

from aisle.catalog.duplicates import near_duplicate_groups
from aisle.product import Product


def choose_extra(own: Sequence[Product], extra: Sequence[Product]) -> list[Product]:
    """Return the products that may join without giving away an answer.

    Left out are those that `choose_others` leaves out, and products of a top category that the catalogue does not have.

    Parameters
    ----------
    own : sequence of Product
        The labelled products of the catalogue itself.
    extra : sequence of Product
        From anywhere.
    """
    known = {product.category[0] for product in own if product.category}
    return choose_others(own, [product for product in extra if product.category and product.category[0] in known])


def choose_others(own: Sequence[Product], others: Sequence[Product]) -> list[Product]:
    """Return the products that say nothing of the catalogue's own, whatever their categories.

    Left out are products without a category, and those whose title is nearly that of a product of the catalogue: they
    would be learned from while that one is held out.
    """
    usable = [product for product in others if product.category]
    if not usable:
        return []
    alike = near_duplicate_groups([product.title for product in (*own, *usable)])
    taken = set(alike[: len(own)].tolist())
    return [
        product
        for product, group in zip(usable, alike[len(own) :].tolist(), strict=True)
        if group not in taken or not product.title
    ]

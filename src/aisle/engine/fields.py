"""What an engine reads of a product, field by field."""

import unicodedata
from collections.abc import Sequence

from aisle.product import Product

FIELDS = ("title", "description", "attributes", "photo")
"""In the order in which answers name them."""

TEXT_FIELDS = FIELDS[:3]

EMBEDDED_FIELDS = ("title", "description", "photo")
"""Fields that an encoder reads. Attributes are terms already: embedding them took a third of the time and added nothing
(`benchmarks/engine_choices.py`)."""


def is_blank(text: str) -> bool:
    r"""Tell whether there is nothing in a text that anybody could see.

    >>> is_blank(" \u200b\u2060"), is_blank("mug")
    (True, False)
    """
    return all(letter.isspace() or unicodedata.category(letter) in ("Cc", "Cf") for letter in text)


def field_text(product: Product, field: str) -> str:
    """Return a text field; attributes as ``name value. name value``, in the order of the catalogue.

    >>> field_text(Product(attributes={"brand": "Acme", "Colour": "red"}), "attributes")
    'brand Acme. Colour red'
    """
    if field == "title":
        return product.title.strip()
    if field == "description":
        return product.description.strip()
    return ". ".join(f"{name} {value}".strip() for name, value in product.attributes.items())


def field_texts(products: Sequence[Product], field: str) -> tuple[str, ...]:
    """Return a text field of every product."""
    return tuple(field_text(product, field) for product in products)

"""Which products has an engine learned from? A few bytes of each are kept, so that its figures cannot flatter."""

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.encode import photo_keys
from aisle.product import Product

Keys = NDArray[np.uint64]


def training_keys(products: Sequence[Product]) -> Keys:
    """Return what is kept of training products: sorted 64-bit hashes of their content, about two of each."""
    return np.unique(np.array([key for keys in _keys(products, kept=True) for key in keys], dtype=np.uint64))


def seen_rows(products: Sequence[Product], known: Keys) -> NDArray[np.bool_]:
    """Return which products the engine was trained on, shape (n,).

    A product is known by its title and description, whatever its case, spaces and photo; by its title alone where it,
    or the one trained on, has no description; by the bytes of its photo where it has no text. Two products that
    nothing but their photos tells apart count as one: better a product too few judged than one judged too kindly.

    Parameters
    ----------
    products : sequence of Product
    known : ndarray of uint64
        From `training_keys`.
    """
    found = np.zeros(len(products), dtype=np.bool_)
    own = list(_keys(products, kept=False))
    rows = np.repeat(np.arange(len(own)), [len(keys) for keys in own])
    flat = np.array([key for keys in own for key in keys], dtype=np.uint64)
    found[rows[np.isin(flat, known)]] = True
    return found


def _keys(products: Sequence[Product], *, kept: bool) -> Iterator[list[int]]:
    wordless = [row for row, product in enumerate(products) if not (_plain(product.title + product.description))]
    photos = dict(zip(wordless, photo_keys([products[row].photo for row in wordless]), strict=True))
    for row, product in enumerate(products):
        title, description = _plain(product.title), _plain(product.description)
        if row in photos:
            photo = photos[row]
            yield [] if photo is None else [_key("photo", photo)]
        elif description:
            other = _key("any", title) if kept else _key("alone", title)
            yield [_key("text", title, description), *([other] if title else [])]
        else:
            yield [_key("any", title), _key("alone", title)] if kept else [_key("any", title)]


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _key(*parts: str) -> int:
    data = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")

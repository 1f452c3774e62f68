"""From products to what experts learn from: texts, embeddings, groups of near-duplicates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.duplicates import near_duplicate_groups
from aisle.catalog.photo_hash import HASH_SHAPE, perceptual_hash
from aisle.catalog.photos import decode_all
from aisle.encode import ENCODERS, EncoderSpec, embed_photos, embed_texts, open_spec, photo_keys
from aisle.encode.encoders import PhotoEncoder, PretrainedText
from aisle.encode.portable import join_outputs
from aisle.engine.fields import EMBEDDED_FIELDS, FIELDS, TEXT_FIELDS, field_texts
from aisle.errors import PhotoError
from aisle.heads.expert import FieldData
from aisle.product import Product
from aisle.settings import Settings

TEXT_ENCODER = "minilm"
PHOTO_ENCODER = "efficientnet-lite0-avg"


@dataclass(frozen=True, eq=False)
class Gathered:
    """Products as their fields.

    Attributes
    ----------
    fields : dict of str to FieldData
        Those that at least one product has.
    photo_problems : dict of int to PhotoError
        Photos that could not be read, by position.
    """

    fields: dict[str, FieldData]
    photo_problems: dict[int, PhotoError]


def gather(products: Sequence[Product], *, settings: Settings, fields: Sequence[str] = FIELDS) -> Gathered:
    """Read texts and photos of products, embeddings from the cache where they are kept.

    Raises
    ------
    WeightsNotReachableError
        The weights of an encoder are not in the cache and cannot be fetched.
    """
    found: dict[str, FieldData] = {}
    problems: dict[int, PhotoError] = {}
    encoder = None
    for field in fields:
        if field in TEXT_FIELDS:
            texts = field_texts(products, field)
            present = np.array([bool(text) for text in texts], dtype=np.bool_)
            if not present.any():
                continue
            embeddings = None
            if field in EMBEDDED_FIELDS:
                encoder = encoder or _open_text(settings)
                embeddings = embed_texts(encoder, texts, preparation="raw", settings=settings).matrix
            found[field] = FieldData(present, texts, embeddings)
        elif any(product.photo is not None for product in products):
            data, problems = _gather_photos(products, settings)
            if data.present.any():
                found[field] = data
    return Gathered(found, problems)


def _gather_photos(products: Sequence[Product], settings: Settings) -> tuple[FieldData, dict[int, PhotoError]]:
    photos = [product.photo for product in products]
    keys = photo_keys(photos)
    outputs = []
    for spec in _photo_outputs():
        encoder = open_spec(spec, settings=settings)
        if not isinstance(encoder, PhotoEncoder):
            raise TypeError(f"{spec.name} is no photo encoder")
        found = embed_photos(encoder, photos, keys=keys, photo_filter="none", settings=settings)
        outputs.append(found.matrix)
    return FieldData(found.present, embeddings=join_outputs(outputs)), dict(found.problems)


def _photo_outputs() -> list[EncoderSpec]:
    """Return the rows of the table that share the photo encoder's graph, in the order of its outputs."""
    spec = ENCODERS[PHOTO_ENCODER]
    rows = {row.select: row for row in ENCODERS.values() if row.method == spec.method}
    return [rows[output] for output in spec.outputs]


def _open_text(settings: Settings) -> PretrainedText:
    encoder = open_spec(ENCODERS[TEXT_ENCODER], settings=settings)
    if not isinstance(encoder, PretrainedText):
        raise TypeError(f"{TEXT_ENCODER} is no pretrained text encoder")
    return encoder


def group_duplicates(products: Sequence[Product], *, threads: int) -> NDArray[np.int64]:
    """Return the near-duplicate group of each product, by text and by photo."""
    return near_duplicate_groups(whole_texts(products), photo_hashes=hash_photos(products, threads=threads))


def whole_texts(products: Sequence[Product]) -> list[str]:
    """Return what near-duplicates are told by: title and description of every product."""
    return [f"{product.title} {product.description}" for product in products]


def hash_photos(products: Sequence[Product], *, threads: int) -> list[int | None]:
    """Return the perceptual hash of every photo; None where there is none, or it cannot be read."""
    photos = [product.photo for product in products]
    hashes: list[int | None] = [None] * len(photos)
    if any(photo is not None for photo in photos):
        for place, pixels in decode_all(photos, shape=HASH_SHAPE, threads=threads, label="looking for duplicates"):
            hashes[place] = perceptual_hash(pixels) if isinstance(pixels, np.ndarray) else None
    return hashes

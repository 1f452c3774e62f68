"""From products to what experts learn from: texts, embeddings, groups of near-duplicates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.duplicates import near_duplicate_groups
from aisle.catalog.photo_hash import HASH_SHAPE, perceptual_hash
from aisle.catalog.photos import decode_all
from aisle.encode import (
    ENCODERS,
    EncoderSpec,
    embed_photos,
    embed_texts,
    find_encoder,
    open_spec,
    photo_keys,
    seen_keys,
    seen_rows,
    untuned,
)
from aisle.encode.encoders import PhotoEncoder, PretrainedText
from aisle.encode.portable import join_outputs
from aisle.engine.fields import EMBEDDED_FIELDS, FIELDS, TEXT_FIELDS, field_texts
from aisle.errors import PhotoError, UnknownEncoderError
from aisle.heads.expert import FieldData
from aisle.product import Product
from aisle.settings import Settings

TEXT_ENCODER = "minilm"
PHOTO_ENCODER = "efficientnet-lite0-avg"

MOST_TOKENS = 128
"""Where an engine's MiniLM cuts a text: the length that it was trained on. Twice as much takes up to twice the time and
gains nothing (docs/results.md); terms are read to the end of the text."""


@dataclass(frozen=True, kw_only=True)
class Encoders:
    """What reads the texts and the photos of a catalogue. Both treat each product alone, so that they can travel.

    Attributes
    ----------
    text, photo : EncoderSpec

    Raises
    ------
    UnknownEncoderError
        One reads something else, or learns from the catalogue at hand.
    """

    text: EncoderSpec
    photo: EncoderSpec

    def __post_init__(self) -> None:
        for modality, spec in (("text", self.text), ("photo", self.photo)):
            if spec.modality != modality:
                raise UnknownEncoderError(
                    f"{spec.name} reads a {spec.modality}, and is named as the encoder of the {modality}; "
                    f"{_remedy(modality)}"
                )
            if spec.learns_here:
                raise UnknownEncoderError(
                    f"{spec.name} learns from the catalogue at hand and cannot travel inside an engine; "
                    f"{_remedy(modality)}"
                )

    def seen_keys(self, products: Sequence[Product]) -> NDArray[np.uint64]:
        """Return what the encoders in use for these products have learned from; see `aisle.encode.seen`.

        Raises
        ------
        EncoderFolderError
            An encoder's record of it is damaged.
        """
        reads_text = any(product.title or product.description for product in products)
        reads_photos = any(product.photo is not None for product in products)
        used = [spec for spec, reads in ((self.text, reads_text), (self.photo, reads_photos)) if reads]
        return np.unique(np.concatenate([np.empty(0, dtype=np.uint64), *map(seen_keys, used)]))

    def have_seen(self, products: Sequence[Product]) -> NDArray[np.bool_]:
        """Return which products an encoder in use has learned from, shape (n,): such a product is never judged."""
        return seen_rows(products, self.seen_keys(products))


def _remedy(modality: str) -> str:
    known = [spec.name for spec in ENCODERS.values() if spec.modality == modality and not spec.learns_here]
    return f"name one of {', '.join(known)}, a folder with a {modality} encoder, or hub:owner/name"


def _cut(spec: EncoderSpec) -> EncoderSpec:
    own = spec.name == TEXT_ENCODER
    return replace(spec, max_tokens=min(spec.max_tokens, MOST_TOKENS)) if own else spec


DEFAULT_ENCODERS = Encoders(text=_cut(ENCODERS[TEXT_ENCODER]), photo=ENCODERS[PHOTO_ENCODER])


def find_encoders(*, text: str | None, photo: str | None, settings: Settings) -> Encoders:
    """Return the encoders that somebody names; the default ones where nothing is named.

    Parameters
    ----------
    text, photo : str or None
        A name of the table, a folder, or ``hub:owner/name``, as `aisle.encode.find_encoder` takes it. A folder that
        holds both may be given to both.
    settings : Settings
        The hub and the cache.

    Raises
    ------
    UnknownEncoderError
        There is no such encoder, or it cannot be the one of that modality.
    EncoderFolderError
        A folder is incomplete.
    WeightsNotReachableError
        A repository cannot be fetched.
    """
    return Encoders(
        text=_cut(find_encoder(text or TEXT_ENCODER, settings=settings, modality="text")),
        photo=find_encoder(photo or PHOTO_ENCODER, settings=settings, modality="photo"),
    )


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


def gather(
    products: Sequence[Product],
    *,
    settings: Settings,
    fields: Sequence[str] = FIELDS,
    encoders: Encoders = DEFAULT_ENCODERS,
    groups: NDArray[np.int64] | None = None,
) -> Gathered:
    """Read texts and photos of products, embeddings from the cache where they are kept.

    Parameters
    ----------
    products : sequence of Product
    settings : Settings
    fields : sequence of str
    encoders : Encoders
    groups : ndarray of int, shape (n,), optional
        Near-duplicate groups, where something is to be learned from the products: those that an encoder was tuned on,
        and their near-duplicates, are then marked, and read by the encoder that it started from as well.

    Raises
    ------
    EncoderFolderError
        An encoder lies in a folder that cannot be used.
    WeightsNotReachableError
        The weights of an encoder are not in the cache and cannot be fetched.
    """
    found: dict[str, FieldData] = {}
    problems: dict[int, PhotoError] = {}
    readers = _TextReaders(products, encoders.text, groups, settings)
    for field in fields:
        if field in TEXT_FIELDS:
            texts = field_texts(products, field)
            present = np.array([bool(text) for text in texts], dtype=np.bool_)
            if not present.any():
                continue
            found[field] = readers.read(present, texts) if field in EMBEDDED_FIELDS else FieldData(present, texts)
        elif any(product.photo is not None for product in products):
            data, problems = _gather_photos(products, encoders.photo, settings)
            if not data.present.any():
                continue
            told = _told(products, encoders.photo, groups)
            base = None if told is None else untuned(encoders.photo)
            before = None if base is None else _gather_photos(products, base, settings)[0].embeddings
            found[field] = replace(data, seen=told, untuned=before)
    return Gathered(found, problems)


def _told(products: Sequence[Product], spec: EncoderSpec, groups: NDArray[np.int64] | None) -> NDArray[np.bool_] | None:
    """Return which products an encoder was tuned on, or on a near-duplicate; None where on no product."""
    if groups is None:
        return None
    told = with_near_duplicates(seen_rows(products, seen_keys(spec)), groups)
    return told if told.any() else None


def with_near_duplicates(seen: NDArray[np.bool_], groups: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which products were seen or are near-duplicates of one that was, shape (n,)."""
    return np.isin(groups, groups[seen])


class _TextReaders:
    """The text encoder, and the one that it was tuned from where it has seen a product; opened when first needed."""

    def __init__(
        self, products: Sequence[Product], spec: EncoderSpec, groups: NDArray[np.int64] | None, settings: Settings
    ) -> None:
        self._products, self._spec, self._groups, self._settings = products, spec, groups, settings

    def read(self, present: NDArray[np.bool_], texts: tuple[str, ...]) -> FieldData:
        """Return a field with its embeddings."""
        embeddings = self._embed(self._encoder, texts)
        before = None if self._before is None else self._embed(self._before, texts)
        return FieldData(present, texts, embeddings, self._told, before)

    @cached_property
    def _encoder(self) -> PretrainedText:
        return _open_text(self._spec, self._settings)

    @cached_property
    def _told(self) -> NDArray[np.bool_] | None:
        return _told(self._products, self._spec, self._groups)

    @cached_property
    def _before(self) -> PretrainedText | None:
        base = None if self._told is None else untuned(self._spec)
        return None if base is None else _open_text(base, self._settings)

    def _embed(self, encoder: PretrainedText, texts: tuple[str, ...]) -> NDArray[np.float32]:
        return embed_texts(encoder, texts, preparation="raw", settings=self._settings).matrix


def _gather_photos(
    products: Sequence[Product], spec: EncoderSpec, settings: Settings
) -> tuple[FieldData, dict[int, PhotoError]]:
    photos = [product.photo for product in products]
    keys = photo_keys(photos)
    outputs = []
    for row in _photo_outputs(spec):
        encoder = open_spec(row, settings=settings)
        if not isinstance(encoder, PhotoEncoder):
            raise TypeError(f"{row.name} is no pretrained photo encoder")
        found = embed_photos(encoder, photos, keys=keys, photo_filter="none", settings=settings)
        outputs.append(found.matrix)
    return FieldData(found.present, embeddings=join_outputs(outputs)), dict(found.problems)


def _photo_outputs(spec: EncoderSpec) -> list[EncoderSpec]:
    """Return the rows of the table that share a photo encoder's graph, in the order of its outputs."""
    if spec.folder is not None:
        return [spec]
    rows = {row.select: row for row in ENCODERS.values() if row.method == spec.method}
    return [rows[output] for output in spec.outputs]


def _open_text(spec: EncoderSpec, settings: Settings) -> PretrainedText:
    encoder = open_spec(spec, settings=settings)
    if not isinstance(encoder, PretrainedText):
        raise TypeError(f"{spec.name} is no pretrained text encoder")
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

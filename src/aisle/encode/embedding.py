"""Embeddings of a catalogue's texts and photos: one row per product, in their order."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.photos import decode_photo
from aisle.encode.encoders import CorpusText, PhotoDescriber, PhotoEncoder, TextEncoder
from aisle.encode.kept import KeptRows, keep_matrix, keep_rows
from aisle.encode.parallel import map_threads
from aisle.encode.photo_filters import apply_filter
from aisle.encode.visual_words import one_thread_per_photo
from aisle.encode.words import prepare
from aisle.errors import PhotoError
from aisle.files import sha256_bytes, sha256_file
from aisle.progress import bar
from aisle.settings import Settings

Array = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Decode = Callable[[str], Pixels | PhotoError]

_PHOTOS_AT_ONCE = 4  # in one pass of a network: more would leave the cache of a core
_TEXTS_AT_ONCE = 256  # per thread, in one call of a network


@dataclass(frozen=True, kw_only=True)
class Embedding:
    """What one encoder makes of a catalogue.

    Attributes
    ----------
    matrix : ndarray of float32, shape (n, d)
        One row per product; zero where the product has nothing that the encoder reads.
    present : ndarray of bool, shape (n,)
        Where it has.
    seconds : float
        What computing it cost, now or when it was computed.
    problems : mapping of int to PhotoError
        Photos that could not be read or decoded, by position.
    """

    matrix: Array
    present: NDArray[np.bool_]
    seconds: float
    problems: Mapping[int, PhotoError] = field(default_factory=dict)


def photo_keys(photos: Sequence[Path | bytes | None]) -> list[str | None]:
    """Return the SHA-256 of each photo's content; None where there is none or the file cannot be read."""
    return [None if photo is None else _photo_key(photo) for photo in photos]


def embed_texts(encoder: TextEncoder, texts: Sequence[str], *, preparation: str, settings: Settings) -> Embedding:
    """Embed texts; equal ones are computed once.

    Parameters
    ----------
    encoder : TextEncoder
        From `aisle.encode.open_spec`.
    texts : sequence of str
        One per product; a product whose text is empty, or of which the preparation leaves nothing, is not
        present.
    preparation : {"raw", "tokenised", "lemmatised"}
        See `aisle.encode.words.prepare`.
    settings : Settings
        Cache and cores.

    Raises
    ------
    DiskFullError
        The disk of the cache is full. What was kept before stays.
    """
    # Half of a surrogate pair, which JSON can hold, is no text to a tokenizer.
    prepared = prepare([text.encode("utf-8", "replace").decode() for text in texts], how=preparation)
    if isinstance(encoder, CorpusText):
        corpus = _digest([encoder.fingerprint, *prepared])
        matrix, seconds = keep_matrix(
            corpus, lambda: encoder.encode(prepared, threads=settings.threads), settings=settings
        )
        present = np.array([bool(text.strip()) for text in prepared], dtype=np.bool_)
        return Embedding(matrix=matrix, present=present, seconds=seconds)
    keys = [sha256_bytes(text.encode()) if text.strip() else None for text in prepared]
    by_key = {key: text for key, text in zip(keys, prepared, strict=True) if key is not None}
    step = _TEXTS_AT_ONCE * settings.threads

    def compute(missing: Sequence[str]) -> Iterator[tuple[str, Array]]:
        # Texts of like length fill a pass; the shortest come first, so that the bar moves at once.
        ordered = sorted(missing, key=lambda key: len(by_key[key]))
        for at in range(0, len(ordered), step):
            part = ordered[at : at + step]
            rows = encoder.encode([by_key[key] for key in part], threads=settings.threads)
            yield from zip(part, rows, strict=True)

    found = keep_rows(
        encoder.fingerprint,
        list(by_key),
        compute,
        label=f"{encoder.spec.title}, {preparation}",
        unit="text",
        settings=settings,
    )
    return _arrange(found, keys, width=encoder.spec.dimension)


def embed_photos(
    encoder: PhotoEncoder | PhotoDescriber,
    photos: Sequence[Path | bytes | None],
    *,
    keys: Sequence[str | None],
    photo_filter: str,
    settings: Settings,
) -> Embedding:
    """Embed photos; equal ones are computed once, and one that cannot be decoded fails alone.

    Parameters
    ----------
    encoder : PhotoEncoder or PhotoDescriber
        From `aisle.encode.open_spec`.
    photos : sequence of Path, bytes or None
        One per product.
    keys : sequence of str or None
        Their content, from `photo_keys`.
    photo_filter : {"none", "gaussian", "median"}
        What happens to the pixels first.
    settings : Settings
        Cache and cores.

    Raises
    ------
    DiskFullError
        The disk of the cache is full. What was kept before stays.
    """
    label = f"{encoder.spec.title}, filter {photo_filter}"
    fingerprint = _digest([encoder.fingerprint, photo_filter])
    by_key = {key: photo for key, photo in zip(keys, photos, strict=True) if key is not None and photo is not None}
    keys = [key if key in by_key else None for key in keys]

    def decode(key: str) -> Pixels | PhotoError:
        try:
            return apply_filter(decode_photo(by_key[key], shape=encoder.shape), name=photo_filter)
        except PhotoError as err:
            return PhotoError(err.code, str(err))  # a fresh one: a traceback would keep the file in memory

    if isinstance(encoder, PhotoDescriber):
        corpus = _digest([fingerprint, *(key or "" for key in keys)])

        def learn() -> Array:
            return _describe(encoder, keys, decode, label=label, threads=settings.threads)

        matrix, seconds = keep_matrix(corpus, learn, settings=settings)
        present = np.asarray(matrix.any(axis=1))
        embedding = Embedding(matrix=matrix, present=present, seconds=seconds)
        # Which photos are broken is not kept: they are the few without features, and are looked at again.
        blank = dict.fromkeys(key for key, row in zip(keys, matrix, strict=True) if key and not row.any())
        problems = {key: error for key in blank if isinstance(error := decode(key), PhotoError)}
    else:
        width = (encoder.spec.dimension or 1) * len(encoder.spec.outputs)
        found = keep_rows(
            fingerprint,
            list(by_key),
            lambda missing: _encode(encoder, missing, decode, threads=settings.threads),
            label=label,
            unit="photo",
            settings=settings,
        )
        embedding = _arrange(found, keys, width=width)
        embedding = replace(embedding, matrix=encoder.select(embedding.matrix))
        problems = found.problems
    return replace(embedding, problems=_by_position(photos, keys, problems))


def _encode(
    encoder: PhotoEncoder, missing: Sequence[str], decode: Decode, *, threads: int
) -> Iterator[tuple[str, Array | PhotoError]]:
    """Decode and encode photos in threads, a few at a time."""

    def encode(part: Sequence[str]) -> list[tuple[str, Array | PhotoError]]:
        decoded = [(key, decode(key)) for key in part]
        bad = [(key, error) for key, error in decoded if isinstance(error, PhotoError)]
        good = [(key, pixels) for key, pixels in decoded if not isinstance(pixels, PhotoError)]
        if not good:
            return [*bad]
        rows = encoder.encode(np.stack([pixels for _, pixels in good]))
        return [*zip([key for key, _ in good], rows, strict=True), *bad]

    parts = (missing[at : at + _PHOTOS_AT_ONCE] for at in range(0, len(missing), _PHOTOS_AT_ONCE))
    for rows in map_threads(encode, parts, threads=threads):
        yield from rows


def _describe(
    encoder: PhotoDescriber, keys: Sequence[str | None], decode: Decode, *, label: str, threads: int
) -> Array:
    """Embed photos with an encoder that learns its vocabulary from all of them."""
    features: dict[str | None, Pixels] = {None: np.zeros((0, encoder.features.width), dtype=np.uint8)}
    contents = [key for key in dict.fromkeys(keys) if key is not None]

    def describe(key: str) -> Pixels:
        pixels = decode(key)
        return features[None] if isinstance(pixels, PhotoError) else encoder.features.describe(pixels)

    with one_thread_per_photo(), bar(label=label, total=len(contents), unit="photo") as progress:
        for key, found in zip(contents, map_threads(describe, contents, threads=threads), strict=True):
            features[key] = found
            progress.update()
    return encoder.gather([features[key] for key in keys], threads=threads)


def _arrange(found: KeptRows, keys: Sequence[str | None], *, width: int | None) -> Embedding:
    """Put rows in the order of the products; `width` counts where there is no row at all."""
    width = len(next(iter(found.rows.values()))) if found.rows else width or 1
    matrix = np.zeros((len(keys), width), dtype=np.float32)
    present = np.zeros(len(keys), dtype=np.bool_)
    for position, key in enumerate(keys):
        if key is not None and (row := found.rows.get(key)) is not None:
            matrix[position] = row
            present[position] = True
    return Embedding(matrix=matrix, present=present, seconds=found.seconds)


def _by_position(
    photos: Sequence[Path | bytes | None], keys: Sequence[str | None], problems: Mapping[str, PhotoError]
) -> dict[int, PhotoError]:
    found = {}
    for position, (photo, key) in enumerate(zip(photos, keys, strict=True)):
        if key is None and photo is not None:
            found[position] = PhotoError("missing", f"the photo {photo!s} cannot be read")
        elif key is not None and key in problems:
            found[position] = problems[key]
    return found


def _photo_key(photo: Path | bytes) -> str | None:
    if isinstance(photo, bytes):
        return sha256_bytes(photo)
    try:
        return sha256_file(photo) if photo.is_file() else None  # a pipe would be waited for
    except (OSError, ValueError):
        return None


def _digest(parts: Sequence[str]) -> str:
    return sha256_bytes(json.dumps(list(parts)).encode())

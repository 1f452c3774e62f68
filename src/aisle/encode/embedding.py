"""Embeddings of a catalogue's texts and photos: computed once, kept, looked up ever after."""

import io
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from aisle.cache import KeyedStore
from aisle.catalog.photos import decode_photo
from aisle.encode.encoders import CorpusText, PhotoDescriber, PhotoEncoder, TextEncoder
from aisle.encode.photo_filters import apply_filter
from aisle.encode.words import prepare
from aisle.errors import PhotoError
from aisle.files import sha256_bytes, sha256_file, write_bytes
from aisle.progress import bar
from aisle.settings import Settings

log = logging.getLogger(__name__)

Array = NDArray[np.float32]

_PHOTOS_AT_ONCE = 4  # per thread: more would leave the cache of a core
_TEXTS_AT_ONCE = 256  # a kill loses at most these


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
        Photos that could not be decoded, by position.
    """

    matrix: Array
    present: NDArray[np.bool_]
    seconds: float
    problems: Mapping[int, PhotoError] = field(default_factory=dict)


def photo_keys(photos: Sequence[Path | bytes | None]) -> list[str | None]:
    """Return the SHA-256 of each photo's content; None where there is none or the file cannot be read."""
    return [None if photo is None else _photo_key(photo) for photo in photos]


def embed_texts(
    encoder: TextEncoder, texts: Sequence[str], *, preparation: str, settings: Settings
) -> Embedding:
    """Embed texts.

    Parameters
    ----------
    encoder : TextEncoder
        From `aisle.encode.open_encoder`.
    texts : sequence of str
        One per product; a product with an empty text is not present.
    preparation : {"raw", "tokenised", "lemmatised"}
        See `aisle.encode.words.prepare`.
    settings : Settings
        Cache and cores.
    """
    prepared = prepare(texts, how=preparation)
    present = np.array([bool(text.strip()) for text in prepared])
    label = f"{encoder.spec.title}, {preparation}"
    if isinstance(encoder, CorpusText):
        corpus = _digest([encoder.fingerprint, *prepared])

        def compute() -> Array:
            return encoder.encode(prepared, threads=settings.threads)

        matrix, seconds = _kept_matrix(corpus, compute, settings=settings)
        return Embedding(matrix=matrix, present=present, seconds=seconds)
    keys = [
        sha256_bytes(text.encode("utf-8", errors="replace")) if text.strip() else None for text in prepared
    ]
    by_key = {key: text for key, text in zip(keys, prepared, strict=True) if key is not None}

    def work(missing: Sequence[str]) -> Iterator[tuple[str, Array | PhotoError]]:
        ordered = sorted(missing, key=lambda key: len(by_key[key]))
        for at in range(0, len(ordered), _TEXTS_AT_ONCE):
            part = ordered[at : at + _TEXTS_AT_ONCE]
            yield from zip(
                part, encoder.encode([by_key[key] for key in part], threads=settings.threads), strict=True
            )

    return _kept_rows(encoder.fingerprint, keys, work, label=label, unit="text", settings=settings)


def embed_photos(
    encoder: PhotoEncoder | PhotoDescriber,
    photos: Sequence[Path | bytes | None],
    *,
    keys: Sequence[str | None],
    photo_filter: str,
    settings: Settings,
) -> Embedding:
    """Embed photos; one that cannot be decoded fails alone.

    Parameters
    ----------
    encoder : PhotoEncoder or PhotoDescriber
        From `aisle.encode.open_encoder`.
    photos : sequence of Path, bytes or None
        One per product.
    keys : sequence of str or None
        Their content, from `photo_keys`.
    photo_filter : {"none", "gaussian", "median"}
        What happens to the pixels first.
    settings : Settings
        Cache and cores.
    """
    label = f"{encoder.spec.title}, filter {photo_filter}"
    fingerprint = _digest([encoder.fingerprint, photo_filter])
    by_key = {
        key: photo for key, photo in zip(keys, photos, strict=True) if key is not None and photo is not None
    }

    def decode(key: str) -> NDArray[np.uint8] | PhotoError:
        try:
            return apply_filter(decode_photo(by_key[key], shape=encoder.shape), name=photo_filter)
        except PhotoError as err:
            return PhotoError(err.code, str(err))

    if isinstance(encoder, PhotoDescriber):
        return _describe(encoder, keys, decode, fingerprint=fingerprint, label=label, settings=settings)

    def encode(part: Sequence[str]) -> list[tuple[str, Array | PhotoError]]:
        decoded = {key: decode(key) for key in part}
        good = [key for key, pixels in decoded.items() if not isinstance(pixels, PhotoError)]
        rows = encoder.encode(np.stack([decoded[key] for key in good])) if good else []
        bad = [(key, error) for key, error in decoded.items() if isinstance(error, PhotoError)]
        return [*zip(good, rows, strict=True), *bad]

    def work(missing: Sequence[str]) -> Iterator[tuple[str, Array | PhotoError]]:
        parts = [missing[at : at + _PHOTOS_AT_ONCE] for at in range(0, len(missing), _PHOTOS_AT_ONCE)]
        with ThreadPoolExecutor(settings.threads) as pool:
            for rows in pool.map(encode, parts):
                yield from rows

    found = _kept_rows(fingerprint, keys, work, label=label, unit="photo", settings=settings)
    return Embedding(
        matrix=encoder.select(found.matrix),
        present=found.present,
        seconds=found.seconds,
        problems=found.problems,
    )


def _describe(
    encoder: PhotoDescriber,
    keys: Sequence[str | None],
    decode: Callable[[str], NDArray[np.uint8] | PhotoError],
    *,
    fingerprint: str,
    label: str,
    settings: Settings,
) -> Embedding:
    """Embed photos with an encoder that learns its vocabulary from all of them."""
    nothing = np.zeros((0, encoder.width), dtype=np.uint8)

    def describe(key: str | None) -> NDArray[np.uint8]:
        pixels = None if key is None else decode(key)
        return nothing if pixels is None or isinstance(pixels, PhotoError) else encoder.describe(pixels)

    def compute() -> Array:
        features = []
        with (
            ThreadPoolExecutor(settings.threads) as pool,
            bar(label=label, total=len(keys), unit="photo") as progress,
        ):
            for found in pool.map(describe, keys):
                features.append(found)
                progress.update()
        return encoder.gather(features)

    corpus = _digest([fingerprint, *(key or "" for key in keys)])
    matrix, seconds = _kept_matrix(corpus, compute, settings=settings)
    return Embedding(matrix=matrix, present=matrix.any(axis=1), seconds=seconds)


def _kept_rows(
    fingerprint: str,
    keys: Sequence[str | None],
    work: Callable[[Sequence[str]], Iterator[tuple[str, Array | PhotoError]]],
    *,
    label: str,
    unit: str,
    settings: Settings,
) -> Embedding:
    """Look rows up by key, compute those that are missing, and keep each batch as it comes."""
    store = KeyedStore(settings.cache_dir / "embeddings" / f"{fingerprint[:32]}.sqlite")
    timings = KeyedStore(settings.cache_dir / "embeddings" / "seconds.sqlite")
    wanted = [key for key in dict.fromkeys(keys) if key is not None]
    found = {key: np.frombuffer(value, dtype="<f4") for key, value in store.get(wanted).items()}
    missing = [key for key in wanted if key not in found]
    problems: dict[str, PhotoError] = {}
    corpus = _digest([fingerprint, *wanted])
    spent = json.loads(timings.get([corpus]).get(corpus, b"0"))
    started = time.perf_counter()
    if missing:
        fresh: dict[str, Array] = {}
        with bar(label=label, total=len(missing), unit=unit) as progress:
            for key, row in work(missing):
                progress.update()
                if isinstance(row, PhotoError):
                    problems[key] = row
                    continue
                fresh[key] = np.asarray(row, dtype=np.float32)
                if len(fresh) >= _TEXTS_AT_ONCE:
                    found.update(_keep(store, fresh))
                    fresh = {}
        if fresh or found:
            found.update(_keep(store, fresh))
        if len(problems) < len(missing):
            spent += time.perf_counter() - started
            timings.put({corpus: json.dumps(spent).encode()})
    dimension = len(next(iter(found.values()))) if found else 1
    empty = np.zeros(dimension, dtype=np.float32)
    return Embedding(
        matrix=np.stack([found.get(key, empty) if key is not None else empty for key in keys]),
        present=np.array([key in found for key in keys]),
        seconds=spent,
        problems={row: problems[key] for row, key in enumerate(keys) if key is not None and key in problems},
    )


def _keep(store: KeyedStore, rows: dict[str, Array]) -> dict[str, Array]:
    if rows:
        store.put({key: np.ascontiguousarray(row, dtype="<f4").tobytes() for key, row in rows.items()})
    return rows


def _kept_matrix(corpus: str, compute: Callable[[], Array], *, settings: Settings) -> tuple[Array, float]:
    """Look a whole matrix up, or compute and keep it, with what it cost."""
    path = settings.cache_dir / "matrices" / f"{corpus[:32]}.npz"
    try:
        with np.load(path, allow_pickle=False) as kept:
            return kept["matrix"], float(kept["seconds"])
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as err:
        log.warning("%s is damaged (%s); it is computed again", path, err)
    started = time.perf_counter()
    matrix = compute()
    seconds = time.perf_counter() - started
    buffer = io.BytesIO()
    np.savez(buffer, matrix=matrix, seconds=np.float64(seconds))
    write_bytes(path, buffer.getvalue())
    return matrix, seconds


def _photo_key(photo: Path | bytes) -> str | None:
    if isinstance(photo, bytes):
        return sha256_bytes(photo)
    try:
        return sha256_file(photo)
    except OSError:
        return None


def _digest(parts: Sequence[str]) -> str:
    return sha256_bytes(json.dumps(list(parts)).encode())

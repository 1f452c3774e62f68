"""The feature sets that a study compares: every encoder, in every variant of its input."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aisle.encode import (
    ENCODERS,
    Embedding,
    EncoderSpec,
    embed_photos,
    embed_texts,
    find_encoder,
    open_spec,
    photo_keys,
    seen_keys,
    seen_rows,
)
from aisle.encode.encoders import PhotoDescriber, PhotoEncoder, TextEncoder
from aisle.encode.find import HUB_PREFIX
from aisle.encode.photo_filters import FILTERS
from aisle.encode.words import PREPARATIONS
from aisle.errors import (
    EncoderFolderError,
    MissingExtraError,
    StudyError,
    WeightsError,
    WeightsNotReachableError,
)
from aisle.product import Product
from aisle.settings import Settings
from aisle.study.subject import Subject

NOT_REACHABLE = "weights not reachable"
NOT_USABLE = "cannot be used"
TOO_FEW = "too few products"
TITLE, WHOLE_TEXT = "title", "title + description"
PLAIN_TEXT = f"{WHOLE_TEXT}, raw"
PLAIN_PHOTO = "no filter"


Sources = list[EncoderSpec | tuple[str, str]]
"""Rows of encoders; the name and the reason where a named repository cannot be reached."""


@dataclass(frozen=True)
class FeatureSet:
    """What one encoder makes of the catalogue in one variant.

    Attributes
    ----------
    spec : EncoderSpec
        The encoder's row.
    variant : str
        ``"title, lemmatised"``, ``"gaussian filter"`` and the like.
    embedding : Embedding or None
        None where the encoder cannot be used.
    status, reason : str
        Then what is the matter, in a few words and in full.
    """

    spec: EncoderSpec
    variant: str
    embedding: Embedding | None
    status: str = "ok"
    reason: str = ""


def split_names(names: str | Sequence[str] | None, *, settings: Settings) -> list[str] | None:
    """Return the names of encoders, each once; None for all of the table.

    Raises
    ------
    UnknownEncoderError
        A name is neither in the table nor a folder. Repositories are not looked at: that takes a connection.
    StudyError
        No name is given.
    """
    if names is None:
        return None
    parts = names.split(",") if isinstance(names, str) else names
    found = list(dict.fromkeys(name.strip() for name in parts if name.strip()))
    if not found:
        raise StudyError("no encoder is named; leave encoders out to compare all of them")
    for name in found:
        if not name.startswith(HUB_PREFIX):
            find_encoder(name, settings=settings)
    return found


def choose_encoders(names: Sequence[str] | None, *, settings: Settings) -> Sources:
    """Find the encoders to run: the table's, or those that are named.

    Raises
    ------
    UnknownEncoderError
        A name is neither in the table nor a folder.
    EncoderFolderError
        A folder or repository is no encoder.
    """
    if names is None:
        return [spec for spec in ENCODERS.values() if spec.default]
    found: Sources = []
    for name in names:
        try:
            found.append(find_encoder(name, settings=settings))
        except WeightsError as err:
            found.append((name, str(err)))
    return found


def check_unseen(specs: Sequence[EncoderSpec], products: Sequence[Product]) -> None:
    """Refuse encoders that were tuned on the products of the study: they have been told the categories.

    Raises
    ------
    StudyError
        One was.
    EncoderFolderError
        An encoder's record of what it has seen is damaged.
    """
    for spec in specs:
        known = seen_keys(spec)
        if known.size and (count := int(seen_rows(products, known).sum())):
            raise StudyError(
                f"{spec.name} was tuned on {count:,} of these {len(products):,} products and has been told their "
                "categories: how well it tells them apart would prove nothing. Study products that it has not seen, or "
                "see `aisle evaluate CATALOG --finetune`"
            )


def count_variants(subject: Subject, spec: EncoderSpec) -> int:
    """Count the feature sets that one encoder gives."""
    if not _has_input(subject, spec):
        return 1
    return len(FILTERS) if spec.modality == "photo" else len(PREPARATIONS) * len(_fields(subject))


def compute_features(subject: Subject, specs: Sequence[EncoderSpec], *, settings: Settings) -> Iterator[FeatureSet]:
    """Embed the products with every encoder, in every variant.

    Texts: title, and title + description where there are descriptions; raw, tokenised, lemmatised. Photos: unfiltered,
    Gaussian and median blur. An encoder whose weights cannot be had gives one set that says why, and the rest goes on;
    so does one that would find nothing to read, whose weights are not even fetched.
    """
    photos = [product.photo for product in subject.products]
    keys = photo_keys(photos) if any(spec.modality == "photo" for spec in specs) else []
    for spec in specs:
        if not _has_input(subject, spec):
            yield _unusable(spec, TOO_FEW, f"no product has a {'photo' if spec.modality == 'photo' else 'text'}")
            continue
        try:
            encoder = open_spec(spec, settings=settings)
        except WeightsNotReachableError as err:
            yield _unusable(spec, NOT_REACHABLE, str(err))
            continue
        except (WeightsError, MissingExtraError, EncoderFolderError) as err:
            yield _unusable(spec, NOT_USABLE, str(err))
            continue
        if isinstance(encoder, PhotoDescriber | PhotoEncoder):
            for name in FILTERS:
                variant = PLAIN_PHOTO if name == "none" else f"{name} filter"
                embedding = embed_photos(encoder, photos, keys=keys, photo_filter=name, settings=settings)
                yield FeatureSet(spec, variant, embedding)
        else:
            yield from _text_features(subject, encoder, settings=settings)


def _text_features(subject: Subject, encoder: TextEncoder, *, settings: Settings) -> Iterator[FeatureSet]:
    for field in _fields(subject):
        texts = subject.texts(field)
        for preparation in PREPARATIONS:
            try:
                embedding = embed_texts(encoder, texts, preparation=preparation, settings=settings)
            except MissingExtraError as err:
                yield _unusable(encoder.spec, NOT_USABLE, str(err))
                return
            yield FeatureSet(encoder.spec, f"{field}, {preparation}", embedding)


def _fields(subject: Subject) -> tuple[str, ...]:
    return (TITLE, WHOLE_TEXT) if any(product.description for product in subject.products) else (TITLE,)


def _has_input(subject: Subject, spec: EncoderSpec) -> bool:
    if spec.modality == "photo":
        return any(product.photo is not None for product in subject.products)
    return any(product.title or product.description for product in subject.products)


def _unusable(spec: EncoderSpec, status: str, reason: str) -> FeatureSet:
    variant = f"{TITLE}, raw" if spec.modality == "text" else PLAIN_PHOTO
    return FeatureSet(spec, variant, None, status, reason)


def row_title(row: Mapping[str, Any]) -> str:
    """Name a scored feature set, from its row of the summary, for a reader."""
    return f"{row['title']}, {row['variant']}" + (", PCA" if row["pca"] else "")

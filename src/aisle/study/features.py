"""The feature sets that a study compares: every encoder, in every variant of its input."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aisle.encode import (
    ENCODERS,
    Embedding,
    Encoder,
    EncoderSpec,
    embed_photos,
    embed_texts,
    find_encoder,
    open_spec,
    photo_keys,
)
from aisle.encode.encoders import PhotoDescriber, PhotoEncoder
from aisle.encode.photo_filters import FILTERS
from aisle.encode.words import PREPARATIONS
from aisle.errors import MissingExtraError, WeightsError
from aisle.settings import Settings
from aisle.study.subject import Subject

log = logging.getLogger(__name__)

NOT_REACHABLE = "weights not reachable"
TITLE, WHOLE_TEXT = "title", "title + description"
PLAIN_TEXT = f"{WHOLE_TEXT}, raw"
PLAIN_PHOTO = "no filter"


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
        None where the encoder could not be opened.
    reason : str
        Why not.
    """

    spec: EncoderSpec
    variant: str
    embedding: Embedding | None
    reason: str = ""


def choose_encoders(names: Sequence[str] | None, *, settings: Settings) -> list[EncoderSpec | tuple[str, str]]:
    """Find the encoders to run: all of the table, or those that are named.

    Returns
    -------
    list
        A row, or the name and the reason where a named repository cannot be reached.

    Raises
    ------
    UnknownEncoderError
        A name is neither in the table nor a folder.
    """
    if names is None:
        return list(ENCODERS.values())
    found: list[EncoderSpec | tuple[str, str]] = []
    for name in dict.fromkeys(names):
        try:
            found.append(find_encoder(name, settings=settings))
        except WeightsError as err:
            found.append((name, str(err)))
    return found


def compute_features(subject: Subject, specs: Sequence[EncoderSpec], *, settings: Settings) -> Iterator[FeatureSet]:
    """Embed the products with every encoder, in every variant.

    Texts: title, and title + description where there are descriptions; raw, tokenised, lemmatised. Photos: unfiltered,
    Gaussian and median blur. An encoder whose weights cannot be had gives one set that says why, and the rest goes on.
    """
    photos = [product.photo for product in subject.products]
    keys = photo_keys(photos) if any(spec.modality == "photo" for spec in specs) else []
    described = any(product.description for product in subject.products)
    for spec in specs:
        try:
            encoder = open_spec(spec, settings=settings)
        except (WeightsError, MissingExtraError) as err:
            log.warning("%s: %s", spec.title, err)
            yield FeatureSet(spec, _first_variant(spec), None, str(err))
            continue
        if isinstance(encoder, PhotoDescriber | PhotoEncoder):
            for name in FILTERS:
                variant = PLAIN_PHOTO if name == "none" else f"{name} filter"
                embedding = embed_photos(encoder, photos, keys=keys, photo_filter=name, settings=settings)
                yield FeatureSet(spec, variant, embedding)
        else:
            yield from _text_features(subject, encoder, described=described, settings=settings)


def _text_features(subject: Subject, encoder: Encoder, *, described: bool, settings: Settings) -> Iterator[FeatureSet]:
    if isinstance(encoder, PhotoDescriber | PhotoEncoder):
        raise TypeError(f"{encoder.spec.name} reads photos")
    for field in (TITLE, WHOLE_TEXT) if described else (TITLE,):
        texts = subject.texts(field)
        for preparation in PREPARATIONS:
            embedding = embed_texts(encoder, texts, preparation=preparation, settings=settings)
            yield FeatureSet(encoder.spec, f"{field}, {preparation}", embedding)


def _first_variant(spec: EncoderSpec) -> str:
    return f"{TITLE}, raw" if spec.modality == "text" else PLAIN_PHOTO

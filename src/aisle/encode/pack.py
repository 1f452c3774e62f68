"""Gathering an encoder from the cache of weights, or from its folder, so that it can travel."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from aisle.catalog.photos import DECODE_VERSION
from aisle.encode.encoders import PhotoEncoder, PretrainedText, open_spec
from aisle.encode.find import HUB_PREFIX
from aisle.encode.portable import PortableEncoder, open_portable
from aisle.encode.spec import EncoderSpec
from aisle.settings import Settings


def pack_encoder(spec: EncoderSpec, *, settings: Settings) -> PortableEncoder:
    """Gather all that an encoder needs to run somewhere else.

    Raises
    ------
    WeightsNotReachableError
        Its weights are not in the cache and cannot be fetched.
    EncoderFolderError
        It lies in a folder that cannot be used.
    ValueError
        It learns from the catalogue, and so has no graph.
    """
    encoder = open_spec(spec, settings=settings)
    if not isinstance(encoder, (PretrainedText, PhotoEncoder)):
        raise ValueError(f"{spec.name} cannot be carried by an engine")
    # An engine says nothing of the machine that it was made on: of a folder's path the last part is told.
    local = spec.folder is not None and not spec.name.startswith(HUB_PREFIX)
    about: dict[str, Any] = {
        "name": spec.title if local else spec.name,
        "title": spec.title,
        "modality": spec.modality,
        "licence": encoder.spec.licence,
        "dimension": encoder.spec.dimension,
        "fingerprint": encoder.fingerprint,
    }
    if isinstance(encoder, PretrainedText):
        text = encoder.network
        how: dict[str, Any] = {"output": text.output, "pooling": text.pooling, "normalise": text.normalise}
        how["max_tokens"] = text.tokens.max_tokens
        tokenizer = _bytes(text.tokens.file)
        return _with_sample(PortableEncoder(about=about | how, graph=_bytes(encoder.graph), tokenizer=tokenizer))
    photo = encoder.network
    how = {"decode_version": DECODE_VERSION, "shape": asdict(encoder.shape), "outputs": photo.outputs}
    how["rules"] = None if photo.rules is None else {name: _plain(value) for name, value in asdict(photo.rules).items()}
    return _with_sample(PortableEncoder(about=about | how, graph=_bytes(encoder.graph)))


def _with_sample(encoder: PortableEncoder) -> PortableEncoder:
    """Note what the encoder makes of its sample here, so that another machine can tell whether it computes the same."""
    sample = [round(value, 6) for value in open_portable(encoder).sample()[0].tolist()]
    return replace(encoder, about={**encoder.about, "sample": sample})


def _bytes(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _plain(value: float | tuple[float, ...]) -> float | list[float]:
    return list(value) if isinstance(value, tuple) else value

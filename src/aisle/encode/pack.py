"""Gathering an encoder from the cache of weights, so that it can travel."""

from dataclasses import asdict
from typing import Any

from aisle.catalog.photos import DECODE_VERSION
from aisle.encode.encoders import PhotoEncoder, PretrainedText, open_spec
from aisle.encode.portable import PortableEncoder
from aisle.encode.spec import EncoderSpec
from aisle.settings import Settings


def pack_encoder(spec: EncoderSpec, *, settings: Settings) -> PortableEncoder:
    """Gather all that an encoder needs to run somewhere else.

    Raises
    ------
    WeightsNotReachableError
        Its weights are not in the cache and cannot be fetched.
    ValueError
        It learns from the catalogue, and so has no graph.
    """
    encoder = open_spec(spec, settings=settings)
    about: dict[str, Any] = {
        "name": spec.name,
        "title": spec.title,
        "modality": spec.modality,
        "licence": spec.licence,
        "dimension": spec.dimension,
        "fingerprint": encoder.fingerprint,
    }
    if isinstance(encoder, PretrainedText) and encoder.tokens is not None and encoder.graph is not None:
        rules = encoder.tokens.file
        return PortableEncoder(
            about=about | {"output": spec.select, "max_tokens": spec.max_tokens},
            graph=encoder.graph.read_bytes(),
            tokenizer=rules if isinstance(rules, bytes) else rules.read_bytes(),
        )
    if isinstance(encoder, PhotoEncoder) and encoder.graph is not None:
        pixels = {"decode_version": DECODE_VERSION, "shape": asdict(encoder.shape), "outputs": list(spec.outputs)}
        return PortableEncoder(about=about | pixels, graph=encoder.graph.read_bytes())
    raise ValueError(f"{spec.name} cannot be carried by an engine")

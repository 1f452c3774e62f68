"""Encoders: from texts and photos to vectors.

The names below are loaded on first use: an engine that answers needs a few of these modules only.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aisle.encode.embedding import Embedding, embed_photos, embed_texts, photo_keys
    from aisle.encode.encoders import Encoder, PhotoDescriber, PhotoEncoder, open_spec
    from aisle.encode.find import find_encoder
    from aisle.encode.seen import seen_keys, seen_rows, training_keys, untuned
    from aisle.encode.spec import EncoderSpec
    from aisle.encode.table import ENCODERS

_EXPORTS = {
    "ENCODERS": "table",
    "Embedding": "embedding",
    "Encoder": "encoders",
    "EncoderSpec": "spec",
    "PhotoDescriber": "encoders",
    "PhotoEncoder": "encoders",
    "embed_photos": "embedding",
    "embed_texts": "embedding",
    "find_encoder": "find",
    "open_spec": "encoders",
    "photo_keys": "embedding",
    "seen_keys": "seen",
    "seen_rows": "seen",
    "training_keys": "seen",
    "untuned": "seen",
}

__all__ = [
    "ENCODERS",
    "Embedding",
    "Encoder",
    "EncoderSpec",
    "PhotoDescriber",
    "PhotoEncoder",
    "embed_photos",
    "embed_texts",
    "find_encoder",
    "open_spec",
    "photo_keys",
    "seen_keys",
    "seen_rows",
    "training_keys",
    "untuned",
]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(f"aisle.encode.{_EXPORTS[name]}"), name)
    raise AttributeError(f"module 'aisle.encode' has no attribute {name!r}")

"""Encoders: from texts and photos to vectors."""

from aisle.encode.embedding import Embedding, embed_photos, embed_texts, photo_keys
from aisle.encode.encoders import Encoder, PhotoDescriber, PhotoEncoder, open_spec
from aisle.encode.find import find_encoder
from aisle.encode.spec import EncoderSpec
from aisle.encode.table import ENCODERS

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
]

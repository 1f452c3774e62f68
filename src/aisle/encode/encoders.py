"""Encoders opened from their rows of the table."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from aisle.catalog.photo_pixels import PixelShape
from aisle.catalog.photos import DECODE_VERSION
from aisle.encode.bags import count_words, weigh_words
from aisle.encode.convnet import PhotoNetwork
from aisle.encode.folder import open_folder_graph
from aisle.encode.spec import EncoderSpec
from aisle.encode.transformer import TextTransformer, TokenRules
from aisle.encode.visual_words import Describe, bag_of_visual_words, orb_describer, sift_describer
from aisle.encode.word2vec import average_word_vectors
from aisle.files import sha256_bytes
from aisle.settings import Settings
from aisle.weights import GraphKey, digest, ensure_graph, fetch, read_tensors
from aisle.weights.graphs import (
    build_bert,
    build_distilbert,
    build_efficientnet_lite0,
    build_resnet50,
    build_vgg16,
)

Array = NDArray[np.float32]
Tensors = dict[str, NDArray[np.float32]]

CLASSICAL_VERSION = 1
"""Goes up whenever a method that learns from the catalogue could give other numbers."""

_CORPUS_METHODS: dict[str, Callable[..., Array]] = {
    "counts": count_words,
    "tfidf": weigh_words,
    "word2vec": average_word_vectors,
}
_DESCRIBERS: dict[str, tuple[Callable[[], Describe], int]] = {
    "sift": (sift_describer, 128),
    "orb": (orb_describer, 256),
}
_PHOTO_GRAPHS: dict[str, Callable[[Tensors], onnx.ModelProto]] = {
    "efficientnet_lite0": build_efficientnet_lite0,
    "resnet50": build_resnet50,
    "vgg16": build_vgg16,
}
_TEXT_METHODS = ("bert", "distiluse")


@dataclass(frozen=True)
class CorpusText:
    """A text encoder that learns from the texts it is given.

    Attributes
    ----------
    spec : EncoderSpec
        Its row.
    fingerprint : str
        Changes whenever the same texts could give other numbers.
    """

    spec: EncoderSpec
    fingerprint: str

    def encode(self, texts: Sequence[str], *, threads: int = 1) -> Array:
        """Learn from the texts and embed them, shape (n, d)."""
        return _CORPUS_METHODS[self.spec.method](texts, threads=threads)


@dataclass(frozen=True)
class PretrainedText:
    """A text encoder that treats each text alone."""

    spec: EncoderSpec
    fingerprint: str
    network: TextTransformer

    def encode(self, texts: Sequence[str], *, threads: int = 1) -> Array:
        """Embed texts, shape (n, d)."""
        return self.network.encode(texts, threads=threads)


@dataclass(frozen=True)
class PhotoDescriber:
    """A photo encoder that learns a vocabulary of local features from the photos it is given.

    Attributes
    ----------
    shape : PixelShape
        The pixels it reads, grey.
    describe : callable
        From pixels to the photo's local features.
    width : int
        Columns of a local feature.
    """

    spec: EncoderSpec
    fingerprint: str
    shape: PixelShape
    describe: Describe
    width: int

    def gather(self, features: Sequence[NDArray[np.uint8]]) -> Array:
        """Turn the features of all photos into one row per photo, shape (n, d)."""
        return bag_of_visual_words(features)


@dataclass(frozen=True)
class PhotoEncoder:
    """A photo encoder that treats each photo alone."""

    spec: EncoderSpec
    fingerprint: str
    shape: PixelShape
    network: PhotoNetwork

    def encode(self, pixels: NDArray[np.uint8]) -> Array:
        """Embed decoded photos, uint8 (n, height, width, 3): all kept outputs side by side."""
        return self.network.encode(pixels)

    def select(self, rows: Array) -> Array:
        """Take this encoder's own columns out of the kept outputs."""
        outputs = self.spec.outputs
        if len(outputs) == 1:
            return rows
        return np.array_split(rows, len(outputs), axis=1)[outputs.index(self.spec.select)]


TextEncoder = CorpusText | PretrainedText
Encoder = CorpusText | PretrainedText | PhotoDescriber | PhotoEncoder


def open_spec(spec: EncoderSpec, *, settings: Settings) -> Encoder:
    """Open an encoder, fetching its weights where they are not in the cache.

    Raises
    ------
    WeightsNotReachableError
        Its weights are not in the cache and cannot be fetched.
    MissingExtraError
        It needs a library that is not installed.
    """
    if spec.method in _CORPUS_METHODS:
        return CorpusText(spec, _fingerprint(spec, [str(CLASSICAL_VERSION)]))
    if spec.method in _DESCRIBERS and spec.shape is not None:
        make, width = _DESCRIBERS[spec.method]
        versions = [str(CLASSICAL_VERSION), str(DECODE_VERSION)]
        return PhotoDescriber(spec, _fingerprint(spec, versions), spec.shape, make(), width)
    if spec.folder is not None:
        graph = open_folder_graph(spec.folder, modality=spec.modality)
        fingerprint = _fingerprint(spec, [graph.digest, str(DECODE_VERSION)])
        if isinstance(graph.network, TextTransformer):
            return PretrainedText(spec, fingerprint, graph.network)
        return PhotoEncoder(spec, fingerprint, graph.shape, graph.network)
    if spec.method in _TEXT_METHODS:
        return _open_text(spec, settings)
    return _open_photo(spec, settings)


def _open_text(spec: EncoderSpec, settings: Settings) -> PretrainedText:
    hashes = tuple(digest(spec.files[name], settings=settings) for name in sorted(spec.files))

    def build() -> onnx.ModelProto:
        tensors = {name: read_tensors(fetch(file, settings=settings)) for name, file in _tensor_files(spec)}
        if spec.method == "bert":
            return build_bert(
                tensors["weights"],
                heads=12,
                pooling=spec.pooling,
                normalise=spec.pooling == "mean",  # type: ignore[arg-type]
            )
        return build_distilbert(tensors["weights"], heads=12, dense=tensors["dense"])

    key = GraphKey(name=spec.name, weights=hashes, options=(("pooling", spec.pooling),))
    graph = ensure_graph(key, build, settings=settings)
    tokens = TokenRules(file=fetch(spec.files["tokenizer"], settings=settings), max_tokens=spec.max_tokens)
    network = TextTransformer(graph, tokens=tokens, output=spec.select)
    return PretrainedText(spec, _fingerprint(spec, [key.filename, str(spec.max_tokens)]), network)


def _open_photo(spec: EncoderSpec, settings: Settings) -> PhotoEncoder:
    if spec.shape is None:
        raise ValueError(f"the row of {spec.name} names no pixels")
    file = spec.files["weights"]
    key = GraphKey(name=spec.method, weights=(digest(file, settings=settings),))
    build = _PHOTO_GRAPHS[spec.method]
    graph = ensure_graph(key, lambda: build(read_tensors(fetch(file, settings=settings))), settings=settings)
    # Rows that differ only in the output they select share this fingerprint, and so their embeddings.
    fingerprint = sha256_bytes(f"{key.filename} {spec.outputs} {_pixels(spec.shape)}".encode())
    return PhotoEncoder(spec, fingerprint, spec.shape, PhotoNetwork(graph, outputs=spec.outputs))


def _tensor_files(spec: EncoderSpec) -> list[tuple[str, Any]]:
    return [(name, file) for name, file in spec.files.items() if name != "tokenizer"]


def _fingerprint(spec: EncoderSpec, versions: Sequence[str]) -> str:
    shape = _pixels(spec.shape) if spec.shape else ""
    return sha256_bytes("\n".join([spec.method, shape, *versions]).encode())


def _pixels(shape: PixelShape) -> str:
    return f"decode {DECODE_VERSION} {sorted(asdict(shape).items())}"

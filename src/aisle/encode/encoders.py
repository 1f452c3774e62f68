"""Encoders opened from their rows of the table."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from aisle.catalog.photo_pixels import PixelShape
from aisle.catalog.photos import DECODE_VERSION
from aisle.encode.bags import count_words, weigh_words
from aisle.encode.convnet import PhotoNetwork
from aisle.encode.folder import open_folder
from aisle.encode.spec import EncoderSpec
from aisle.encode.supply import fetch_files, hash_files
from aisle.encode.transformer import TextTransformer, TokenRules
from aisle.encode.visual_words import LocalFeatures, bag_of_visual_words, open_orb, open_sift
from aisle.encode.word2vec import average_word_vectors
from aisle.files import sha256_bytes
from aisle.settings import Settings
from aisle.weights import GraphKey, ensure_graph, read_tensors
from aisle.weights.graphs import (
    build_bert,
    build_distilbert,
    build_efficientnet_lite,
    build_resnet50,
    build_vgg16,
)

Array = NDArray[np.float32]
Tensors = dict[str, NDArray[np.float32]]
TextGraph = Callable[[dict[str, Tensors], EncoderSpec], onnx.ModelProto]

CLASSICAL_VERSION = 2
"""Goes up whenever a method that learns from the catalogue could give other numbers."""

HEADS = 12
"""Attention heads of every BERT in the table; checkpoints do not say."""


def _bert(tensors: dict[str, Tensors], spec: EncoderSpec) -> onnx.ModelProto:
    return build_bert(tensors["weights"], heads=HEADS, pooling=spec.pooling, normalise=spec.pooling == "mean")


def _distiluse(tensors: dict[str, Tensors], spec: EncoderSpec) -> onnx.ModelProto:
    return build_distilbert(tensors["weights"], heads=HEADS, dense=tensors["dense"])


_CORPUS_METHODS: dict[str, Callable[..., Array]] = {
    "counts": count_words,
    "tfidf": weigh_words,
    "word2vec": average_word_vectors,
}
_FEATURES: dict[str, Callable[[], LocalFeatures]] = {"sift": open_sift, "orb": open_orb}
_TEXT_GRAPHS: dict[str, TextGraph] = {"bert": _bert, "distiluse": _distiluse}
_PHOTO_GRAPHS: dict[str, Callable[[Tensors], onnx.ModelProto]] = {
    "efficientnet_lite0": build_efficientnet_lite,
    "efficientnet_lite2": partial(build_efficientnet_lite, size=260),
    "resnet50": build_resnet50,
    "vgg16": build_vgg16,
}


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
    graph: Path | bytes

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
    features : LocalFeatures
        What it finds in them.
    """

    spec: EncoderSpec
    fingerprint: str
    shape: PixelShape
    features: LocalFeatures

    def gather(self, photos: Sequence[NDArray[np.uint8]], *, threads: int = 1) -> Array:
        """Turn the features of all photos into one row per photo, shape (n, d)."""
        return bag_of_visual_words(photos, kind=self.features, threads=threads)


@dataclass(frozen=True)
class PhotoEncoder:
    """A photo encoder that treats each photo alone."""

    spec: EncoderSpec
    fingerprint: str
    shape: PixelShape
    network: PhotoNetwork
    graph: Path | bytes

    def encode(self, pixels: NDArray[np.uint8]) -> Array:
        """Embed decoded photos, uint8 (n, height, width, 3): all kept outputs side by side."""
        return self.network.encode(pixels)

    def select(self, rows: Array) -> Array:
        """Take this encoder's own columns out of the kept outputs."""
        outputs = self.spec.outputs
        return np.ascontiguousarray(np.array_split(rows, len(outputs), axis=1)[outputs.index(self.spec.select)])


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
    EncoderFolderError
        It lies in a folder that cannot be used.
    """
    if spec.method in _CORPUS_METHODS:
        return CorpusText(spec, _fingerprint(spec, str(CLASSICAL_VERSION)))
    if spec.method in _TEXT_GRAPHS:
        return _open_text(spec, settings)
    if spec.folder is not None:
        return _open_folder(spec)
    if spec.shape is None:
        raise ValueError(f"the row of {spec.name} names no pixels")
    if spec.method in _FEATURES:
        versions = (str(CLASSICAL_VERSION), _pixels(spec.shape))
        return PhotoDescriber(spec, _fingerprint(spec, *versions), spec.shape, _FEATURES[spec.method]())
    return _open_photo(spec, spec.shape, settings)


def _open_text(spec: EncoderSpec, settings: Settings) -> PretrainedText:
    key = GraphKey(
        name=spec.name,
        weights=hash_files(spec.files, settings=settings),
        options=(("pooling", spec.pooling),),
    )

    def build() -> onnx.ModelProto:
        paths = fetch_files(spec.files, settings=settings)
        tensors = {name: read_tensors(path) for name, path in paths.items() if name != "tokenizer"}
        return _TEXT_GRAPHS[spec.method](tensors, spec)

    graph = ensure_graph(key, build, settings=settings)
    rules = {"tokenizer": spec.files["tokenizer"]}  # the graph may have been drawn long ago
    tokens = TokenRules(file=fetch_files(rules, settings=settings)["tokenizer"], max_tokens=spec.max_tokens)
    network = TextTransformer(graph, tokens=tokens, output=spec.select)
    return PretrainedText(spec, _fingerprint(spec, key.filename, str(spec.max_tokens)), network, graph)


def _open_photo(spec: EncoderSpec, shape: PixelShape, settings: Settings) -> PhotoEncoder:
    key = GraphKey(name=spec.method, weights=hash_files(spec.files, settings=settings))

    def build() -> onnx.ModelProto:
        return _PHOTO_GRAPHS[spec.method](read_tensors(fetch_files(spec.files, settings=settings)["weights"]))

    graph = ensure_graph(key, build, settings=settings)
    network = PhotoNetwork(graph, outputs=spec.outputs)
    # Rows that differ only in the output they select share this fingerprint, and so their embeddings.
    return PhotoEncoder(spec, _fingerprint(spec, key.filename, _pixels(shape)), shape, network, graph)


def _open_folder(spec: EncoderSpec) -> PretrainedText | PhotoEncoder:
    found = open_folder(spec)
    fingerprint = _fingerprint(spec, found.digest, _pixels(found.shape))
    if isinstance(found.network, TextTransformer):
        return PretrainedText(found.spec, fingerprint, found.network, found.graph)
    return PhotoEncoder(found.spec, fingerprint, found.shape, found.network, found.graph)


def _fingerprint(spec: EncoderSpec, *versions: str) -> str:
    return sha256_bytes("\n".join([spec.method, *spec.outputs, *versions]).encode())


def _pixels(shape: PixelShape | None) -> str:
    return "" if shape is None else f"decode {DECODE_VERSION} {sorted(asdict(shape).items())}"

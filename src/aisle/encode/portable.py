"""Encoders that travel: a graph, a tokenizer and a few settings, which an engine carries in its own folder."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aisle.catalog.photo_pixels import PixelShape
from aisle.catalog.photos import DECODE_VERSION, decode_photo
from aisle.encode.convnet import PhotoNetwork, PixelRules
from aisle.encode.parallel import map_threads
from aisle.encode.transformer import TextTransformer, TokenRules
from aisle.errors import PhotoError

Array = NDArray[np.float32]
Photo = Path | bytes

_AT_ONCE = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class PortableEncoder:
    """An encoder as data.

    Attributes
    ----------
    about : mapping of str to Any
        Plain values: ``name``, ``modality``, ``licence``, ``fingerprint``, and how to run the graph.
    graph : bytes
        ONNX, in one piece.
    tokenizer : bytes
        A ``tokenizer.json``; empty for photos.
    """

    about: Mapping[str, Any]
    graph: bytes
    tokenizer: bytes = b""


@dataclass(frozen=True, eq=False)
class TextReader:
    """Reads texts with an encoder that travelled."""

    network: TextTransformer

    def read(self, texts: Sequence[str], *, threads: int = 1) -> Array:
        """Embed texts, shape (n, d)."""
        # Half of a surrogate pair, which JSON can hold, is no text to a tokenizer.
        return self.network.encode([text.encode("utf-8", "replace").decode() for text in texts], threads=threads)

    def sample(self) -> Array:
        """Embed a text that does not matter, shape (1, d): what the graph really gives.

        Engines remember the result, so the text stays what it is.
        """
        return self.read(["a zqxj \U0001f45c 0"])  # with what few vocabularies hold


@dataclass(frozen=True, eq=False)
class PhotoReader:
    """Decodes and reads photos with an encoder that travelled."""

    network: PhotoNetwork
    shape: PixelShape
    outputs: int

    def read(self, photos: Sequence[Photo], *, threads: int = 1) -> list[Array | PhotoError]:
        """Embed photos; one that cannot be decoded gives its error."""

        def work(part: Sequence[Photo]) -> list[Array | PhotoError]:
            found = [_decode(photo, self.shape) for photo in part]
            good = [pixels for pixels in found if not isinstance(pixels, PhotoError)]
            encoded = np.split(self.network.encode(np.stack(good)), self.outputs, axis=1) if good else []
            rows = iter(join_outputs(encoded)) if good else iter(())
            return [pixels if isinstance(pixels, PhotoError) else next(rows) for pixels in found]

        size = max(1, min(_AT_ONCE, -(-len(photos) // threads)))
        parts = [photos[at : at + size] for at in range(0, len(photos), size)]
        if len(parts) < 2:
            return work(photos) if photos else []
        return [row for rows in map_threads(work, parts, threads=threads) for row in rows]

    def sample(self) -> Array:
        """Embed a photo that does not matter, shape (1, d): what the graph really gives.

        Engines remember the result, so the photo stays what it is.

        Raises
        ------
        PhotoError
            A sound photo cannot be brought to the shape that the graph asks for.
        """
        file = io.BytesIO()
        rows, columns, colours = np.ogrid[:64, :64, :3]
        waves = 127.5 + 127.5 * np.sin(rows / 9 + columns * columns / 150 + 2 * colours)
        Image.fromarray(waves.astype(np.uint8)).save(file, "PNG")
        (found,) = self.read([file.getvalue()])
        if isinstance(found, PhotoError):
            raise found
        return found[None]


def join_outputs(outputs: Sequence[Array]) -> Array:
    """Put the outputs of a photo network side by side, each brought to unit length, shape (n, d)."""
    unit = [rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12)) for rows in outputs]
    return np.concatenate(unit, axis=1, dtype=np.float32)


def open_portable(encoder: PortableEncoder) -> TextReader | PhotoReader:
    """Open an encoder that travelled.

    Raises
    ------
    ValueError
        It wants pixels that this version does not make, or its settings are incomplete.
    """
    about = encoder.about
    opener: Callable[[PortableEncoder], TextReader | PhotoReader] = (
        _open_text if about.get("modality") == "text" else _open_photo
    )
    try:
        return opener(encoder)
    except (KeyError, TypeError) as err:
        raise ValueError(f"the settings of the encoder {about.get('name')!r} are incomplete: {err}") from err


def _open_text(encoder: PortableEncoder) -> TextReader:
    about = encoder.about
    rules = TokenRules(file=encoder.tokenizer, max_tokens=about["max_tokens"])
    # Engines of format 1 carry graphs that need neither, and do not say so.
    pooling, normalise = about.get("pooling", "mean"), about.get("normalise", False)
    return TextReader(
        TextTransformer(encoder.graph, tokens=rules, output=about["output"], pooling=pooling, normalise=normalise)
    )


def _open_photo(encoder: PortableEncoder) -> PhotoReader:
    version = encoder.about["decode_version"]
    if version != DECODE_VERSION:
        raise ValueError(f"it was trained on pixels of decode path {version}, and this is {DECODE_VERSION}")
    outputs = encoder.about["outputs"]
    shape = PixelShape(**encoder.about["shape"])
    given = encoder.about.get("rules")  # absent in engines of format 1
    rules = given and PixelRules(scale=given["scale"], mean=tuple(given["mean"]), std=tuple(given["std"]))
    return PhotoReader(PhotoNetwork(encoder.graph, outputs=outputs, rules=rules), shape, len(outputs))


def _decode(photo: Photo, shape: PixelShape) -> NDArray[np.uint8] | PhotoError:
    try:
        return decode_photo(photo, shape=shape)
    except PhotoError as err:
        return PhotoError(err.code, str(err))  # a fresh one: a traceback would keep the file in memory

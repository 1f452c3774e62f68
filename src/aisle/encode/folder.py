"""Somebody's own ONNX encoder, in a folder laid out the usual way.

::

    my-encoder/
        tokenizer.json              a text encoder
        preprocessor_config.json    a photo encoder
        model.onnx                  its graph; also onnx/model.onnx
        config.json, sentence_bert_config.json, modules.json, 1_Pooling/config.json

A folder that holds both, as CLIP's exports do, has ``text_model.onnx`` and ``vision_model.onnx``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from aisle.catalog.photo_pixels import PixelShape
from aisle.encode.convnet import PhotoNetwork
from aisle.encode.folder_rules import TEXT_RULES, max_tokens, normalises, pixel_rules, pooling, read_object
from aisle.encode.foreign_graph import ForeignGraph, read_foreign_graph
from aisle.encode.spec import ABOUT_FILE, EncoderSpec
from aisle.encode.transformer import TextTransformer, TokenRules
from aisle.errors import EncoderFolderError
from aisle.files import sha256_bytes

GRAPH_FILES: Mapping[str, tuple[str, ...]] = {
    "text": ("onnx/text_model.onnx", "text_model.onnx", "onnx/model.onnx", "model.onnx"),
    "photo": ("onnx/vision_model.onnx", "vision_model.onnx", "onnx/model.onnx", "model.onnx"),
}
RULE_FILES: Mapping[str, str] = {"text": "tokenizer.json", "photo": "preprocessor_config.json"}
EXTRA_FILES: Mapping[str, tuple[str, ...]] = {"text": TEXT_RULES, "photo": ()}

_TEXT_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})
_POOLED_TEXT = ("sentence_embedding", "embedding", "text_embeds")
_TOKEN_STATES = ("last_hidden_state", "token_embeddings")
_PHOTO_OUTPUTS = ("embedding", "image_embeds", "features_avg", "pooler_output", "last_hidden_state")
_PROBES = ("probe", "a longer probe of many words")


@dataclass(frozen=True)
class OpenFolder:
    """An encoder read from a folder.

    Attributes
    ----------
    spec : EncoderSpec
        Its row, now with the dimension.
    network : TextTransformer or PhotoNetwork
        Tried once, so ready to encode.
    shape : PixelShape
        What a photo network reads; one pixel for a text.
    digest : str
        Hash of everything in the folder that decides the numbers.
    graph : bytes
        ONNX, as it is run.
    """

    spec: EncoderSpec
    network: TextTransformer | PhotoNetwork
    shape: PixelShape
    digest: str
    graph: bytes


def folder_modalities(folder: Path) -> tuple[str, ...]:
    """Tell from its files what a folder's encoders read: ``text``, ``photo``, or both.

    Raises
    ------
    EncoderFolderError
        It holds neither a ``tokenizer.json`` nor a ``preprocessor_config.json``.
    """
    found = tuple(kind for kind, name in RULE_FILES.items() if (folder / name).is_file())
    if not found:
        raise EncoderFolderError(
            f"{folder} holds neither tokenizer.json (a text encoder) nor preprocessor_config.json (a photo encoder)"
        )
    return found


def open_folder(spec: EncoderSpec) -> OpenFolder:
    """Open an encoder folder and try it once.

    Of the graph's outputs the pooled one is taken when there is one. Token states are pooled as ``1_Pooling``
    says, else averaged over the text; feature maps are averaged over the picture.

    Raises
    ------
    EncoderFolderError
        A file is missing, is not what its name says, or could reach outside the folder; or the encoder cannot
        be run.
    """
    folder = spec.folder or Path()
    names = GRAPH_FILES[spec.modality]
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        raise EncoderFolderError(f"{folder} holds no graph; one of {', '.join(names)} is expected")
    graph = read_foreign_graph(path)
    files = [folder / RULE_FILES[spec.modality], *(folder / name for name in EXTRA_FILES[spec.modality])]
    digest = sha256_bytes(b"\0".join([graph.data, *(file.read_bytes() for file in files if file.is_file())]))
    if spec.modality == "text":
        text = _open_text(folder, graph)
        return OpenFolder(_measure(spec, text, graph), text, PixelShape(width=1, height=1), digest, graph.data)
    shape, photo = _open_photo(folder, graph)
    return OpenFolder(_measure(spec, photo, graph, shape), photo, shape, digest, graph.data)


def _open_text(folder: Path, graph: ForeignGraph) -> TextTransformer:
    inputs = {name for name, _ in graph.inputs}
    if "input_ids" not in inputs or not inputs <= _TEXT_INPUTS:
        raise EncoderFolderError(
            f"{graph.path} reads {', '.join(sorted(inputs))}; a text encoder reads input_ids, and at most "
            "attention_mask and token_type_ids"
        )
    asked = pooling(folder)
    output = _choose(graph, (*_POOLED_TEXT, *_TOKEN_STATES, *(() if asked else ("pooler_output",))))
    tokens = TokenRules(file=folder / RULE_FILES["text"], max_tokens=max_tokens(folder))
    normalise = normalises(folder)
    try:
        return TextTransformer(graph.data, tokens=tokens, output=output, pooling=asked or "mean", normalise=normalise)
    except Exception as err:  # tokenizers and ONNX Runtime raise bare exceptions for foreign files
        raise EncoderFolderError(f"{folder} cannot be opened: {_line(err)}") from err


def _open_photo(folder: Path, graph: ForeignGraph) -> tuple[PixelShape, PhotoNetwork]:
    if len(graph.inputs) != 1 or graph.inputs[0][1] not in (4, -1):
        named = ", ".join(name for name, _ in graph.inputs)
        raise EncoderFolderError(f"{graph.path} reads {named}; a photo encoder has one input [batch, 3, height, width]")
    shape, rules = pixel_rules(folder / RULE_FILES["photo"])
    outputs = (_choose(graph, _PHOTO_OUTPUTS),)
    try:
        return shape, PhotoNetwork(graph.data, outputs=outputs, rules=rules)
    except Exception as err:  # ONNX Runtime raises bare exceptions for foreign files
        raise EncoderFolderError(f"{folder} cannot be opened: {_line(err)}") from err


def _measure(
    spec: EncoderSpec,
    network: TextTransformer | PhotoNetwork,
    graph: ForeignGraph,
    shape: PixelShape | None = None,
) -> EncoderSpec:
    """Run the encoder once: a graph that does not fit says so now. Return its row with the dimension."""
    try:
        if isinstance(network, TextTransformer):
            found = network.encode(_PROBES)
        else:
            height, width = (shape.height, shape.width) if shape else (1, 1)
            found = network.encode(np.full((2, height, width, 3), 127, dtype=np.uint8))
    except Exception as err:  # ONNX Runtime raises bare exceptions for inputs that do not fit
        raise EncoderFolderError(
            f"{graph.path} cannot be run: {_line(err)}; export it for batches of any size and length"
        ) from err
    if found.ndim != 2 or len(found) != 2 or not found.size or not np.isfinite(found).all():
        raise EncoderFolderError(
            f"{graph.path} gives no usable vectors: {found.shape} numbers, "
            f"{'all' if np.isfinite(found).all() else 'not all'} of them finite"
        )
    return replace(spec, dimension=found.shape[1], licence=_licence(spec))


def _licence(spec: EncoderSpec) -> str:
    """Return the licence that the folder of an encoder tuned by Aisle names; empty for others."""
    licence = read_object((spec.folder or Path()) / ABOUT_FILE).get("licence")
    return licence if isinstance(licence, str) else ""


def _choose(graph: ForeignGraph, known: tuple[str, ...]) -> str:
    names = [name for name, _ in graph.outputs]
    for name in known:
        if name in names:
            return name
    if len(names) == 1:
        return names[0]
    raise EncoderFolderError(f"{graph.path} has outputs {', '.join(names)}; one named {', '.join(known)} is expected")


def _line(err: Exception) -> str:
    return str(err).strip().partition("\n")[0] or type(err).__name__

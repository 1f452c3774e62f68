"""Somebody's own ONNX encoder, in a folder laid out the usual way."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aisle.catalog.photo_pixels import PixelShape
from aisle.encode.convnet import PhotoNetwork, PixelRules
from aisle.encode.session import read_foreign_graph
from aisle.encode.transformer import TextTransformer, TokenRules
from aisle.errors import EncoderFolderError
from aisle.files import sha256_bytes

GRAPH_FILES = {
    "text": ("model.onnx", "onnx/model.onnx", "onnx/text_model.onnx", "text_model.onnx"),
    "photo": ("model.onnx", "onnx/model.onnx", "onnx/vision_model.onnx", "vision_model.onnx"),
}
RULE_FILES = {
    "text": ("tokenizer.json",),
    "photo": ("preprocessor_config.json",),
}
OPTIONAL_FILES = ("config.json", "sentence_bert_config.json", "tokenizer_config.json")

_TEXT_OUTPUTS = ("sentence_embedding", "embedding", "text_embeds", "pooler_output", "last_hidden_state",
                 "token_embeddings")  # fmt: skip
_PHOTO_OUTPUTS = ("embedding", "image_embeds", "pooler_output", "features_avg", "last_hidden_state")
_MAX_TOKENS = 256
_RESAMPLE = {0: "bilinear", 1: "lanczos", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers; 0 is nearest


@dataclass(frozen=True)
class FolderGraph:
    """An encoder read from a folder.

    Attributes
    ----------
    network : TextTransformer or PhotoNetwork
        Ready to encode.
    shape : PixelShape
        What a photo network reads; one pixel for a text.
    digest : str
        Hash of everything in the folder that decides the numbers.
    """

    network: TextTransformer | PhotoNetwork
    shape: PixelShape
    digest: str


def folder_modality(folder: Path) -> str:
    """Tell from its files whether a folder holds a text or a photo encoder.

    Raises
    ------
    EncoderFolderError
        It holds neither a ``tokenizer.json`` nor a ``preprocessor_config.json``.
    """
    has = {kind: any((folder / name).is_file() for name in names) for kind, names in RULE_FILES.items()}
    if has["text"]:
        return "text"
    if has["photo"]:
        return "photo"
    raise EncoderFolderError(
        f"{folder} holds neither tokenizer.json (a text encoder) nor preprocessor_config.json (a photo encoder)"
    )


def open_folder_graph(folder: Path, *, modality: str) -> FolderGraph:
    """Open an encoder folder: ``model.onnx`` (or ``onnx/model.onnx``) beside its rules.

    A text encoder has ``tokenizer.json``; a photo encoder ``preprocessor_config.json``. Of the graph's outputs the
    pooled one is taken when there is one; token states are averaged over the text, feature maps over the picture.

    Raises
    ------
    EncoderFolderError
        A file is missing, is not what its name says, or could reach outside the folder.
    """
    names = GRAPH_FILES[modality]
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        raise EncoderFolderError(f"{folder} holds no graph; one of {', '.join(names)} is expected")
    graph = read_foreign_graph(path)
    rules = folder / RULE_FILES[modality][0]
    limits = _read_json(folder / "sentence_bert_config.json") | _read_json(folder / "config.json")
    digest = sha256_bytes(graph + rules.read_bytes() + json.dumps(limits, sort_keys=True).encode())
    if modality == "text":
        tokens = TokenRules(file=rules, max_tokens=_max_tokens(limits))
        try:
            network = TextTransformer(graph, tokens=tokens, output=_output(graph, _TEXT_OUTPUTS, path))
        except EncoderFolderError:
            raise
        except Exception as err:  # tokenizers and ONNX Runtime raise bare exceptions for foreign files
            raise EncoderFolderError(f"{folder} cannot be opened: {err}") from err
        return FolderGraph(network, PixelShape(width=1, height=1), digest)
    shape, pixels = _pixel_rules(_read_json(rules), rules)
    outputs = (_output(graph, _PHOTO_OUTPUTS, path),)
    return FolderGraph(PhotoNetwork(graph, outputs=outputs, rules=pixels), shape, digest)


def _output(graph: bytes, known: tuple[str, ...], path: Path) -> str:
    import onnx

    names = [value.name for value in onnx.load_model_from_string(graph).graph.output]
    for name in known:
        if name in names:
            return name
    if len(names) == 1:
        return names[0]
    raise EncoderFolderError(
        f"{path} has outputs {', '.join(names)}; one named {', '.join(known)} is expected"
    )


def _max_tokens(limits: dict[str, Any]) -> int:
    most = min(
        int(limits.get("max_seq_length") or _MAX_TOKENS),
        int(limits.get("max_position_embeddings") or _MAX_TOKENS),
    )
    return max(8, most)


def _pixel_rules(rules: dict[str, Any], path: Path) -> tuple[PixelShape, PixelRules]:
    """Read a ``preprocessor_config.json`` as transformers writes it."""
    try:
        size = _side(rules.get("size", 224))
        crop = _side(rules["crop_size"]) if rules.get("do_center_crop") else size
        shape = PixelShape(
            width=crop[0],
            height=crop[1],
            fit="crop" if rules.get("do_center_crop") else "stretch",
            crop_fraction=min(1.0, crop[0] / size[0]),
            resample=_RESAMPLE.get(int(rules.get("resample", 2)), "bilinear"),
        )
        normalise = rules.get("do_normalize", True)
        mean = _triple(rules.get("image_mean", (0.5,) * 3) if normalise else (0.0,) * 3)
        std = _triple(rules.get("image_std", (0.5,) * 3) if normalise else (1.0,) * 3)
        scale = float(rules.get("rescale_factor", 1 / 255)) if rules.get("do_rescale", True) else 1.0
    except (KeyError, TypeError, ValueError) as err:
        raise EncoderFolderError(f"{path} is not a preprocessor configuration: {err!r}") from err
    return shape, PixelRules(scale=scale, mean=mean, std=std)


def _side(size: Any) -> tuple[int, int]:
    if isinstance(size, dict):
        shortest = size.get("shortest_edge")
        return (int(size.get("width", shortest)), int(size.get("height", shortest)))
    return (int(size), int(size))


def _triple(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as err:
        raise EncoderFolderError(f"{path} is not valid JSON: {err}") from err
    return value if isinstance(value, dict) else {}

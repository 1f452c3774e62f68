"""The JSON files that lie beside somebody's graph: how texts become tokens, and photos numbers."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aisle.catalog.photo_pixels import PixelShape
from aisle.encode.convnet import PixelRules
from aisle.encode.transformer import Pooling
from aisle.errors import EncoderFolderError

TEXT_RULES = (
    "config.json",
    "tokenizer_config.json",
    "sentence_bert_config.json",
    "modules.json",
    "1_Pooling/config.json",
)
"""Files that a text encoder may have beside ``tokenizer.json``."""

_MAX_TOKENS = 256
_MAX_SIDE = 1024
_RESAMPLE = {
    1: "lanczos",
    2: "bilinear",
    3: "bicubic",
}  # Pillow's numbers; the others are coarser than bilinear
_POOLINGS: dict[str, Pooling] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
}
_OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet")


def read_json(path: Path) -> Any:
    """Read a JSON file; an absent one is empty.

    Raises
    ------
    EncoderFolderError
        It is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as err:
        raise EncoderFolderError(f"{path} is not valid JSON: {err}") from err


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object; an absent one is empty.

    Raises
    ------
    EncoderFolderError
        It is not JSON, or something else than an object.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise EncoderFolderError(f"{path} holds a {type(value).__name__} where a JSON object is expected")
    return value


def max_tokens(folder: Path) -> int:
    """Return where texts are cut: the least of what the folder's files say and 256.

    Raises
    ------
    EncoderFolderError
        A file says something that is no number.
    """
    sentence, tokens = (
        read_object(folder / "sentence_bert_config.json"),
        read_object(folder / "tokenizer_config.json"),
    )
    config = read_object(folder / "config.json")
    try:
        config |= config.get("text_config") or {}
        limits = (
            sentence.get("max_seq_length"),
            tokens.get("model_max_length"),
            config.get("max_position_embeddings"),
        )
        least = min([_MAX_TOKENS, *(int(limit) for limit in limits if limit)])
        if config.get("model_type") in _OFFSET_POSITIONS and limits[2]:
            # These count positions from the one behind the padding token's number.
            least = min(least, int(limits[2]) - int(config.get("pad_token_id", 1)) - 1)
    except (TypeError, ValueError, OverflowError) as err:
        raise EncoderFolderError(f"{folder} states a length of texts that is no number: {err}") from err
    if least < 3:
        raise EncoderFolderError(f"{folder} allows texts of {least} tokens, which leaves no room for words")
    return least


def pooling(folder: Path) -> Pooling | None:
    """Return how sentence-transformers is told to make one vector of many; None where nothing is said.

    Raises
    ------
    EncoderFolderError
        It is told to do something that Aisle does not do.
    """
    path = folder / "1_Pooling" / "config.json"
    rules = read_object(path)
    named = rules.get("pooling_mode")
    asked = [name for name, value in rules.items() if name.startswith("pooling_mode_") and value is True]
    asked += [f"pooling_mode_{named}_token{'' if named == 'cls' else 's'}"] if named else []
    if not asked:
        return None
    if len(asked) > 1 or asked[0] not in _POOLINGS:
        raise EncoderFolderError(f"{path} asks for {' and '.join(asked)}; known: one of {', '.join(_POOLINGS)}")
    return _POOLINGS[asked[0]]


def normalises(folder: Path) -> bool:
    """Tell whether sentence-transformers is told to bring vectors to unit length.

    Raises
    ------
    EncoderFolderError
        ``modules.json`` lists a step after the pooling that Aisle does not do.
    """
    path = folder / "modules.json"
    modules = read_json(path) or []
    try:
        kinds = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
    except (TypeError, KeyError) as err:
        raise EncoderFolderError(f"{path} is no list of modules") from err
    if unknown := [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]:
        raise EncoderFolderError(
            f"{path} lists {unknown[0]}, which Aisle does not do; export the graph with all its steps in it"
        )
    return "Normalize" in kinds


def pixel_rules(path: Path) -> tuple[PixelShape, PixelRules]:
    """Read a ``preprocessor_config.json`` as transformers writes it.

    Raises
    ------
    EncoderFolderError
        It holds what no photo can be brought to.
    """
    rules = read_object(path)
    try:
        size = _side(rules.get("size", 224))
        kept = rules.get("size")
        cropped = bool(rules.get("do_center_crop")) or (isinstance(kept, dict) and "shortest_edge" in kept)
        crop = _side(rules.get("crop_size", size)) if rules.get("do_center_crop") else size
        shape = PixelShape(
            width=crop[0],
            height=crop[1],
            fit="crop" if cropped else "stretch",
            crop_fraction=min(1.0, float(rules.get("crop_pct") or min(crop) / min(size))),
            resample=_RESAMPLE.get(int(rules.get("resample", 2)), "bilinear"),
        )
        if max(crop) > _MAX_SIDE:
            raise ValueError(f"{max(crop)} pixels a side; at most {_MAX_SIDE} are allowed")
        normalise = rules.get("do_normalize", True)
        mean = _triple(rules.get("image_mean", (0.5,) * 3) if normalise else (0.0,) * 3)
        std = _triple(rules.get("image_std", (0.5,) * 3) if normalise else (1.0,) * 3)
        scale = float(rules.get("rescale_factor", 1 / 255)) if rules.get("do_rescale", True) else 1.0
        if min(std) <= 0 or not all(map(math.isfinite, (scale, *mean, *std))):
            raise ValueError("image_std and rescale_factor must be positive numbers")
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError) as err:
        raise EncoderFolderError(f"{path} is not a preprocessor configuration: {err}") from err
    return shape, PixelRules(scale=scale, mean=mean, std=std)


def _side(size: Any) -> tuple[int, int]:
    """Return width and height from what the files of different years call a size."""
    if isinstance(size, Mapping):
        shortest = size.get("shortest_edge", 0)
        size = (size.get("width", shortest), size.get("height", shortest))
    width, height = (int(side) for side in (size if isinstance(size, (list, tuple)) else (size, size)))
    return width, height


def _triple(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue

"""Published networks in torch, filled with their published weights."""

from collections.abc import Callable, Collection, Mapping

import numpy as np

from aisle.encode.encoders import HEADS
from aisle.encode.spec import EncoderSpec
from aisle.encode.supply import fetch_files
from aisle.encode.table import ENCODERS
from aisle.errors import UnknownEncoderError
from aisle.finetune.networks.bert import Bert
from aisle.finetune.networks.convnet import ConvNet, pool
from aisle.finetune.networks.efficientnet import EfficientNetLite
from aisle.finetune.networks.resnet import ResNet
from aisle.settings import Settings
from aisle.weights import read_tensors

__all__ = [
    "Bert",
    "ConvNet",
    "EfficientNetLite",
    "ResNet",
    "check_encoder",
    "open_photo_network",
    "open_text_network",
    "pool",
]

_TEXT = ("bert", "distiluse")
_PHOTO: Mapping[str, Callable[[Mapping[str, np.ndarray]], ConvNet]] = {
    "efficientnet_lite0": EfficientNetLite,
    "efficientnet_lite2": EfficientNetLite,
    "resnet50": ResNet,
}


def open_text_network(spec: EncoderSpec, settings: Settings) -> Bert:
    """Return a text encoder of the table as it was published, fetching its weights where they are not in the cache.

    Raises
    ------
    UnknownEncoderError
        It cannot be fine-tuned.
    WeightsNotReachableError
        Its weights are not in the cache and cannot be fetched.
    WeightsError
        They belong to another model.
    """
    check_encoder(spec, modality="text")
    paths = fetch_files(spec.files, settings=settings)
    dense = read_tensors(paths["dense"]) if "dense" in paths else None
    return Bert(read_tensors(paths["weights"]), heads=HEADS, pooling=spec.pooling, dense=dense)


def open_photo_network(spec: EncoderSpec, settings: Settings) -> ConvNet:
    """Return a photo encoder of the table as it was published, fetching its weights where they are not in the cache.

    Raises
    ------
    UnknownEncoderError
        It cannot be fine-tuned.
    WeightsNotReachableError
        Its weights are not in the cache and cannot be fetched.
    WeightsError
        They belong to another model.
    """
    check_encoder(spec, modality="photo")
    return _PHOTO[spec.method](read_tensors(fetch_files(spec.files, settings=settings)["weights"]))


def check_encoder(spec: EncoderSpec, *, modality: str) -> None:
    """Refuse an encoder that cannot be fine-tuned.

    Raises
    ------
    UnknownEncoderError
    """
    methods: Collection[str] = _TEXT if modality == "text" else _PHOTO
    if spec.method not in methods or spec.folder is not None:
        fit = ", ".join(row.name for row in ENCODERS.values() if row.method in methods)
        raise UnknownEncoderError(f"{spec.name!r} is no {modality} encoder that can be fine-tuned; these can: {fit}")

"""Networks as ONNX graphs, drawn from their weights by the code that draws the published ones; and the proof of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from aisle.encode import find_encoder, open_spec
from aisle.encode.encoders import PhotoEncoder, PretrainedText
from aisle.errors import TrainingError
from aisle.finetune.networks import Bert, ConvNet, EfficientNetLite
from aisle.finetune.networks.bert import DENSE
from aisle.heads.calibration import log_softmax
from aisle.settings import Settings
from aisle.weights.graphs import build_bert, build_distilbert, build_efficientnet_lite, build_resnet50

MOST_DIFFERENCE = 1e-3
"""Between the probabilities that torch gives and those of the exported graph."""

LEAST_AGREEMENT = 0.999
"""Share of the probes that both put into the same category."""

_AT_ONCE = 16

Array = NDArray[np.float32]

_Encoder = TypeVar("_Encoder", PretrainedText, PhotoEncoder)


def draw_text(network: Bert) -> bytes:
    """Return the graph of a text encoder as ONNX.

    Inputs ``input_ids`` and ``attention_mask``, int64 [batch, sequence]; output ``embedding`` [batch, width], of unit
    length: what `Bert.embed` gives.
    """
    tensors = _arrays(network)
    if network.family == "bert":
        graph = build_bert(tensors, heads=network.heads, pooling=network.pooling, normalise=True)
    else:
        behind = DENSE.partition(".")[0] + "."
        dense = {name.removeprefix(behind): array for name, array in tensors.items() if name.startswith(behind)}
        graph = build_distilbert(tensors, heads=network.heads, dense=dense or None, normalise=True)
    return _bytes(graph)


def draw_photo(network: ConvNet, *, size: int) -> bytes:
    """Return the graph of a photo encoder as ONNX, for photos of one size.

    Input ``pixel_values``, float32 [batch, 3, size, size], normalised before; output ``embedding``
    [batch, 2 * width]: what `ConvNet.embed` gives.
    """
    build: Callable[..., onnx.ModelProto]
    build = build_efficientnet_lite if isinstance(network, EfficientNetLite) else build_resnet50
    return _bytes(build(_arrays(network), size=size, for_folder=True))


def _arrays(network: nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.detach().cpu().float().numpy() for name, tensor in network.state_dict().items()}


def _bytes(graph: onnx.ModelProto) -> bytes:
    data: bytes = graph.SerializeToString()
    return data


@dataclass(frozen=True, eq=False)
class LinearHead:
    """A classifier of embeddings.

    Attributes
    ----------
    weight : ndarray, shape (categories, d)
    bias : ndarray, shape (categories,)
    """

    weight: Array
    bias: Array

    def probabilities(self, embeddings: Array) -> NDArray[np.float64]:
        """Return the softmax of the scores, shape (n, categories)."""
        return np.exp(log_softmax(embeddings @ self.weight.T + self.bias))


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How near an exported graph comes to its network.

    Attributes
    ----------
    difference : float
        The largest between two probabilities.
    agreement : float
        Share of the probes put into the same category.
    probes : int
    """

    difference: float
    agreement: float
    probes: int


def text_parity(network: Bert, folder: Path, texts: Sequence[str], *, head: LinearHead, settings: Settings) -> Parity:
    """Compare a network with the text encoder written from it, on some texts.

    Raises
    ------
    TrainingError
        They differ: `MOST_DIFFERENCE`, `LEAST_AGREEMENT`.
    EncoderFolderError
        The encoder cannot be opened.
    """
    encoder = _open(folder, "text", PretrainedText, settings)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(max_length=encoder.network.tokens.max_tokens)
    tokenizer.enable_padding()

    def embed(batch: Sequence[str]) -> Tensor:
        found = tokenizer.encode_batch(list(batch))
        ids, mask = (
            torch.tensor([getattr(each, name) for each in found], device=_device(network))
            for name in ("ids", "attention_mask")
        )
        return network.embed(ids, mask)

    return _compare(_run(network, embed, texts), encoder.encode(texts), head=head, folder=folder)


def photo_parity(
    network: ConvNet, folder: Path, photos: NDArray[np.uint8], *, head: LinearHead, settings: Settings
) -> Parity:
    """Compare a network with the photo encoder written from it, on some decoded photos (n, height, width, 3).

    Raises
    ------
    TrainingError
        They differ: `MOST_DIFFERENCE`, `LEAST_AGREEMENT`.
    EncoderFolderError
        The encoder cannot be opened.
    """
    encoder = _open(folder, "photo", PhotoEncoder, settings)

    def embed(batch: NDArray[np.uint8]) -> Tensor:
        pixels = torch.from_numpy(batch.transpose(0, 3, 1, 2).astype(np.float32))
        return network.embed(network.normalise(pixels.to(_device(network))))

    found = np.concatenate([encoder.encode(batch) for batch in _batches(photos)])
    return _compare(_run(network, embed, photos), found, head=head, folder=folder)


def _open(folder: Path, modality: str, kind: type[_Encoder], settings: Settings) -> _Encoder:
    encoder = open_spec(find_encoder(f"{folder}#{modality}", settings=settings), settings=settings)
    if not isinstance(encoder, kind):
        raise TrainingError(f"{folder} holds no {modality} encoder to compare with")
    return encoder


def _batches(probes: Any) -> list[Any]:
    return [probes[start : start + _AT_ONCE] for start in range(0, len(probes), _AT_ONCE)]


def _run(network: nn.Module, embed: Callable[[Any], Tensor], probes: Any) -> Array:
    """Embed all probes, nothing left to chance; the network is afterwards in the mode it was in."""
    trained = network.training
    network.eval()
    try:
        with torch.no_grad():
            return np.concatenate([embed(batch).float().cpu().numpy() for batch in _batches(probes)])
    finally:
        network.train(trained)


def _compare(expected: Array, found: Array, *, head: LinearHead, folder: Path) -> Parity:
    wanted, given = head.probabilities(expected), head.probabilities(found)
    same = wanted.argmax(1) == given.argmax(1)
    parity = Parity(difference=float(np.abs(wanted - given).max()), agreement=float(same.mean()), probes=len(expected))
    # Written so that numbers that are none fail, too.
    if not (parity.difference < MOST_DIFFERENCE and parity.agreement >= LEAST_AGREEMENT):
        raise TrainingError(
            f"the encoder in {folder} is not the one that was trained: on {parity.probes} probes its probabilities are "
            f"off by up to {parity.difference:.2g} and {parity.agreement:.2%} of its answers are the same; do not use "
            "it, and report this as a fault of Aisle"
        )
    return parity


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device

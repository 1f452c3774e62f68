"""EfficientNet-Lite (Tan and Le 2019; the Lite variants, Google 2020) as an ONNX graph."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx

from aisle.errors import WeightsError
from aisle.weights.graphs.builder import GraphBuilder
from aisle.weights.graphs.photo import (
    CENTRED_NORM,
    PixelNorm,
    embedding_output,
    feature_outputs,
    fold_batch_norm,
    pixel_input,
)
from aisle.weights.graphs.tensors import Checkpoint

EPSILON = 1e-3
"""Added to variances; TensorFlow's default, which the port to torch keeps."""

STRIDES = (1, 2, 2, 2, 1, 2, 1)
"""Of the first block of each stage."""


def block_strides(channels: Sequence[int]) -> list[int]:
    """Return the stride of each block; a stage begins where the number of output channels changes.

    Parameters
    ----------
    channels : sequence of int
        The output channels of the blocks.

    Raises
    ------
    IndexError
        There are more stages than an EfficientNet-Lite has.

    >>> block_strides([16, 24, 24, 40])
    [1, 2, 1, 2]
    """
    stages = iter(range(len(channels)))
    firsts = [number == 0 or width != channels[number - 1] for number, width in enumerate(channels)]
    return [STRIDES[next(stages)] if first else 1 for first in firsts]


def build_efficientnet_lite(
    tensors: Mapping[str, np.ndarray],
    *,
    size: int = 224,
    norm: PixelNorm = CENTRED_NORM,
    feature_map: bool = False,
    for_folder: bool = False,
) -> onnx.ModelProto:
    """Draw the graph of an EfficientNet-Lite, of any width and depth, without its classifier.

    Batch normalisations are folded into the convolutions before them. "Same" padding is TensorFlow's: with
    stride 2 and an even size, one row more at the bottom and one column more on the right.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        Names such as ``_blocks.0._depthwise_conv.weight``.
    size : int
        Height and width of a photo in pixels.
    norm : PixelNorm
        The normalisation that becomes part of the graph.
    feature_map : bool
        Also output ``feature_map`` [batch, 1280, height, width].
    for_folder : bool
        Draw what an encoder folder holds: input ``pixel_values``, float32 [batch, 3, size, size], normalised
        before; output ``embedding`` alone, average and maximum at unit length side by side.

    Returns
    -------
    onnx.ModelProto
        Input ``pixels``, uint8 RGB [batch, size, size, 3]; outputs ``features_avg`` and ``features_max``,
        [batch, 1280].

    Raises
    ------
    WeightsError
        A tensor is missing or has another shape.
    """
    weights = Checkpoint(tensors, source="EfficientNet-Lite weights")
    graph = GraphBuilder("efficientnet_lite")
    net = _Net(graph, weights, size=size)
    x = net.convolve(pixel_input(graph, size=size, norm=None if for_folder else norm), "_conv_stem", "_bn0", stride=2)
    blocks = [f"_blocks.{number}." for number in range(weights.count(r"_blocks\.(\d+)\."))]
    channels = [weights.get(f"{block}_project_conv.weight", ndim=4).shape[0] for block in blocks]
    for block, stride in zip(blocks, _strides(channels), strict=True):
        x = net.block(x, block, stride=stride)
    x = net.convolve(x, "_conv_head", "_bn1")
    width = weights.get("_conv_head.weight", ndim=4).shape[0]
    if for_folder:
        embedding_output(graph, x, channels=width)
    else:
        feature_outputs(graph, x, channels=width, feature_map=feature_map)
    return graph.model()


def _strides(channels: Sequence[int]) -> list[int]:
    try:
        return block_strides(channels)
    except IndexError as err:
        raise WeightsError(
            "EfficientNet-Lite weights: more than seven stages; the file belongs to another model"
        ) from err


class _Net:
    """Draws layers one behind another and keeps the height of the feature map, which "same" padding needs."""

    def __init__(self, graph: GraphBuilder, weights: Checkpoint, *, size: int) -> None:
        self._graph = graph
        self._weights = weights
        self._size = size

    def block(self, x: str, prefix: str, *, stride: int) -> str:
        """Add an inverted residual: widen, filter each channel by itself, narrow (Sandler et al. 2018)."""
        entry = x
        first = f"{prefix}_depthwise_conv"
        if f"{prefix}_expand_conv.weight" in self._weights:
            first = f"{prefix}_expand_conv"
            x = self.convolve(x, first, f"{prefix}_bn0")
        x = self.convolve(x, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=stride, by_channel=True)
        x = self.convolve(x, f"{prefix}_project_conv", f"{prefix}_bn2", activate=False)
        channels_in = self._weights.get(f"{first}.weight", ndim=4).shape[int(first.endswith("_expand_conv"))]
        channels_out = self._weights.get(f"{prefix}_project_conv.weight", ndim=4).shape[0]
        return self._graph.node("Add", [x, entry]) if stride == 1 and channels_in == channels_out else x

    def convolve(
        self,
        x: str,
        conv: str,
        batch_norm: str,
        *,
        stride: int = 1,
        by_channel: bool = False,
        activate: bool = True,
    ) -> str:
        """Add a convolution with its batch normalisation folded in, and ReLU6."""
        kernel, bias = fold_batch_norm(self._weights, conv=conv, batch_norm=batch_norm, eps=EPSILON)
        size_out = -(-self._size // stride)
        padding = max((size_out - 1) * stride + kernel.shape[2] - self._size, 0)
        before, after = padding // 2, padding - padding // 2
        self._size = size_out
        attributes = {
            "kernel_shape": list(kernel.shape[2:]),
            "strides": [stride, stride],
            "pads": [before, before, after, after],
            "group": kernel.shape[0] if by_channel else 1,
        }
        x = self._graph.node("Conv", [x, self._graph.constant(kernel), self._graph.constant(bias)], attributes)
        if not activate:
            return x
        return self._graph.node("Clip", [x, self._graph.constant(0.0), self._graph.constant(6.0)])

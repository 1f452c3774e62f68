"""ResNet-50 (He et al. 2016, with the stride in the 3 × 3 convolution) as an ONNX graph."""

from collections.abc import Mapping

import numpy as np
import onnx

from aisle.weights.graphs.builder import GraphBuilder
from aisle.weights.graphs.photo import (
    IMAGENET_NORM,
    PixelNorm,
    embedding_output,
    feature_outputs,
    fold_batch_norm,
    pixel_input,
)
from aisle.weights.graphs.tensors import Checkpoint

EPSILON = 1e-5
"""Added to variances; torch's default."""


def build_resnet50(
    tensors: Mapping[str, np.ndarray],
    *,
    size: int = 224,
    norm: PixelNorm = IMAGENET_NORM,
    feature_map: bool = False,
    for_folder: bool = False,
) -> onnx.ModelProto:
    """Draw the graph of ResNet-50 (or of any depth built of the same bottlenecks) without its classifier.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        Torchvision's and timm's names, such as ``layer1.0.conv1.weight``.
    size : int
        Height and width of a photo in pixels.
    norm : PixelNorm
        The normalisation that becomes part of the graph.
    feature_map : bool
        Also output ``feature_map`` [batch, 2048, height, width].
    for_folder : bool
        Draw what an encoder folder holds: input ``pixel_values``, float32 [batch, 3, size, size], normalised
        before; output ``embedding`` alone, average and maximum at unit length side by side.

    Returns
    -------
    onnx.ModelProto
        Input ``pixels``, uint8 RGB [batch, size, size, 3]; outputs ``features_avg`` and ``features_max``,
        [batch, 2048].

    Raises
    ------
    WeightsError
        A tensor is missing or has another shape.
    """
    weights = Checkpoint(tensors, source="ResNet weights")
    graph = GraphBuilder("resnet50")
    x = _convolve(
        graph, weights, pixel_input(graph, size=size, norm=None if for_folder else norm), "conv1", "bn1", stride=2
    )
    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    x = graph.node("MaxPool", [graph.node("Relu", [x])], pool)
    channels = 0
    for stage in range(1, 5):
        for number in range(weights.count(rf"layer{stage}\.(\d+)\.")):
            prefix = f"layer{stage}.{number}."
            x = _bottleneck(graph, weights, x, prefix, stride=2 if stage > 1 and number == 0 else 1)
            channels = weights.get(f"{prefix}conv3.weight", ndim=4).shape[0]
    if for_folder:
        embedding_output(graph, x, channels=channels)
    else:
        feature_outputs(graph, x, channels=channels, feature_map=feature_map)
    return graph.model()


def _bottleneck(graph: GraphBuilder, weights: Checkpoint, x: str, prefix: str, *, stride: int) -> str:
    shortcut = x
    if f"{prefix}downsample.0.weight" in weights:
        names = f"{prefix}downsample.0", f"{prefix}downsample.1"
        shortcut = _convolve(graph, weights, x, *names, stride=stride)
    x = graph.node("Relu", [_convolve(graph, weights, x, f"{prefix}conv1", f"{prefix}bn1")])
    x = graph.node("Relu", [_convolve(graph, weights, x, f"{prefix}conv2", f"{prefix}bn2", stride=stride)])
    x = _convolve(graph, weights, x, f"{prefix}conv3", f"{prefix}bn3")
    return graph.node("Relu", [graph.node("Add", [x, shortcut])])


def _convolve(graph: GraphBuilder, weights: Checkpoint, x: str, conv: str, batch_norm: str, *, stride: int = 1) -> str:
    kernel, bias = fold_batch_norm(weights, conv=conv, batch_norm=batch_norm, eps=EPSILON)
    half = kernel.shape[2] // 2
    attributes = {"kernel_shape": list(kernel.shape[2:]), "strides": [stride, stride], "pads": [half] * 4}
    return graph.node("Conv", [x, graph.constant(kernel), graph.constant(bias)], attributes)

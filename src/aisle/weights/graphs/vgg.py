"""VGG-16 (Simonyan and Zisserman 2015, configuration D) as an ONNX graph."""

import re
from collections.abc import Mapping

import numpy as np
import onnx

from aisle.errors import WeightsError
from aisle.weights.graphs.builder import GraphBuilder
from aisle.weights.graphs.photo import IMAGENET_NORM, PixelNorm, feature_outputs, pixel_input
from aisle.weights.graphs.tensors import Checkpoint


def build_vgg16(
    tensors: Mapping[str, np.ndarray], *, size: int = 224, norm: PixelNorm = IMAGENET_NORM
) -> onnx.ModelProto:
    """Draw the graph of VGG-16 up to its second dense layer, ``fc2``, with the ReLU after it.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        Torchvision's names (``features.0.weight``, ``classifier.0.weight``, ``classifier.3.weight``) or
        timm's for the dense layers (``pre_logits.fc1.weight``, ``pre_logits.fc2.weight``).
    size : int
        Height and width of a photo in pixels; the published weights fix it to 224.
    norm : PixelNorm
        The normalisation that becomes part of the graph.

    Returns
    -------
    onnx.ModelProto
        Input ``pixels``, uint8 RGB [batch, size, size, 3]; outputs ``fc2`` [batch, 4096], and
        ``features_avg`` and ``features_max`` [batch, 512] of the last pooling.

    Raises
    ------
    WeightsError
        A tensor is missing or has another shape.
    """
    weights = Checkpoint(tensors, source="VGG weights")
    graph = GraphBuilder("vgg16")
    x = pixel_input(graph, size=size, norm=norm)
    layers = sorted(int(match[1]) for name in tensors if (match := re.fullmatch(r"features\.(\d+)\.weight", name)))
    channels = 0
    for layer, following in zip(layers, [*layers[1:], None], strict=True):
        kernel, bias = (
            weights.get(f"features.{layer}.weight", ndim=4),
            weights.get(f"features.{layer}.bias", ndim=1),
        )
        x = graph.node("Conv", [x, graph.constant(kernel), graph.constant(bias)], {"pads": [1, 1, 1, 1]})
        x = graph.node("Relu", [x])
        channels = kernel.shape[0]
        # Convolution and ReLU take two numbers of the list; where a third is taken, it is a pooling.
        if following != layer + 2:
            x = graph.node("MaxPool", [x], {"kernel_shape": [2, 2], "strides": [2, 2]})
            size //= 2
    feature_outputs(graph, x, channels=channels)
    x = graph.node("Flatten", [x])
    width = channels * size * size
    for names in (("classifier.0", "pre_logits.fc1"), ("classifier.3", "pre_logits.fc2")):
        # timm stores a dense layer as a convolution over the whole map; row by row the numbers are the same.
        weight = weights.get(*(f"{name}.weight" for name in names))
        weight = weight.reshape(weight.shape[0], -1)
        if weight.shape[1] != width:
            raise WeightsError(f"VGG weights: {names[0]} takes {weight.shape[1]} numbers, the photo gives {width}")
        bias, width = weights.get(*(f"{name}.bias" for name in names), ndim=1), weight.shape[0]
        dense = graph.node("Gemm", [x, graph.constant(weight), graph.constant(bias)], {"transB": 1})
        x = graph.node("Relu", [dense])
    graph.output(x, name="fc2", shape=("batch", width))
    return graph.model()

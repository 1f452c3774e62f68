"""What the photo networks share: pixels in, folded normalisation, pooled features out."""

from dataclasses import dataclass

import numpy as np

from aisle.weights.graphs.builder import FLOAT, GraphBuilder
from aisle.weights.graphs.tensors import Checkpoint
from aisle.weights.graphs.transformer import unit_length


@dataclass(frozen=True, kw_only=True)
class PixelNorm:
    """How a network wants its pixels: ``(x - mean) / std`` per channel, x from 0 to 255, RGB."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


IMAGENET_NORM = PixelNorm(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))
"""Torchvision's: 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225, times 255."""

CENTRED_NORM = PixelNorm(mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0))
"""EfficientNet-Lite's: (x - 127) / 128."""


def pixel_input(graph: GraphBuilder, *, size: int, norm: PixelNorm | None) -> str:
    """Declare ``pixels``, uint8 RGB [batch, size, size, 3]; return it normalised, [batch, 3, size, size].

    Without `norm` declare what an encoder folder has, ``pixel_values``, float32 and normalised before.
    """
    if norm is None:
        return graph.input("pixel_values", dtype="float32", shape=("batch", 3, size, size))
    pixels = graph.input("pixels", dtype="uint8", shape=("batch", size, size, 3))
    planes = graph.node("Cast", [graph.node("Transpose", [pixels], {"perm": [0, 3, 1, 2]})], {"to": FLOAT})
    mean = np.asarray(norm.mean, dtype=np.float32).reshape(3, 1, 1)
    scale = (1.0 / np.asarray(norm.std, dtype=np.float64)).astype(np.float32).reshape(3, 1, 1)
    return graph.node("Mul", [graph.node("Sub", [planes, graph.constant(mean)]), graph.constant(scale)])


def fold_batch_norm(weights: Checkpoint, *, conv: str, batch_norm: str, eps: float) -> tuple[np.ndarray, np.ndarray]:
    """Fold a batch normalisation into the convolution before it (Ioffe and Szegedy 2015, section 3.1).

    Parameters
    ----------
    weights : Checkpoint
        Holds ``conv.weight`` [out, in / groups, height, width], and of `batch_norm` ``weight``, ``bias``,
        ``running_mean`` and ``running_var`` [out].
    conv, batch_norm : str
        The names of the two layers.
    eps : float
        Added to the variance.

    Returns
    -------
    kernel, bias : ndarray
        Of the one convolution that does both, float32.
    """
    kernel = weights.get(f"{conv}.weight", ndim=4).astype(np.float64)
    scale, shift, mean, variance = (
        weights.get(f"{batch_norm}.{part}", ndim=1).astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = scale / np.sqrt(variance + eps)
    folded = kernel * factor[:, None, None, None]
    return folded.astype(np.float32), (shift - mean * factor).astype(np.float32)


def feature_outputs(graph: GraphBuilder, features: str, *, channels: int, feature_map: bool = False) -> None:
    """Declare ``features_avg`` and ``features_max`` [batch, channels], and ``feature_map`` if asked for."""
    for name, operator in (("features_avg", "GlobalAveragePool"), ("features_max", "GlobalMaxPool")):
        pooled = graph.node("Flatten", [graph.node(operator, [features])])
        graph.output(pooled, name=name, shape=("batch", channels))
    if feature_map:
        graph.output(features, name="feature_map", shape=("batch", channels, "height", "width"))


def embedding_output(graph: GraphBuilder, features: str, *, channels: int) -> None:
    """Declare ``embedding`` [batch, 2 * channels]: average and maximum, each at unit length, side by side."""
    pooled = [
        unit_length(graph, graph.node("Flatten", [graph.node(operator, [features])]))
        for operator in ("GlobalAveragePool", "GlobalMaxPool")
    ]
    graph.output(graph.node("Concat", pooled, {"axis": 1}), name="embedding", shape=("batch", 2 * channels))

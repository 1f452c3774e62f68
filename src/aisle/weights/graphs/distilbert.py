"""DistilBERT (Sanh et al. 2019) with mean pooling and an optional dense layer, as an ONNX graph.

With the dense layer it is the published multilingual distillation of the Universal Sentence Encoder,
``distiluse-base-multilingual-cased-v2`` (Reimers and Gurevych 2020).
"""

from collections.abc import Mapping

import numpy as np
import onnx

from aisle.errors import WeightsError
from aisle.weights.graphs.builder import GraphBuilder
from aisle.weights.graphs.tensors import Checkpoint
from aisle.weights.graphs.transformer import (
    Layer,
    dense_tanh,
    embed,
    encode,
    linear_of,
    mean_pool,
    norm_of,
    text_inputs,
    unit_length,
)

EPSILON = 1e-12
"""What DistilBERT adds to a variance before dividing by its root."""


def build_distilbert(
    tensors: Mapping[str, np.ndarray],
    *,
    heads: int,
    dense: Mapping[str, np.ndarray] | None = None,
    normalise: bool = False,
    epsilon: float = EPSILON,
) -> onnx.ModelProto:
    """Draw the graph of a DistilBERT sentence encoder.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        Names such as ``transformer.layer.0.attention.q_lin.weight``, with or without ``distilbert.`` before.
    heads : int
        Attention heads (12 for the published models).
    dense : mapping of str to ndarray, optional
        ``linear.weight`` [out, width] and ``linear.bias`` [out] of a layer after the mean, with tanh.
    normalise : bool
        Divide each embedding by its Euclidean length.
    epsilon : float
        Added to variances; 1e-12 in every published DistilBERT.

    Returns
    -------
    onnx.ModelProto
        Inputs ``input_ids`` and ``attention_mask``, int64 [batch, sequence]; output ``embedding``
        [batch, out].

    Raises
    ------
    WeightsError
        A tensor is missing or has another shape, or the width is no multiple of `heads`.
    """
    weights = Checkpoint(tensors, source="DistilBERT weights", prefixes=("distilbert.",))
    words = weights.get("embeddings.word_embeddings.weight", ndim=2)
    width = words.shape[1]
    if width % heads:
        raise WeightsError(f"DistilBERT weights: width {width} is no multiple of {heads} heads")
    layers = [_layer(weights, f"transformer.layer.{number}.") for number in _numbers(weights)]
    graph = GraphBuilder("distilbert")
    ids, mask = text_inputs(graph)
    positions = weights.get("embeddings.position_embeddings.weight", ndim=2)
    norm = norm_of(weights, "embeddings.LayerNorm")
    states = embed(graph, ids, words=words, positions=positions, norm=norm, eps=epsilon)
    states = encode(graph, states, mask=mask, layers=layers, heads=heads, eps=epsilon)
    values = mean_pool(graph, states, mask=mask)
    if dense is not None:
        layer = linear_of(Checkpoint(dense, source="weights of the dense layer"), "linear")
        values, width = dense_tanh(graph, values, layer), layer.weight.shape[0]
    if normalise:
        values = unit_length(graph, values)
    graph.output(values, name="embedding", shape=("batch", width))
    return graph.model()


def _numbers(weights: Checkpoint) -> range:
    return range(weights.count(r"transformer\.layer\.(\d+)\."))


def _layer(weights: Checkpoint, prefix: str) -> Layer:
    return Layer(
        query=linear_of(weights, f"{prefix}attention.q_lin"),
        key=linear_of(weights, f"{prefix}attention.k_lin"),
        value=linear_of(weights, f"{prefix}attention.v_lin"),
        attended=linear_of(weights, f"{prefix}attention.out_lin"),
        attention_norm=norm_of(weights, f"{prefix}sa_layer_norm"),
        widen=linear_of(weights, f"{prefix}ffn.lin1"),
        narrow=linear_of(weights, f"{prefix}ffn.lin2"),
        output_norm=norm_of(weights, f"{prefix}output_layer_norm"),
    )

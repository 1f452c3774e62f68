"""BERT encoders (Devlin et al. 2019) as ONNX graphs, from the tensor names that Hugging Face publishes."""

from collections.abc import Mapping

import numpy as np
import onnx

from aisle.errors import WeightsError
from aisle.weights.graphs.builder import GraphBuilder
from aisle.weights.graphs.tensors import Checkpoint
from aisle.weights.graphs.transformer import (
    Layer,
    Pooling,
    dense_tanh,
    embed,
    encode,
    first_token,
    linear_of,
    mean_pool,
    norm_of,
    text_inputs,
    unit_length,
)

EPSILON = 1e-12
"""What BERT adds to a variance before dividing by its root."""


def build_bert(
    tensors: Mapping[str, np.ndarray],
    *,
    heads: int,
    pooling: Pooling = "none",
    normalise: bool = False,
    epsilon: float = EPSILON,
) -> onnx.ModelProto:
    """Draw the graph of a BERT encoder.

    Token types are all zero, so their vector is folded into the positions'.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        Names such as ``embeddings.word_embeddings.weight``, with or without ``bert.`` before them.
    heads : int
        Attention heads; not recorded in a checkpoint (12 for MiniLM-L6 and for BERT-base).
    pooling : {"none", "mean", "cls", "pooler"}
        ``"none"``: output ``last_hidden_state`` [batch, sequence, width]. Otherwise output ``embedding``
        [batch, width]: the mean over the unmasked tokens, the first token's state, or BERT's own pooler.
    normalise : bool
        Divide each embedding by its Euclidean length.
    epsilon : float
        Added to variances; 1e-12 in every published BERT.

    Returns
    -------
    onnx.ModelProto
        Inputs ``input_ids`` and ``attention_mask``, int64 [batch, sequence].

    Raises
    ------
    WeightsError
        A tensor is missing or has another shape, or the width is no multiple of `heads`.
    """
    weights = Checkpoint(tensors, source="BERT weights", prefixes=("bert.",))
    words = weights.get("embeddings.word_embeddings.weight", ndim=2)
    width = words.shape[1]
    if width % heads:
        raise WeightsError(f"BERT weights: width {width} is no multiple of {heads} heads")
    positions = weights.get("embeddings.position_embeddings.weight", ndim=2)
    kinds = weights.get("embeddings.token_type_embeddings.weight", ndim=2)
    layers = [
        _layer(weights, f"encoder.layer.{number}.") for number in range(weights.count(r"encoder\.layer\.(\d+)\."))
    ]
    graph = GraphBuilder("bert")
    ids, mask = text_inputs(graph)
    norm = norm_of(weights, "embeddings.LayerNorm")
    states = embed(graph, ids, words=words, positions=positions + kinds[0], norm=norm, eps=epsilon)
    states = encode(graph, states, mask=mask, layers=layers, heads=heads, eps=epsilon)
    if pooling == "none":
        graph.output(states, name="last_hidden_state", shape=("batch", "sequence", width))
        return graph.model()
    if pooling == "mean":
        values = mean_pool(graph, states, mask=mask)
    else:
        values = first_token(graph, states)
        if pooling == "pooler":
            values = dense_tanh(graph, values, linear_of(weights, "pooler.dense"))
    if normalise:
        values = unit_length(graph, values)
    graph.output(values, name="embedding", shape=("batch", width))
    return graph.model()


def _layer(weights: Checkpoint, prefix: str) -> Layer:
    return Layer(
        query=linear_of(weights, f"{prefix}attention.self.query"),
        key=linear_of(weights, f"{prefix}attention.self.key"),
        value=linear_of(weights, f"{prefix}attention.self.value"),
        attended=linear_of(weights, f"{prefix}attention.output.dense"),
        attention_norm=norm_of(weights, f"{prefix}attention.output.LayerNorm"),
        widen=linear_of(weights, f"{prefix}intermediate.dense"),
        narrow=linear_of(weights, f"{prefix}output.dense"),
        output_norm=norm_of(weights, f"{prefix}output.LayerNorm"),
    )

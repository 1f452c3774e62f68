"""What BERT and DistilBERT share: embeddings, one encoder layer, pooling.

Sources: Vaswani et al. 2017 (attention); Devlin et al. 2019 (BERT: layer norm after each part, exact GELU);
Reimers and Gurevych 2019 (mean pooling over the tokens that the mask keeps).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from aisle.weights.graphs.builder import FLOAT, GraphBuilder
from aisle.weights.graphs.tensors import Checkpoint

Pooling = Literal["none", "mean", "cls", "pooler"]

_MASKED = float(np.finfo(np.float32).min)
"""What is added to the score of a padding token: its share becomes 0."""


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A dense layer: ``weight`` [out, in] as torch stores it, ``bias`` [out]."""

    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Norm:
    """A layer normalisation: ``scale`` [width], ``shift`` [width]."""

    scale: np.ndarray
    shift: np.ndarray


def linear_of(weights: Checkpoint, name: str) -> Linear:
    """Look up ``name.weight`` and ``name.bias`` as a dense layer."""
    return Linear(weight=weights.get(f"{name}.weight", ndim=2), bias=weights.get(f"{name}.bias", ndim=1))


def norm_of(weights: Checkpoint, name: str) -> Norm:
    """Look up a layer normalisation, by torch's names or by TensorFlow's, which bert-base-uncased keeps."""
    return Norm(
        scale=weights.get(f"{name}.weight", f"{name}.gamma", ndim=1),
        shift=weights.get(f"{name}.bias", f"{name}.beta", ndim=1),
    )


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One encoder layer."""

    query: Linear
    key: Linear
    value: Linear
    attended: Linear
    attention_norm: Norm
    widen: Linear
    narrow: Linear
    output_norm: Norm


def text_inputs(graph: GraphBuilder) -> tuple[str, str]:
    """Declare ``input_ids`` and ``attention_mask``, both int64 [batch, sequence]."""
    shape = ("batch", "sequence")
    ids = graph.input("input_ids", dtype="int64", shape=shape)
    return ids, graph.input("attention_mask", dtype="int64", shape=shape)


def embed(graph: GraphBuilder, ids: str, *, words: np.ndarray, positions: np.ndarray, norm: Norm, eps: float) -> str:
    """Look tokens up, add the position's vector, normalise: [batch, sequence, width]."""
    length = graph.node("Slice", [graph.node("Shape", [ids]), *map(graph.constant, ([1], [2]))])
    rows = graph.node("Slice", [graph.constant(positions), graph.constant([0]), length])
    tokens = graph.node("Gather", [graph.constant(words), ids])
    return _normalise(graph, graph.node("Add", [tokens, rows]), norm=norm, eps=eps)


def encode(graph: GraphBuilder, states: str, *, mask: str, layers: list[Layer], heads: int, eps: float) -> str:
    """Run the encoder layers over [batch, sequence, width].

    Written in standard operators only: onnxruntime fuses them on loading, and its own fused operators, drawn
    by hand, were measured to be no faster.
    """
    kept = graph.node("Cast", [graph.node("Unsqueeze", [mask, graph.constant([1, 2])])], {"to": FLOAT})
    hidden = graph.node("Mul", [graph.node("Sub", [graph.constant(1.0), kept]), graph.constant(_MASKED)])
    for layer in layers:
        states = _layer(graph, states, mask=hidden, layer=layer, heads=heads, eps=eps)
    return states


def _layer(graph: GraphBuilder, states: str, *, mask: str, layer: Layer, heads: int, eps: float) -> str:
    attended = _linear(graph, _attend(graph, states, mask=mask, layer=layer, heads=heads), layer.attended)
    states = _normalise(graph, graph.node("Add", [attended, states]), norm=layer.attention_norm, eps=eps)
    changed = _linear(graph, _gelu(graph, _linear(graph, states, layer.widen)), layer.narrow)
    return _normalise(graph, graph.node("Add", [changed, states]), norm=layer.output_norm, eps=eps)


def _attend(graph: GraphBuilder, states: str, *, mask: str, layer: Layer, heads: int) -> str:
    """Softmax(QK' / sqrt(d)) V in every head; [batch, sequence, width] in and out."""
    width = layer.query.weight.shape[0]
    apart = graph.constant([0, 0, heads, width // heads])

    def split(linear: Linear, order: list[int]) -> str:
        values = graph.node("Reshape", [_linear(graph, states, linear), apart])
        return graph.node("Transpose", [values], {"perm": order})

    query, key, value = (
        split(layer.query, [0, 2, 1, 3]),
        split(layer.key, [0, 2, 3, 1]),
        split(layer.value, [0, 2, 1, 3]),
    )
    scores = graph.node("Div", [graph.node("MatMul", [query, key]), graph.constant(math.sqrt(width / heads))])
    shares = graph.node("Softmax", [graph.node("Add", [scores, mask])], {"axis": -1})
    mixed = graph.node("Transpose", [graph.node("MatMul", [shares, value])], {"perm": [0, 2, 1, 3]})
    return graph.node("Reshape", [mixed, graph.constant([0, 0, width])])


def _linear(graph: GraphBuilder, states: str, linear: Linear) -> str:
    product = graph.node("MatMul", [states, graph.constant(linear.weight.T)])
    return graph.node("Add", [product, graph.constant(linear.bias)])


def _gelu(graph: GraphBuilder, states: str) -> str:
    """Compute x (1 + erf(x / sqrt 2)) / 2, exactly (Hendrycks and Gimpel 2016)."""
    erf = graph.node("Erf", [graph.node("Div", [states, graph.constant(math.sqrt(2.0))])])
    twice = graph.node("Mul", [states, graph.node("Add", [erf, graph.constant(1.0)])])
    return graph.node("Mul", [twice, graph.constant(0.5)])


def _normalise(graph: GraphBuilder, states: str, *, norm: Norm, eps: float) -> str:
    inputs = [states, graph.constant(norm.scale), graph.constant(norm.shift)]
    return graph.node("LayerNormalization", inputs, {"epsilon": eps, "axis": -1})


def mean_pool(graph: GraphBuilder, states: str, *, mask: str) -> str:
    """Average the states of the tokens the mask keeps: [batch, width]; zeros where it keeps none."""
    weights = graph.node("Unsqueeze", [graph.node("Cast", [mask], {"to": FLOAT}), graph.constant([-1])])
    axis = graph.constant([1])
    total = graph.node("ReduceSum", [graph.node("Mul", [states, weights]), axis], {"keepdims": 0})
    count = graph.node("ReduceSum", [weights, axis], {"keepdims": 0})
    return graph.node("Div", [total, graph.node("Max", [count, graph.constant(1e-9)])])


def first_token(graph: GraphBuilder, states: str) -> str:
    """Take the state of the first token, ``[CLS]``: [batch, width]."""
    return graph.node("Gather", [states, graph.constant(np.asarray(0))], {"axis": 1})


def dense_tanh(graph: GraphBuilder, values: str, linear: Linear) -> str:
    """Multiply, add the bias, squash by tanh: [batch, out]."""
    inputs = [values, graph.constant(linear.weight), graph.constant(linear.bias)]
    return graph.node("Tanh", [graph.node("Gemm", inputs, {"transB": 1})])


def unit_length(graph: GraphBuilder, values: str) -> str:
    """Divide each row by its Euclidean length; a row of zeros stays zeros."""
    length = graph.node("ReduceL2", [values], {"axes": [-1], "keepdims": 1})
    return graph.node("Div", [values, graph.node("Max", [length, graph.constant(1e-12)])])

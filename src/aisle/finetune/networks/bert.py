"""BERT and DistilBERT (Devlin et al. 2019; Sanh et al. 2019) for training, under their published names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from aisle.errors import WeightsError
from aisle.weights.graphs.bert import EPSILON
from aisle.weights.graphs.tensors import Checkpoint
from aisle.weights.graphs.transformer import linear_of, norm_of

Pooling = Literal["mean", "cls", "pooler"]

DENSE = "dense.linear"
"""What `Bert` calls the dense layer behind the mean, which is published in a file of its own."""

_SOURCE = "BERT weights"

_RECOMPUTE = 4096
"""Tokens of a batch from which on a CPU computes a layer anew on the way back, instead of keeping what is inside it."""


@dataclass(frozen=True, kw_only=True)
class _Names:
    """What a family calls its layers."""

    stack: str
    query: str
    key: str
    value: str
    attended: str
    attention_norm: str
    widen: str
    narrow: str
    output_norm: str


_BERT = _Names(
    stack="encoder.layer",
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    attended="attention.output.dense",
    attention_norm="attention.output.LayerNorm",
    widen="intermediate.dense",
    narrow="output.dense",
    output_norm="output.LayerNorm",
)
_DISTILBERT = _Names(
    stack="transformer.layer",
    query="attention.q_lin",
    key="attention.k_lin",
    value="attention.v_lin",
    attended="attention.out_lin",
    attention_norm="sa_layer_norm",
    widen="ffn.lin1",
    narrow="ffn.lin2",
    output_norm="output_layer_norm",
)
_NAMES = {"bert": _BERT, "distilbert": _DISTILBERT}
_COUNTS = {"bert": r"encoder\.layer\.(\d+)\.", "distilbert": r"transformer\.layer\.(\d+)\."}


class _Maker:
    """Makes modules of published tensors, shapes checked."""

    def __init__(self, weights: Checkpoint) -> None:
        self._weights = weights
        self.width: int = weights.get("embeddings.word_embeddings.weight", ndim=2).shape[1]

    def linear(self, name: str, *, entry: int | None = None, free: bool = False) -> nn.Linear:
        """Make a dense layer from `entry` numbers (else the network's width) to that width, or, if `free`, to any."""
        part, entry = linear_of(self._weights, name), entry or self.width
        rows = len(part.weight) if free else self.width
        if (part.weight.shape, part.bias.shape) != ((rows, entry), (rows,)):
            raise WeightsError(
                f"{_SOURCE}: {name} has the shapes {part.weight.shape} and {part.bias.shape}, {(rows, entry)} and "
                f"{(rows,)} are needed; the file belongs to another model"
            )
        return _filled(nn.utils.skip_init(nn.Linear, entry, rows), weight=part.weight, bias=part.bias)

    def norm(self, name: str) -> nn.LayerNorm:
        """Make a layer normalisation."""
        part = norm_of(self._weights, name)
        if {part.scale.shape, part.shift.shape} != {(self.width,)}:
            raise WeightsError(
                f"{_SOURCE}: {name} has the shapes {part.scale.shape} and {part.shift.shape}, the network is "
                f"{self.width} wide; the file belongs to another model"
            )
        return _filled(nn.LayerNorm(self.width, eps=EPSILON), weight=part.scale, bias=part.shift)

    def table(self, name: str) -> nn.Embedding:
        """Make a table of vectors."""
        rows = self._weights.get(f"embeddings.{name}.weight", ndim=2)
        if rows.shape[1] != self.width:
            raise WeightsError(
                f"{_SOURCE}: {name} has the shape {rows.shape}, the network is {self.width} wide; "
                "the file belongs to another model"
            )
        return _filled(nn.utils.skip_init(nn.Embedding, *rows.shape), weight=rows)


class _Embeddings(nn.Module):
    """Vectors of tokens and positions, added and normalised."""

    def __init__(self, make: _Maker, *, kinds: bool, dropout: nn.Dropout) -> None:
        super().__init__()
        self.word_embeddings = make.table("word_embeddings")
        self.position_embeddings = make.table("position_embeddings")
        self.token_type_embeddings = make.table("token_type_embeddings") if kinds else None
        self.LayerNorm = make.norm("embeddings.LayerNorm")
        self.dropout = dropout

    def forward(self, ids: Tensor) -> Tensor:
        """Look tokens up, [n, length]: [n, length, width]."""
        states = self.word_embeddings(ids) + self.position_embeddings.weight[: ids.shape[1]]
        if self.token_type_embeddings is not None:
            states = states + self.token_type_embeddings.weight[0]
        return self.dropout(self.LayerNorm(states))


class _Layer(nn.Module):
    """One encoder layer, its parts at their family's names."""

    def __init__(self, make: _Maker, names: _Names, *, number: int, heads: int, dropout: nn.Dropout) -> None:
        super().__init__()
        self._names = names
        self._heads = heads
        self.dropout = dropout
        prefix = f"{names.stack}.{number}."
        for name in (names.query, names.key, names.value, names.attended):
            _place(self, name, make.linear(prefix + name))
        widen = make.linear(prefix + names.widen, free=True)
        _place(self, names.widen, widen)
        _place(self, names.narrow, make.linear(prefix + names.narrow, entry=widen.out_features))
        for name in (names.attention_norm, names.output_norm):
            _place(self, name, make.norm(prefix + name))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Transform the states of tokens, [n, length, width]; `mask` [n, 1, 1, length] keeps those that are True."""
        names, part = self._names, self.get_submodule
        states = part(names.attention_norm)(states + self.dropout(part(names.attended)(self._attend(states, mask))))
        changed = part(names.narrow)(functional.gelu(part(names.widen)(states)))
        return part(names.output_norm)(states + self.dropout(changed))

    def _attend(self, states: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (
            self.get_submodule(name)(states).unflatten(2, (self._heads, -1)).transpose(1, 2)
            for name in (self._names.query, self._names.key, self._names.value)
        )
        share = self.dropout.p if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=share)
        return mixed.transpose(1, 2).flatten(2)


class Bert(nn.Module):
    """A sentence encoder of BERT's or DistilBERT's family; the names of the tensors tell which.

    ``state_dict()`` holds the published names, without ``bert.`` or ``distilbert.`` before them and with torch's
    ``weight`` and ``bias`` where a checkpoint says ``gamma`` and ``beta``.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        The published weights; their shapes say how wide and how deep the network is.
    heads : int
        Attention heads; not recorded in a checkpoint.
    pooling : {"mean", "cls", "pooler"}
        How the states of the tokens become one vector: their mean, the first one's, or that through BERT's pooler.
    dense : mapping of str to ndarray, optional
        ``linear.weight`` [out, width] and ``linear.bias`` [out] of a layer behind the pooling, with tanh.
    dropout : float
        Share of states and attention left out in training; changed later as ``network.dropout.p``.

    Attributes
    ----------
    width : int
        Columns of what it returns.

    Raises
    ------
    WeightsError
        A tensor is missing or has another shape, the width is no multiple of `heads`, or a DistilBERT is to be pooled
        otherwise than by the mean, or a BERT to have a dense layer: no graph is drawn of these.
    """

    def __init__(
        self,
        tensors: Mapping[str, np.ndarray],
        *,
        heads: int,
        pooling: Pooling = "mean",
        dense: Mapping[str, np.ndarray] | None = None,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        added = {f"dense.{name}": array for name, array in (dense or {}).items()}
        weights = Checkpoint({**tensors, **added}, source=_SOURCE, prefixes=("bert.", "distilbert."))
        make = _Maker(weights)
        if make.width % heads:
            raise WeightsError(f"{_SOURCE}: width {make.width} is no multiple of {heads} heads")
        self.family: Literal["bert", "distilbert"] = "distilbert" if weights.count(_COUNTS["distilbert"]) else "bert"
        if (dense is not None and self.family == "bert") or (pooling != "mean" and self.family == "distilbert"):
            raise WeightsError(
                f"{_SOURCE}: a {self.family} with {pooling} pooling{' and a dense layer' if dense is not None else ''} "
                "cannot be exported; take a BERT without a dense layer, or a DistilBERT with mean pooling"
            )
        self.heads, self.pooling, self.width = heads, pooling, make.width
        self.dropout = nn.Dropout(dropout)
        self.embeddings = _Embeddings(make, kinds=self.family == "bert", dropout=self.dropout)
        names = _NAMES[self.family]
        stack = [
            _Layer(make, names, number=number, heads=heads, dropout=self.dropout)
            for number in range(weights.count(_COUNTS[self.family]))
        ]
        if not stack:
            raise WeightsError(f"{_SOURCE}: there is no layer {names.stack}.0; the file belongs to another model")
        _place(self, names.stack, nn.ModuleList(stack))
        if pooling == "pooler":
            _place(self, "pooler.dense", make.linear("pooler.dense"))
        if dense is not None:
            last = make.linear(DENSE, free=True)
            self.width = last.out_features
            _place(self, DENSE, last)

    def layers(self) -> list[nn.Module]:
        """Return its parts from the tokens up."""
        behind = [getattr(self, name) for name in ("pooler", "dense") if hasattr(self, name)]
        return [self.embeddings, *self._stack(), *behind]

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode texts: one vector each, [n, width], of any length.

        Parameters
        ----------
        ids, mask : Tensor
            Numbers of tokens, and 1 where one stands and 0 where padding does; whole numbers [n, length].
        """
        states, kept = self.embeddings(ids), mask[:, None, None].bool()
        recompute = ids.device.type == "cpu" and ids.numel() >= _RECOMPUTE and torch.is_grad_enabled()
        for layer in self._stack():
            states = checkpoint(layer, states, kept, use_reentrant=False) if recompute else layer(states, kept)
        if self.pooling == "mean":
            weights = mask[:, :, None].to(states.dtype)
            values = (states * weights).sum(1) / weights.sum(1).clamp(min=1.0)
        else:
            values = states[:, 0]
        for name in ("pooler.dense", DENSE):
            if hasattr(self, name.partition(".")[0]):
                values = torch.tanh(self.get_submodule(name)(values))
        return values

    def embed(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode texts as the exported graph does: at unit length."""
        return functional.normalize(self(ids, mask), dim=1)

    def _stack(self) -> nn.ModuleList:
        stack: nn.ModuleList = self.get_submodule(_NAMES[self.family].stack)
        return stack


def _place(root: nn.Module, path: str, module: nn.Module) -> None:
    """Add a module at a path of names, with empty modules on the way."""
    *way, last = path.split(".")
    for name in way:
        if not hasattr(root, name):
            root.add_module(name, nn.Module())
        root = getattr(root, name)
    root.add_module(last, module)


def _filled(module: Any, **arrays: np.ndarray) -> Any:
    """Return a module with copies of the arrays as its parameters."""
    module.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()})
    return module

"""Heads that fit before the network is touched.

A head that begins at random pulls a network out of shape while it learns; one that already fits the published network
leaves it where it is right (Kumar et al. 2022, "Fine-tuning can distort pretrained features").
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from aisle.finetune.losses import category_loss
from aisle.finetune.towers import Heads

_PULL = 1e-3
"""How hard the weights are drawn to zero, beside a mean cross-entropy."""

_ROUNDS = 60


def fit_heads(heads: Heads, embeddings: Tensor, labels: Tensor) -> None:
    """Fit the classifiers of every depth to embeddings as they are.

    Parameters
    ----------
    heads : Heads
    embeddings : Tensor, shape (n, width)
    labels : Tensor of int64, shape (n, depths)
    """
    embeddings = embeddings.detach()
    for depth, head in enumerate(heads.classify):
        _fit(head, heads.scaled(embeddings), labels[:, depth])


def _fit(head: nn.Linear, features: Tensor, labels: Tensor) -> None:
    values: Sequence[Tensor] = list(head.parameters())
    optimiser = torch.optim.LBFGS(values, max_iter=_ROUNDS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = category_loss(head(features), labels, smoothing=0.0) + _PULL * (head.weight**2).sum()
        loss.backward()
        return loss

    optimiser.step(closure)

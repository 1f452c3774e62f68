"""What fine-tuning minimises."""

import torch
from torch import Tensor
from torch.nn import functional

TEMPERATURE = 0.07
"""Of both contrastive losses, as in their sources."""

IGNORED = -100
"""A label that does not count: the product's category is not this deep, or too small to be told apart."""


def supervised_contrastive(embeddings: Tensor, labels: Tensor, *, temperature: float = TEMPERATURE) -> Tensor:
    """Pull products of one category together, push others apart (Khosla et al. 2020, the loss with the sum outside).

    Parameters
    ----------
    embeddings : Tensor, shape (n, d)
        Of unit length.
    labels : Tensor of int64, shape (n,)
        `IGNORED` where a product only pushes.
    temperature : float

    Returns
    -------
    Tensor
        The mean over the products that have a companion in the batch; zero where none has.
    """
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    scores = (embeddings @ embeddings.T / temperature).masked_fill(itself, float("-inf"))
    log_share = scores - scores.logsumexp(1, keepdim=True)
    alike = (labels[:, None] == labels[None]) & ~itself & (labels[:, None] != IGNORED)
    count = alike.sum(1)
    total = -log_share.masked_fill(~alike, 0.0).sum(1)
    having = count > 0
    return (total[having] / count[having]).mean() if having.any() else embeddings.sum() * 0.0


def image_text_contrastive(photos: Tensor, texts: Tensor, *, temperature: float = TEMPERATURE) -> Tensor:
    """Match each photo with its own text among those of the batch, and back (Radford et al. 2021).

    Parameters
    ----------
    photos, texts : Tensor, shape (n, d)
        Of unit length, of the same products in the same order.
    temperature : float
    """
    scores = photos @ texts.T / temperature
    own = torch.arange(len(scores), device=scores.device)
    return (functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)) / 2


def category_loss(logits: Tensor, labels: Tensor, *, smoothing: float) -> Tensor:
    """Cross-entropy with smoothed labels (Szegedy et al. 2016); zero where no label counts."""
    if not bool((labels != IGNORED).any()):
        return logits.sum() * 0.0
    return functional.cross_entropy(logits, labels, ignore_index=IGNORED, label_smoothing=smoothing)

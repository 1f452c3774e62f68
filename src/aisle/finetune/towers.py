"""What is trained: an encoder for each modality, and heads that only training needs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from aisle.finetune.examples import Ids
from aisle.finetune.export import LinearHead
from aisle.finetune.networks import Bert, ConvNet, pool

SHARED = 128
"""Width of the space in which photos meet their texts and contrastive losses are taken (Khosla et al. 2020)."""

_SHARPNESS = 10.0
"""Vectors of unit length are multiplied by this before a head: its probabilities may become sure of themselves."""


def half(x: Tensor, *, on: bool) -> torch.autocast:
    """Compute in 16 bits (bfloat16) where that is wanted and faster: on a GPU, and on a CPU that has them built in."""
    kind = x.device.type
    return torch.autocast(kind, torch.bfloat16, enabled=on and (kind == "cuda" or _cpu_is_fast_in_half()))


@cache
def _cpu_is_fast_in_half() -> bool:
    known: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # which older versions do not tell
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


class Heads(nn.Module):
    """A linear classifier for each depth of the tree, and a projection for contrastive losses."""

    def __init__(self, width: int, categories: Sequence[int]) -> None:
        super().__init__()
        self.classify = nn.ModuleList(nn.Linear(width, count) for count in categories)
        self.project = nn.Linear(width, SHARED)
        for head in self.classify:
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def scaled(self, embeddings: Tensor) -> Tensor:
        """Return what the classifiers read of embeddings."""
        return _SHARPNESS * embeddings

    def logits(self, embeddings: Tensor) -> list[Tensor]:
        """Return the scores of the categories at each depth, [n, categories]."""
        return [head(self.scaled(embeddings)) for head in self.classify]

    def top(self) -> LinearHead:
        """Return the classifier of the top categories as arrays."""
        head = self.classify[0]
        weight, bias = (value.detach().cpu().float().numpy() for value in (head.weight, head.bias))
        return LinearHead(_SHARPNESS * weight, bias)

    def shared(self, embeddings: Tensor) -> Tensor:
        """Return unit vectors in the shared space, [n, SHARED]."""
        return functional.normalize(self.project(embeddings), dim=1)


class TextTower(nn.Module):
    """A transformer and its heads.

    Parameters
    ----------
    network : Bert
    categories : sequence of int
        How many there are at each depth.
    """

    def __init__(self, network: Bert, *, categories: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.heads = Heads(network.width, categories)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return embeddings of unit length, [n, width]."""
        with half(ids, on=self.training):
            return self.network.embed(ids, mask).float()


class PhotoTower(nn.Module):
    """A convolutional network and its heads.

    Parameters
    ----------
    network : ConvNet
    size : int
        Height and width of the photos that it reads.
    frozen : int
        Blocks from the pixels up that stay as published.
    categories : sequence of int
        How many there are at each depth.
    """

    def __init__(self, network: ConvNet, *, size: int, frozen: int, categories: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.size = size
        self.frozen = frozen
        self.heads = Heads(2 * network.width, categories)
        for layer in network.layers()[: frozen + 1] if frozen else ():
            layer.requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return embeddings of photos [n, 3, size, size] from 0 to 255, [n, 2 * width]; see `pool`."""
        x = self.network.normalise(pixels).contiguous(memory_format=torch.channels_last)
        if self.frozen:
            with torch.no_grad(), half(x, on=self.training):
                x = self.network(x, stop=self.frozen).float()
        with half(x, on=self.training and x.is_cuda):  # on a CPU the way back is slower in 16 bits
            return pool(self.network(x, start=self.frozen)).float()


@dataclass(frozen=True, eq=False)
class TokenisedTexts:
    """The texts of products, each field by itself, as tokens.

    Attributes
    ----------
    fields : tuple of list of (ndarray of int64 or None)
        For each field the tokens of each product, special ones included; None where it has no text.
    padding : int
        The number of the token that fills a batch up.
    """

    fields: tuple[Sequence[NDArray[np.int64] | None], ...]
    padding: int

    def draw(self, rows: Ids, rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """Return one text of each product: of a field that chance says, the same for all; of another that has none.

        A batch of titles costs a tenth of one of descriptions; mixed, every title would be padded to a description.
        """
        order = rng.permutation(len(self.fields)).tolist()
        return [next(text for field in order if (text := self.fields[field][row]) is not None) for row in rows.tolist()]

    def first(self, rows: Ids) -> list[NDArray[np.int64]]:
        """Return of each product the text of the first field that has one."""
        return [next(field[row] for field in self.fields if field[row] is not None) for row in rows.tolist()]

    def each(self, rows: Ids) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yield every text of products, with the place of the product among `rows`."""
        for place, row in enumerate(rows.tolist()):
            for field in self.fields:
                if (text := field[row]) is not None:
                    yield place, text


def pad(texts: Sequence[NDArray[np.int64]], *, padding: int, device: str) -> tuple[Tensor, Tensor]:
    """Return ids and mask of some texts, both [n, longest]."""
    longest = max(map(len, texts))
    ids = np.full((len(texts), longest), padding, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)

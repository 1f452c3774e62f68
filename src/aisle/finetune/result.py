"""What fine-tuning gives."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.encode import EncoderSpec
from aisle.encode.seen import Keys
from aisle.files import sha256_bytes
from aisle.finetune.examples import Labels, Split
from aisle.finetune.export import LinearHead
from aisle.finetune.history import Epoch
from aisle.finetune.networks import Bert, ConvNet
from aisle.product import Product


@dataclass(frozen=True, eq=False)
class Tuned:
    """One encoder after training.

    Attributes
    ----------
    spec : EncoderSpec
        The row of the table that it started from.
    network : Bert or ConvNet
        With the weights of its best epoch.
    head : LinearHead
        The classifier of top categories that it was trained with.
    epochs : tuple of Epoch
        The log.
    best : int
        The number of the epoch that was kept.
    batch : int
        Products at once, at the end.
    share : float
        How far the weights are from those of the start, 0, to those of the best epoch, 1.
    products : int
        How many were learned from; none where the weights are those of the start.
    seen : ndarray of uint64
        What is kept of them.
    """

    spec: EncoderSpec
    network: Bert | ConvNet
    head: LinearHead
    epochs: tuple[Epoch, ...]
    best: int
    batch: int
    share: float
    products: int
    seen: Keys

    def fingerprint(self) -> str:
        """Return the SHA-256 of the weights, as 64 hex digits."""
        state = self.network.state_dict().values()
        return sha256_bytes(b"".join(value.detach().cpu().numpy().tobytes() for value in state))


@dataclass(frozen=True, eq=False)
class Finetuned:
    """What fine-tuning gives; `aisle.finetune.folder` writes it.

    Attributes
    ----------
    text, photo : Tuned or None
    products : tuple of Product
        Those that have a category.
    labels : Labels
        Their categories.
    groups : ndarray of int64
        Their near-duplicate groups.
    split : Split
        Which of them were learned from, and which held out.
    """

    text: Tuned | None
    photo: Tuned | None
    products: tuple[Product, ...]
    labels: Labels
    groups: NDArray[np.int64]
    split: Split

    @property
    def seen(self) -> dict[str, Keys]:
        """What is kept of the products that each encoder learned from, those of `pretune` among them."""
        both = {"text": self.text, "photo": self.photo}
        return {name: each.seen for name, each in both.items() if each is not None}

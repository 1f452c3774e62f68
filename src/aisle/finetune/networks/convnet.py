"""What the photo networks share."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from aisle.errors import WeightsError
from aisle.weights.graphs import PixelNorm

Shapes = Mapping[str, tuple[int, ...]]
"""Of tensors, by name."""


class ConvNet(nn.Module):
    """A photo network without its classifier.

    In training, too, its batch normalisations use the statistics that they were published with: a small catalogue
    cannot estimate others. Their scales and shifts are trained.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        The published weights; their shapes say how wide and how deep the network is.

    Attributes
    ----------
    title : str
        What messages call it.
    pixel_norm : PixelNorm
        How it wants its pixels.
    width : int
        Channels of its feature maps.

    Raises
    ------
    WeightsError
        A tensor is missing or has another shape.
    """

    title: ClassVar[str]
    pixel_norm: ClassVar[PixelNorm]
    width: int

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        with _foreign(self.title):
            self.build({name: array.shape for name, array in tensors.items()})
            self._fill(tensors)

    @abstractmethod
    def build(self, shapes: Shapes) -> None:
        """Make modules of these shapes, and set the width."""

    @abstractmethod
    def layers(self) -> list[nn.Module]:
        """Return its parts from the pixels up."""

    @abstractmethod
    def stem(self, x: Tensor) -> Tensor:
        """Compute what the first block reads, of normalised pixels [n, 3, h, w]."""

    @abstractmethod
    def blocks(self) -> list[nn.Module]:
        """Return what lies between stem and head."""

    def head(self, x: Tensor) -> Tensor:
        """Compute the feature maps of what the last block gives."""
        return x

    def forward(self, x: Tensor, *, start: int = 0, stop: int | None = None) -> Tensor:
        """Compute feature maps of normalised pixels [n, 3, h, w], or of the maps that block `start` reads.

        Parameters
        ----------
        x : Tensor
        start, stop : int
            Blocks to go through; without `stop` the head is put behind them.
        """
        if start == 0:
            x = self.stem(x)
        for block in self.blocks()[start:stop]:
            x = block(x)
        return x if stop is not None else self.head(x)

    def train(self, mode: bool = True) -> Self:
        """Switch training on or off, the batch normalisations excepted."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def normalise(self, pixels: Tensor) -> Tensor:
        """Bring pixels, [n, 3, h, w] from 0 to 255, to the scale that the network reads."""
        mean, std = (pixels.new_tensor(values)[:, None, None] for values in (self.pixel_norm.mean, self.pixel_norm.std))
        return (pixels - mean) / std

    def embed(self, x: Tensor) -> Tensor:
        """Encode normalised pixels [n, 3, h, w] as the exported graph does, see `pool`: [n, 2 * width]."""
        return pool(self(x))

    def _fill(self, tensors: Mapping[str, np.ndarray]) -> None:
        counts = ".num_batches_tracked"  # which some files leave out, and nothing here reads
        wanted = [name for name in self.state_dict() if not name.endswith(counts)]
        state = {name: torch.from_numpy(np.array(tensors[name], dtype=np.float32)) for name in wanted}
        self.load_state_dict(state, strict=False)


def pool(features: Tensor) -> Tensor:
    """Pool feature maps [n, c, h, w] by average and by maximum, each at unit length, side by side: [n, 2 c]."""
    return torch.cat([functional.normalize(each, dim=1) for each in (features.mean((2, 3)), features.amax((2, 3)))], 1)


def norm(channels: int, *, eps: float) -> nn.BatchNorm2d:
    """Make a batch normalisation that keeps its running statistics."""
    return nn.BatchNorm2d(channels, eps=eps).eval()


@contextmanager
def _foreign(source: str) -> Iterator[None]:
    """Turn what goes wrong with tensors of another model into a message that says so."""
    try:
        yield
    except (KeyError, IndexError, RuntimeError) as err:
        reason = f"there is no tensor {err}" if isinstance(err, KeyError) else err
        raise WeightsError(f"{source} weights: {reason}; the file belongs to another model") from err

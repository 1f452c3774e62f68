"""What the photo networks share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from aisle.errors import WeightsError
from aisle.weights.graphs import PixelNorm


class ConvNet(nn.Module):
    """A photo network without its classifier.

    In training, too, its batch normalisations use the statistics that they were published with: a small catalogue
    cannot estimate others. Their scales and shifts are trained.

    Attributes
    ----------
    pixel_norm : PixelNorm
        How it wants its pixels.
    width : int
        Channels of its feature maps.
    """

    pixel_norm: ClassVar[PixelNorm]
    width: int

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

    def fill(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Take over published weights by name.

        Raises
        ------
        KeyError, RuntimeError
            A tensor is missing, or has another shape.
        """
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
def foreign(source: str) -> Iterator[None]:
    """Turn what goes wrong with tensors of another model into a message that says so.

    Raises
    ------
    WeightsError
    """
    try:
        yield
    except (KeyError, IndexError, RuntimeError) as err:
        reason = f"there is no tensor {err}" if isinstance(err, KeyError) else err
        raise WeightsError(f"{source} weights: {reason}; the file belongs to another model") from err

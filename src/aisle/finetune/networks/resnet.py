"""ResNets of bottlenecks (He et al. 2016, with the stride in the 3 × 3 convolution) for training."""

import re

from torch import Tensor, nn
from torch.nn import functional

from aisle.finetune.networks.convnet import ConvNet, Shapes, norm
from aisle.weights.graphs import IMAGENET_NORM
from aisle.weights.graphs.resnet import EPSILON

_STAGES = (1, 2, 3, 4)


def _convolution(shape: tuple[int, ...], *, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(shape[1], shape[0], shape[2], stride=stride, padding=shape[2] // 2, bias=False)


class _Bottleneck(nn.Module):
    def __init__(self, shapes: Shapes, prefix: str, *, stride: int) -> None:
        super().__init__()
        for number in (1, 2, 3):
            shape = shapes[f"{prefix}conv{number}.weight"]
            self.add_module(f"conv{number}", _convolution(shape, stride=stride if number == 2 else 1))
            self.add_module(f"bn{number}", norm(shape[0], eps=EPSILON))
        self.downsample: nn.Module = nn.Identity()
        if f"{prefix}downsample.0.weight" in shapes:
            shape = shapes[f"{prefix}downsample.0.weight"]
            self.downsample = nn.Sequential(_convolution(shape, stride=stride), norm(shape[0], eps=EPSILON))

    def forward(self, x: Tensor) -> Tensor:
        """Transform feature maps, [n, c, h, w]."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        return functional.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet(ConvNet):
    """A ResNet of bottlenecks, of any depth, without its classifier, under torchvision's and timm's names."""

    title = "ResNet"
    pixel_norm = IMAGENET_NORM

    def build(self, shapes: Shapes) -> None:
        """Make modules of these shapes, and set the width."""
        self.conv1 = _convolution(shapes["conv1.weight"], stride=2)
        self.bn1 = norm(shapes["conv1.weight"][0], eps=EPSILON)
        for stage in _STAGES:
            self.add_module(f"layer{stage}", _stage(shapes, stage))
        self.width = self.blocks()[-1].conv3.out_channels

    def layers(self) -> list[nn.Module]:
        """Return its parts from the pixels up."""
        return [nn.ModuleList([self.conv1, self.bn1]), *self.blocks()]

    def stem(self, x: Tensor) -> Tensor:
        """Compute what the first block reads, of normalised pixels [n, 3, h, w]."""
        return functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, stride=2, padding=1)

    def blocks(self) -> list[nn.Module]:
        """Return what lies between stem and head."""
        return [block for stage in _STAGES for block in self.get_submodule(f"layer{stage}")]


def _stage(shapes: Shapes, stage: int) -> nn.Sequential:
    numbers = {int(match[1]) for name in shapes if (match := re.match(rf"layer{stage}\.(\d+)\.", name))}
    return nn.Sequential(
        *(
            _Bottleneck(shapes, f"layer{stage}.{number}.", stride=2 if stage > 1 and number == 0 else 1)
            for number in range(len(numbers))
        )
    )

"""EfficientNet-Lite (Tan and Le 2019; the Lite variants, Google 2020) for training, under its published names."""

from torch import Tensor, nn
from torch.nn import functional

from aisle.finetune.networks.convnet import ConvNet, Shapes, norm
from aisle.weights.graphs import CENTRED_NORM
from aisle.weights.graphs.efficientnet import EPSILON, block_strides


class _Convolution(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding: what is odd goes to the bottom and the right."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve feature maps, [n, c, h, w]."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        down, across = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[2:])
        if down == across and down % 2 == 0:
            return functional.conv2d(x, self.weight, None, stride, down // 2, 1, self.groups)
        x = functional.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2))
        return functional.conv2d(x, self.weight, None, stride, 0, 1, self.groups)


def _convolution(shape: tuple[int, ...], *, stride: int = 1, by_channel: bool = False) -> _Convolution:
    groups = shape[0] if by_channel else 1
    return _Convolution(shape[1] * groups, shape[0], shape[2], stride=stride, groups=groups, bias=False)


class _Block(nn.Module):
    """An inverted residual (Sandler et al. 2018)."""

    def __init__(self, shapes: Shapes, *, stride: int) -> None:
        super().__init__()
        self._expands = "_expand_conv.weight" in shapes
        if self._expands:
            self._expand_conv = _convolution(shapes["_expand_conv.weight"])
            self._bn0 = norm(shapes["_expand_conv.weight"][0], eps=EPSILON)
        wide, narrow = shapes["_depthwise_conv.weight"], shapes["_project_conv.weight"]
        self._depthwise_conv = _convolution(wide, stride=stride, by_channel=True)
        self._bn1 = norm(wide[0], eps=EPSILON)
        self._project_conv = _convolution(narrow)
        self._bn2 = norm(narrow[0], eps=EPSILON)
        entry = shapes["_expand_conv.weight"][1] if self._expands else wide[0]
        self._skips = stride == 1 and entry == narrow[0]

    def forward(self, x: Tensor) -> Tensor:
        """Transform feature maps, [n, c, h, w]."""
        entry = x
        if self._expands:
            x = functional.relu6(self._bn0(self._expand_conv(x)))
        x = functional.relu6(self._bn1(self._depthwise_conv(x)))
        x = self._bn2(self._project_conv(x))
        return entry + x if self._skips else x


class EfficientNetLite(ConvNet):
    """EfficientNet-Lite of any size without its classifier."""

    title = "EfficientNet-Lite"
    pixel_norm = CENTRED_NORM

    def build(self, shapes: Shapes) -> None:
        """Make modules of these shapes, and set the width."""
        strides = block_strides([shapes[f"_blocks.{number}._project_conv.weight"][0] for number in _numbers(shapes)])
        self._conv_stem = _convolution(shapes["_conv_stem.weight"], stride=2)
        self._bn0 = norm(shapes["_conv_stem.weight"][0], eps=EPSILON)
        self._blocks = nn.ModuleList(
            _Block(_under(shapes, f"_blocks.{number}."), stride=stride) for number, stride in enumerate(strides)
        )
        self._conv_head = _convolution(shapes["_conv_head.weight"])
        self._bn1 = norm(shapes["_conv_head.weight"][0], eps=EPSILON)
        self.width = shapes["_conv_head.weight"][0]

    def layers(self) -> list[nn.Module]:
        """Return its parts from the pixels up."""
        return [nn.ModuleList([self._conv_stem, self._bn0]), *self._blocks, nn.ModuleList([self._conv_head, self._bn1])]

    def stem(self, x: Tensor) -> Tensor:
        """Compute what the first block reads, of normalised pixels [n, 3, h, w]."""
        return functional.relu6(self._bn0(self._conv_stem(x)))

    def blocks(self) -> list[nn.Module]:
        """Return what lies between stem and head."""
        return list(self._blocks)

    def head(self, x: Tensor) -> Tensor:
        """Compute the feature maps of what the last block gives."""
        return functional.relu6(self._bn1(self._conv_head(x)))


def _under(shapes: Shapes, prefix: str) -> Shapes:
    return {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}


def _numbers(shapes: Shapes) -> range:
    number = 0
    while f"_blocks.{number}._project_conv.weight" in shapes:
        number += 1
    return range(number)

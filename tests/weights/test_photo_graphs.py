"""Photo graphs against the papers' layers in numpy, with tiny random weights; torch is not needed here."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from aisle.errors import WeightsError
from aisle.weights.graphs import (
    CENTRED_NORM,
    IMAGENET_NORM,
    PixelNorm,
    build_efficientnet_lite,
    build_resnet50,
    build_vgg16,
)

TOLERANCE = 1e-4


def photos(size, count=2):
    return np.random.default_rng(2).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def planes(pixels, norm):
    return ((pixels.astype(float) - norm.mean) / norm.std).transpose(0, 3, 1, 2)


def convolve(x, kernel, *, stride=1, pads=(0, 0), by_channel=False):
    padded = np.pad(x, ((0, 0), (0, 0), pads, pads))
    windows = sliding_window_view(padded, kernel.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    if by_channel:
        return np.einsum("nchwij,cij->nchw", windows, kernel[:, 0])
    return np.einsum("nchwij,ocij->nohw", windows, kernel)


def pool_max(x, size, *, stride, pad=0):
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=-np.inf)
    return sliding_window_view(padded, (size, size), axis=(2, 3))[:, :, ::stride, ::stride].max((4, 5))


def batch_norm(x, tensors, name, eps):
    weight, bias, mean, variance = (
        tensors[f"{name}.{part}"].astype(float)[:, None, None]
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + eps) * weight + bias


def check_features(found, features):
    assert features.std() > 0.01
    assert np.abs(found["features_avg"] - features.mean((2, 3))).max() <= TOLERANCE
    assert np.abs(found["features_max"] - features.max((2, 3))).max() <= TOLERANCE


LITE0, LITE2 = (1, 2, 2, 3, 3, 4, 1), (1, 3, 3, 4, 4, 5, 1)
"""Blocks of each stage: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite."""


@pytest.mark.parametrize(("depths", "size", "left"), [(LITE0, 64, 2), (LITE2, 64, 2), (LITE2, 65, 3)])
def test_efficientnet_lite(run, made, depths, size, left):
    """TensorFlow's "same" padding: the output has ceil(size / stride) rows, and the odd pad comes last."""
    blocks = []
    channels = 4
    made.add("_conv_stem.weight", channels, 3, 3, 3)
    made.batch_norm("_bn0", channels)
    stages = ((3, 1, 1, 4), (3, 2, 2, 6), (5, 2, 2, 8), (3, 2, 2, 10), (5, 1, 2, 12), (5, 2, 2, 14), (3, 1, 2, 16))
    for repeats, (kernel, stride, grow, out) in zip(depths, stages, strict=True):
        for repeat in range(repeats):
            prefix = f"_blocks.{len(blocks)}."
            wide = channels * grow
            if grow > 1:
                made.add(f"{prefix}_expand_conv.weight", wide, channels, 1, 1)
                made.batch_norm(f"{prefix}_bn0", wide)
            made.add(f"{prefix}_depthwise_conv.weight", wide, 1, kernel, kernel)
            made.batch_norm(f"{prefix}_bn1", wide)
            made.add(f"{prefix}_project_conv.weight", out, wide, 1, 1)
            made.batch_norm(f"{prefix}_bn2", out)
            blocks.append((prefix, 1 if repeat else stride))
            channels = out
    made.add("_conv_head.weight", 20, channels, 1, 1)
    made.batch_norm("_bn1", 20)
    tensors = made.tensors

    def layer(x, conv, norm, *, stride=1, by_channel=False):
        kernel = tensors[f"{conv}.weight"]
        size = x.shape[2]
        pad = max((-(-size // stride) - 1) * stride + kernel.shape[2] - size, 0)
        x = convolve(x, kernel, stride=stride, pads=(pad // 2, pad - pad // 2), by_channel=by_channel)
        return batch_norm(x, tensors, norm, 1e-3)

    def relu6(x):
        return x.clip(0, 6)

    pixels = photos(size)
    x = relu6(layer(planes(pixels, CENTRED_NORM), "_conv_stem", "_bn0", stride=2))
    for prefix, stride in blocks:
        y = x
        if f"{prefix}_expand_conv.weight" in tensors:
            y = relu6(layer(y, f"{prefix}_expand_conv", f"{prefix}_bn0"))
        y = relu6(layer(y, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=stride, by_channel=True))
        y = layer(y, f"{prefix}_project_conv", f"{prefix}_bn2")
        x = x + y if stride == 1 and x.shape == y.shape else y
    features = relu6(layer(x, "_conv_head", "_bn1"))
    assert features.shape == (2, 20, left, left)
    found = run(build_efficientnet_lite(tensors, size=size, feature_map=True), {"pixels": pixels})
    check_features(found, features)
    assert np.abs(found["feature_map"] - features).max() <= TOLERANCE


def test_more_stages_than_an_efficientnet_lite_has_are_refused(made):
    made.add("_conv_stem.weight", 4, 3, 3, 3)
    made.batch_norm("_bn0", 4)
    for number in range(8):
        made.add(f"_blocks.{number}._project_conv.weight", 5 + number, 4 + number, 1, 1)
    with pytest.raises(WeightsError, match="more than seven stages; the file belongs to another model"):
        build_efficientnet_lite(made.tensors)


def test_resnet(run, made):
    made.add("conv1.weight", 8, 3, 7, 7)
    made.batch_norm("bn1", 8)
    channels = 8
    for stage, (middle, count) in enumerate(((2, 2), (3, 1), (4, 2), (5, 1)), start=1):
        for number in range(count):
            prefix = f"layer{stage}.{number}."
            for name, out, into, size in (
                ("1", middle, channels, 1),
                ("2", middle, middle, 3),
                ("3", 4 * middle, middle, 1),
            ):
                made.add(f"{prefix}conv{name}.weight", out, into, size, size)
                made.batch_norm(f"{prefix}bn{name}", out)
            if number == 0:
                made.add(f"{prefix}downsample.0.weight", 4 * middle, channels, 1, 1)
                made.batch_norm(f"{prefix}downsample.1", 4 * middle)
            channels = 4 * middle
    tensors = made.tensors

    def layer(x, conv, norm, *, stride=1):
        kernel = tensors[f"{conv}.weight"]
        half = kernel.shape[2] // 2
        return batch_norm(convolve(x, kernel, stride=stride, pads=(half, half)), tensors, norm, 1e-5)

    def relu(x):
        return x.clip(0)

    pixels = photos(64)
    x = pool_max(relu(layer(planes(pixels, IMAGENET_NORM), "conv1", "bn1", stride=2)), 3, stride=2, pad=1)
    for stage in range(1, 5):
        for number in range(2):
            prefix = f"layer{stage}.{number}."
            if f"{prefix}conv1.weight" not in tensors:
                continue
            stride = 2 if stage > 1 and number == 0 else 1
            y = relu(layer(x, f"{prefix}conv1", f"{prefix}bn1"))
            y = relu(layer(y, f"{prefix}conv2", f"{prefix}bn2", stride=stride))
            y = layer(y, f"{prefix}conv3", f"{prefix}bn3")
            if number == 0:
                x = layer(x, f"{prefix}downsample.0", f"{prefix}downsample.1", stride=stride)
            x = relu(x + y)
    found = run(build_resnet50(tensors, size=64), {"pixels": pixels})
    assert found["features_avg"].shape == (2, 20)
    check_features(found, x)


@pytest.mark.parametrize("names", ["torchvision", "timm"])
def test_vgg(run, made, names):
    """Torchvision's list: a convolution and a ReLU take two numbers, a pooling takes one more."""
    numbers, channels = {0: 4, 2: 4, 5: 6, 7: 6, 10: 8, 12: 8}, 3
    for number, out in numbers.items():
        made.add(f"features.{number}.weight", out, channels, 3, 3)
        made.add(f"features.{number}.bias", out)
        channels = out
    made.dense("classifier.0", 9, 8 * 4 * 4)
    made.dense("classifier.3", 7, 9)
    tensors = made.tensors
    pixels = photos(32)
    x = planes(pixels, IMAGENET_NORM)
    for number in numbers:
        x = convolve(x, tensors[f"features.{number}.weight"], pads=(1, 1))
        x = (x + tensors[f"features.{number}.bias"][:, None, None]).clip(0)
        if number in (2, 7, 12):
            x = pool_max(x, 2, stride=2)
    y = x.reshape(2, -1)
    for name in ("classifier.0", "classifier.3"):
        y = (y @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]).clip(0)
    if names == "timm":
        for old, new, shape in (("0", "fc1", (9, 8, 4, 4)), ("3", "fc2", (7, 9, 1, 1))):
            tensors[f"pre_logits.{new}.weight"] = tensors.pop(f"classifier.{old}.weight").reshape(shape)
            tensors[f"pre_logits.{new}.bias"] = tensors.pop(f"classifier.{old}.bias")
    found = run(build_vgg16(tensors, size=32), {"pixels": pixels})
    assert np.abs(found["fc2"] - y).max() <= TOLERANCE * np.abs(y).max()
    check_features(found, x)
    with pytest.raises(WeightsError, match="takes 128 numbers, the photo gives 512"):
        build_vgg16(tensors, size=64)


def test_the_normalisation_is_part_of_the_graph(run, made):
    """A grey photo at the mean is all zeros: the first convolution then says nothing."""
    made.add("features.0.weight", 4, 3, 3, 3)
    made.tensors["features.0.bias"] = np.zeros(4, np.float32)
    made.dense("classifier.0", 3, 4 * 16)
    made.dense("classifier.3", 2, 3)
    norm = PixelNorm(mean=(10.0, 20.0, 30.0), std=(2.0, 3.0, 4.0))
    pixels = np.full((1, 8, 8, 3), (10, 20, 30), np.uint8)
    model = build_vgg16(made.tensors, size=8, norm=norm)
    assert (run(model, {"pixels": pixels})["features_max"] == 0).all()
    assert (run(model, {"pixels": pixels + 1})["features_max"] != 0).any()

"""The graphs of encoder folders against those that read bytes: the same network, scaled before and pooled to one."""

import numpy as np
import pytest

from aisle.weights.graphs import CENTRED_NORM, IMAGENET_NORM, build_efficientnet_lite, build_resnet50


def convolution(made, name, norm, *shape):
    made.add(f"{name}.weight", *shape, scale=1 / np.sqrt(np.prod(shape[1:])))
    made.batch_norm(norm, shape[0])


def lite(made):
    convolution(made, "_conv_stem", "_bn0", 6, 3, 3, 3)
    convolution(made, "_blocks.0._depthwise_conv", "_blocks.0._bn1", 6, 1, 3, 3)
    convolution(made, "_blocks.0._project_conv", "_blocks.0._bn2", 4, 6, 1, 1)
    convolution(made, "_conv_head", "_bn1", 8, 4, 1, 1)


def resnet(made):
    convolution(made, "conv1", "bn1", 4, 3, 7, 7)
    for number, shape in (("1", (2, 4, 1, 1)), ("2", (2, 2, 3, 3)), ("3", (4, 2, 1, 1))):
        convolution(made, f"layer1.0.conv{number}", f"layer1.0.bn{number}", *shape)


@pytest.mark.parametrize(
    ("fill", "build", "norm"), [(lite, build_efficientnet_lite, CENTRED_NORM), (resnet, build_resnet50, IMAGENET_NORM)]
)
def test_one_embedding_of_normalised_pixels(run, made, fill, build, norm):
    fill(made)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    values = ((pixels - np.array(norm.mean)) / np.array(norm.std)).transpose(0, 3, 1, 2).astype(np.float32)
    found = run(build(made.tensors, size=32, for_folder=True), {"pixel_values": values})
    pooled = run(build(made.tensors, size=32), {"pixels": pixels})
    halves = [pooled[name] / np.linalg.norm(pooled[name], axis=1, keepdims=True) for name in sorted(pooled)]
    assert list(found) == ["embedding"]
    assert list(pooled) == ["features_avg", "features_max"]
    np.testing.assert_allclose(found["embedding"], np.concatenate(halves, axis=1), atol=1e-5)

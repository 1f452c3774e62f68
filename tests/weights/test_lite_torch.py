"""EfficientNet-Lite of another depth and width as a graph, against the network in torch that fine-tuning trains."""

import numpy as np
import pytest

from aisle.weights.graphs import CENTRED_NORM, build_efficientnet_lite
from aisle.weights.graphs.efficientnet import block_strides

WIDTHS = (4, 6, 8, 10, 12, 14, 16)
DEPTHS = (1, 3, 3, 4, 4, 5, 1)
KERNELS = (3, 3, 5, 3, 5, 5, 3)


@pytest.fixture
def tensors(made):
    """Random weights of a narrow Lite2."""
    made.add("_conv_stem.weight", 4, 3, 3, 3)
    made.batch_norm("_bn0", 4)
    channels, number = 4, 0
    for stage, (width, depth, kernel) in enumerate(zip(WIDTHS, DEPTHS, KERNELS, strict=True)):
        for _ in range(depth):
            prefix, wide = f"_blocks.{number}.", channels * (2 if stage else 1)
            if stage:
                made.add(f"{prefix}_expand_conv.weight", wide, channels, 1, 1)
                made.batch_norm(f"{prefix}_bn0", wide)
            made.add(f"{prefix}_depthwise_conv.weight", wide, 1, kernel, kernel)
            made.batch_norm(f"{prefix}_bn1", wide)
            made.add(f"{prefix}_project_conv.weight", width, wide, 1, 1)
            made.batch_norm(f"{prefix}_bn2", width)
            channels, number = width, number + 1
    made.add("_conv_head.weight", 24, channels, 1, 1)
    made.batch_norm("_bn1", 24)
    return made.tensors


@pytest.mark.torch
@pytest.mark.parametrize("size", [64, 65, 72])
def test_the_graph_of_a_deeper_lite(run, tensors, size):
    torch = pytest.importorskip("torch")
    from aisle.finetune.networks.efficientnet import EfficientNetLite

    module = EfficientNetLite(tensors).eval()
    pixels = np.random.default_rng(4).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    planes = (torch.tensor(pixels).permute(0, 3, 1, 2).float() - CENTRED_NORM.mean[0]) / CENTRED_NORM.std[0]
    with torch.no_grad():
        expected = module(planes).numpy()
    found = run(build_efficientnet_lite(tensors, size=size, feature_map=True), {"pixels": pixels})
    assert expected.std() > 0.01
    np.testing.assert_allclose(found["feature_map"], expected, atol=1e-4)
    np.testing.assert_allclose(found["features_avg"], expected.mean((2, 3)), atol=1e-4)
    np.testing.assert_allclose(found["features_max"], expected.max((2, 3)), atol=1e-4)


def test_strides_are_those_of_the_stages():
    channels = [width for width, depth in zip(WIDTHS, DEPTHS, strict=True) for _ in range(depth)]
    firsts = np.cumsum([0, *DEPTHS[:-1]])
    expected = np.ones(sum(DEPTHS), dtype=int)
    expected[firsts] = (1, 2, 2, 2, 1, 2, 1)
    assert block_strides(channels) == expected.tolist()

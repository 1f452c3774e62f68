"""The graphs against torch: transformers' own models, and plain torch layers, with random weights."""

import numpy as np
import onnxruntime as ort
import pytest

from aisle.weights.graphs import (
    CENTRED_NORM,
    IMAGENET_NORM,
    build_bert,
    build_distilbert,
    build_efficientnet_lite,
    build_resnet50,
    build_vgg16,
)

pytestmark = pytest.mark.torch

TOLERANCE = 1e-4

SIZES = {
    "small": {"vocab": 99, "width": 48, "layers": 3, "inner": 96, "positions": 64},
    "minilm": {"vocab": 30522, "width": 384, "layers": 6, "inner": 1536, "positions": 512},
    "base": {"vocab": 30522, "width": 768, "layers": 12, "inner": 3072, "positions": 512},
}


def run(model, feed):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feed), strict=True))


def state(module):
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}


def texts(vocab, *, length=23, rows=4, seed=0):
    """Random tokens; each row shorter than the one before, padded."""
    numbers = np.random.default_rng(seed)
    ids = numbers.integers(1, vocab, (rows, length))
    mask = np.ones_like(ids)
    for row in range(rows):
        mask[row, length - 5 * row :] = 0
    return ids * mask, mask


def bert(size):
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=size["vocab"],
        hidden_size=size["width"],
        num_hidden_layers=size["layers"],
        num_attention_heads=12,
        intermediate_size=size["inner"],
        max_position_embeddings=size["positions"],
        initializer_range=0.05,
        attn_implementation="eager",
    )
    return BertModel(config).eval()


def spread(module):
    """Give biases, norms and running statistics values that matter; torch starts them at 0 and 1."""
    import torch

    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
            elif tensor.ndim == 1 and tensor.dtype == torch.float32:
                tensor.add_(0.1 * torch.randn(tensor.shape, generator=generator))
    return module


@pytest.mark.parametrize(
    ("size", "pooling"),
    [
        ("small", "none"),
        ("small", "mean"),
        ("small", "cls"),
        ("small", "pooler"),
        ("minilm", "mean"),
        ("base", "none"),
    ],
)
def test_bert(size, pooling):
    import torch

    torch.manual_seed(0)
    module = spread(bert(SIZES[size]))
    ids, mask = texts(SIZES[size]["vocab"])
    with torch.no_grad():
        output = module(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask))
    states = output.last_hidden_state.numpy()
    weights = mask[:, :, None].astype(np.float32)
    expected = {
        "none": states,
        "mean": (states * weights).sum(1) / weights.sum(1),
        "cls": states[:, 0],
        "pooler": output.pooler_output.numpy(),
    }[pooling]
    found = run(build_bert(state(module), heads=12, pooling=pooling), {"input_ids": ids, "attention_mask": mask})
    (values,) = found.values()
    if pooling == "none":
        values, expected = values[mask == 1], expected[mask == 1]
    assert np.abs(values - expected).max() <= TOLERANCE


@pytest.mark.parametrize("size", ["small", "base"])
def test_distilbert_with_a_dense_layer(size):
    import torch
    from transformers import DistilBertConfig, DistilBertModel

    torch.manual_seed(0)
    shape = SIZES[size]
    config = DistilBertConfig(
        vocab_size=shape["vocab"],
        dim=shape["width"],
        n_layers=6,
        n_heads=12,
        hidden_dim=shape["inner"],
        max_position_embeddings=shape["positions"],
        initializer_range=0.05,
        attn_implementation="eager",
    )
    module = spread(DistilBertModel(config).eval())
    dense = spread(torch.nn.Sequential())
    dense.add_module("linear", torch.nn.Linear(shape["width"], 512))
    ids, mask = texts(shape["vocab"])
    with torch.no_grad():
        states = module(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask)).last_hidden_state
        weights = torch.tensor(mask)[:, :, None].float()
        expected = torch.tanh(dense((states * weights).sum(1) / weights.sum(1))).numpy()
    model = build_distilbert(state(module), heads=12, dense=state(dense))
    found = run(model, {"input_ids": ids, "attention_mask": mask})
    assert found["embedding"].shape == (4, 512)
    assert np.abs(found["embedding"] - expected).max() <= TOLERANCE


def photos(count, *, size=224, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def planes(pixels, norm):
    import torch

    x = torch.tensor(pixels).permute(0, 3, 1, 2).float()
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in (norm.mean, norm.std))
    return (x - mean) / std


def test_efficientnet_lite0():
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    torch.manual_seed(0)
    module = spread(EfficientNet.from_name("efficientnet-lite0").eval())
    pixels = photos(2)
    with torch.no_grad():
        features = module.extract_features(planes(pixels, CENTRED_NORM))
    found = run(build_efficientnet_lite(state(module), feature_map=True), {"pixels": pixels})
    assert found["feature_map"].shape == (2, 1280, 7, 7)
    compare_features(found, features)
    assert np.abs(found["feature_map"] - features.numpy()).max() <= TOLERANCE


def compare_features(found, features):
    assert features.std() > 0.01  # a dead network would agree with anything
    assert np.abs(found["features_avg"] - features.mean((2, 3)).numpy()).max() <= TOLERANCE
    assert np.abs(found["features_max"] - features.amax((2, 3)).numpy()).max() <= TOLERANCE


def resnet50():
    """ResNet-50 in plain torch, with torchvision's names."""
    from torch import nn

    class Bottleneck(nn.Module):
        def __init__(self, channels, middle, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, middle, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(middle)
            self.conv2 = nn.Conv2d(middle, middle, 3, stride, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(middle)
            self.conv3 = nn.Conv2d(middle, 4 * middle, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(4 * middle)
            self.relu = nn.ReLU()
            self.downsample = None
            if channels != 4 * middle:
                projection = nn.Conv2d(channels, 4 * middle, 1, stride, bias=False)
                self.downsample = nn.Sequential(projection, nn.BatchNorm2d(4 * middle))

        def forward(self, x):
            y = self.relu(self.bn1(self.conv1(x)))
            y = self.relu(self.bn2(self.conv2(y)))
            y = self.bn3(self.conv3(y))
            return self.relu(y + (x if self.downsample is None else self.downsample(x)))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            self.pool = nn.MaxPool2d(3, 2, padding=1)
            channels = 64
            for stage, (middle, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=1):
                layer = nn.Sequential()
                for number in range(blocks):
                    layer.append(Bottleneck(channels, middle, 2 if stage > 1 and number == 0 else 1))
                    channels = 4 * middle
                setattr(self, f"layer{stage}", layer)
            self.fc = nn.Linear(2048, 1000)

        def forward(self, x):
            x = self.pool(nn.functional.relu(self.bn1(self.conv1(x))))
            return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    return Network()


def test_resnet50():
    import torch

    torch.manual_seed(0)
    module = spread(resnet50().eval())
    pixels = photos(2)
    with torch.no_grad():
        features = module(planes(pixels, IMAGENET_NORM))
    found = run(build_resnet50(state(module)), {"pixels": pixels})
    assert found["features_avg"].shape == (2, 2048)
    compare_features(found, features)


def vgg16():
    """VGG-16 in plain torch, with torchvision's names."""
    from torch import nn

    layers, channels = nn.Sequential(), 3
    for width in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        if width:
            layers.extend([nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()])
            channels = width
        else:
            layers.append(nn.MaxPool2d(2, 2))
    dense = [
        nn.Linear(512 * 49, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(),
    ]
    return nn.ModuleDict({"features": layers, "classifier": nn.Sequential(*dense, nn.Linear(4096, 1000))})


@pytest.mark.parametrize("names", ["torchvision", "timm"])
def test_vgg16_fc2(names):
    import torch

    torch.manual_seed(0)
    module = vgg16().eval()
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.mul_(1.6)  # keeps the signal alive through sixteen layers
    spread(module)
    pixels = photos(1)
    with torch.no_grad():
        maps = module["features"](planes(pixels, IMAGENET_NORM))
        expected = module["classifier"][:5](maps.flatten(1)).numpy()
    tensors = state(module)
    if names == "timm":
        for old, new, shape in (("0", "fc1", (4096, 512, 7, 7)), ("3", "fc2", (4096, 4096, 1, 1))):
            weight = tensors.pop(f"classifier.{old}.weight")
            tensors[f"pre_logits.{new}.weight"] = weight.reshape(shape)
            tensors[f"pre_logits.{new}.bias"] = tensors.pop(f"classifier.{old}.bias")
    found = run(build_vgg16(tensors), {"pixels": pixels})
    assert expected.std() > 0.01
    assert found["fc2"].shape == (1, 4096)
    assert np.abs(found["fc2"] - expected).max() <= TOLERANCE
    compare_features(found, maps)

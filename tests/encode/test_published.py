"""The two default encoders, opened as a user opens them, against their publishers' own code in torch."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from aisle.catalog.photos import decode_photo
from aisle.encode import ENCODERS, embed_photos, embed_texts, open_spec, photo_keys, transformer
from aisle.settings import Settings
from aisle.weights import fetch

pytestmark = [pytest.mark.torch, pytest.mark.network]

TEXTS = [
    "Analog watch for men",
    "Women's cotton printed kurta, size M",
    "a",
    "USB-C cable 2 m, braided, 60 W",
    "Stainless steel water bottle 1 L " * 60,
    "word " * 126,
    "word " * 127,
    "unbelievablyunsplittable" * 40,
    "Größe 42 Laufschuhe für Damen",
    "चाय का कप सेट, सिरेमिक",
    "男士机械手表",
    "Кружка керамическая 350 мл",
    "كرسي مكتب مريح",
    "🎁 gift box 🎀",
    "e\u0301clair vs éclair",
    "line one\nline two\ttabbed\u00a0and\u200bmore",
    "<b>bold</b> &amp; more",
    "[CLS] [SEP] [PAD] [MASK]",
    "ALL CAPS SALE!!!",
    "x" * 300,
]


def cosine(found, expected):
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    return (found * expected).sum(axis=1) / lengths


@pytest.fixture(scope="module")
def network_settings(tmp_path_factory):
    return Settings(cache_dir=tmp_path_factory.mktemp("cache"), threads=2)


@pytest.fixture(scope="module")
def minilm(network_settings):
    return open_spec(ENCODERS["minilm"], settings=network_settings)


@pytest.fixture(scope="module")
def expected_texts(minilm, network_settings):
    """Return what transformers makes of each text alone: no batch, no padding."""
    import torch
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel, BertTokenizerFast

    spec = minilm.spec
    weights, file = (fetch(spec.files[name], settings=network_settings) for name in ("weights", "tokenizer"))
    tokenizer = BertTokenizerFast(tokenizer_file=str(file))
    config = BertConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536)
    module = BertModel(config).eval()
    assert module.load_state_dict(load_file(weights), strict=False).missing_keys == []
    rows = []
    for text in TEXTS:
        tokens = tokenizer(text, truncation=True, max_length=spec.max_tokens, return_tensors="pt")
        with torch.no_grad():
            states = module(**tokens).last_hidden_state
        rows.append(torch.nn.functional.normalize(states.mean(dim=1))[0].numpy())
    return np.stack(rows)


def test_minilm(minilm, expected_texts, network_settings):
    found = embed_texts(minilm, TEXTS, preparation="raw", settings=network_settings)
    assert found.present.all()
    assert cosine(found.matrix, expected_texts).min() >= 0.9999
    assert np.abs(found.matrix - expected_texts).max() <= 1e-4


@pytest.mark.parametrize("budget", [1, 300, 100_000])
def test_batches_and_padding_change_nothing(minilm, expected_texts, monkeypatch, budget):
    monkeypatch.setattr(transformer, "TOKEN_BUDGET", budget)
    assert np.abs(minilm.encode(TEXTS, threads=2) - expected_texts).max() <= 1e-4


def product(seed, *, size, mode="RGB", form="PNG"):
    """Return the bytes of a photo: shapes and a gradient, softened as photos are."""
    numbers = np.random.default_rng(seed)
    ramp = np.linspace(*numbers.integers(0, 256, (2, 3)), size[1])[:, None].repeat(size[0], 1)
    photo = Image.fromarray(ramp.astype(np.uint8))
    draw = ImageDraw.Draw(photo)
    for _ in range(8):
        left, top = (int(numbers.integers(0, side)) for side in size)
        wide, high = (int(side) for side in numbers.integers(20, 140, 2))
        draw.ellipse((left, top, left + wide, top + high), fill=tuple(map(int, numbers.integers(0, 256, 3))))
    buffer = io.BytesIO()
    photo.filter(ImageFilter.GaussianBlur(1)).convert(mode).save(buffer, form)
    return buffer.getvalue()


PHOTOS = [
    product(0, size=(224, 224)),
    product(1, size=(640, 400)),
    product(2, size=(300, 900)),
    product(3, size=(640, 640), form="JPEG"),
    product(4, size=(1600, 1100), form="JPEG"),
    product(5, size=(90, 60)),
    product(6, size=(500, 400), mode="L"),
    product(7, size=(500, 300), mode="CMYK", form="JPEG"),
]


def plain_pixels(photo):
    """Return the pixels as Pillow alone makes them: whole photo, one bicubic resize, its sides stretched."""
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    return np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC))


@pytest.fixture(scope="module")
def features(network_settings):
    """Return a function from pixels to the publisher's feature maps."""
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    file = ENCODERS["efficientnet-lite0-avg"].files["weights"]
    path = str(fetch(file, settings=network_settings))
    module = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()

    def features(pixels):
        planes = torch.tensor(np.stack(pixels)).permute(0, 3, 1, 2).float()
        with torch.no_grad():
            return module.extract_features((planes - 127) / 128)

    return features


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_efficientnet_lite0(features, network_settings, pooling):
    encoder = open_spec(ENCODERS[f"efficientnet-lite0-{pooling}"], settings=network_settings)
    keys = photo_keys(PHOTOS)
    found = embed_photos(encoder, PHOTOS, keys=keys, photo_filter="none", settings=network_settings)
    assert found.present.all()

    def expected(pixels):
        maps = features(pixels)
        return (maps.mean((2, 3)) if pooling == "avg" else maps.amax((2, 3))).numpy()

    decoded = [decode_photo(photo, shape=encoder.shape) for photo in PHOTOS]
    assert cosine(found.matrix, expected(decoded)).min() >= 0.9999
    plain = cosine(found.matrix, expected([plain_pixels(photo) for photo in PHOTOS]))
    # Photos 2, 4 and 7 are shrunk by the decoder, or four times and more; there Pillow alone differs a little.
    assert plain[[0, 1, 3, 5, 6]].min() >= 0.9999
    assert plain.min() >= 0.99

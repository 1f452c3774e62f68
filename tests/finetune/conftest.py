"""Tiny networks: random tensors under the names that published weights have."""

from types import SimpleNamespace

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from aisle.settings import Settings

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"word{number}" for number in range(40))]
WIDTH = 24
HEADS = 4


class Weights:
    """Random tensors under names."""

    def __init__(self):
        self.tensors = {}
        self._rng = np.random.default_rng(5)

    def add(self, name, *shape, scale=0.3):
        self.tensors[name] = (scale * self._rng.standard_normal(shape)).astype(np.float32)

    def dense(self, name, outputs, inputs):
        self.add(f"{name}.weight", outputs, inputs)
        self.add(f"{name}.bias", outputs)

    def norm(self, name, width=WIDTH, names=("weight", "bias")):
        self.add(f"{name}.{names[0]}", width, scale=0.1)
        self.add(f"{name}.{names[1]}", width, scale=0.1)
        self.tensors[f"{name}.{names[0]}"] += 1

    def convolution(self, name, batch_norm, *shape):
        self.add(f"{name}.weight", *shape, scale=1 / np.sqrt(np.prod(shape[1:])))
        self.norm(batch_norm, shape[0])
        self.add(f"{batch_norm}.running_mean", shape[0])
        self.tensors[f"{batch_norm}.running_var"] = self._rng.uniform(0.5, 1.5, shape[0]).astype(np.float32)

    def embeddings(self):
        self.add("embeddings.word_embeddings.weight", len(WORDS), WIDTH, scale=1)
        self.add("embeddings.position_embeddings.weight", 32, WIDTH)
        self.norm("embeddings.LayerNorm")


def bert():
    made = Weights()
    made.embeddings()
    made.add("embeddings.token_type_embeddings.weight", 2, WIDTH)
    made.dense("pooler.dense", WIDTH, WIDTH)
    for prefix in ("encoder.layer.0.", "encoder.layer.1."):
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            made.dense(prefix + name, WIDTH, WIDTH)
        made.dense(f"{prefix}intermediate.dense", 40, WIDTH)
        made.dense(f"{prefix}output.dense", WIDTH, 40)
        made.norm(f"{prefix}attention.output.LayerNorm")
        made.norm(f"{prefix}output.LayerNorm")
    return made.tensors


def distilbert():
    made = Weights()
    made.embeddings()
    for name in ("q_lin", "k_lin", "v_lin", "out_lin"):
        made.dense(f"transformer.layer.0.attention.{name}", WIDTH, WIDTH)
    made.dense("transformer.layer.0.ffn.lin1", 40, WIDTH)
    made.dense("transformer.layer.0.ffn.lin2", WIDTH, 40)
    made.norm("transformer.layer.0.sa_layer_norm")
    made.norm("transformer.layer.0.output_layer_norm")
    return made.tensors


def dense():
    made = Weights()
    made.dense("linear", 10, WIDTH)
    return made.tensors


def lite():
    """An EfficientNet-Lite of three stages: without and with widening, strides 1 and 2, with a skip."""
    made = Weights()
    made.convolution("_conv_stem", "_bn0", 8, 3, 3, 3)
    channels = 8
    for number, (kernel, grow, out) in enumerate(((3, 1, 6), (3, 2, 8), (5, 2, 8), (5, 3, 10))):
        prefix, wide = f"_blocks.{number}.", channels * grow
        if grow > 1:
            made.convolution(f"{prefix}_expand_conv", f"{prefix}_bn0", wide, channels, 1, 1)
        made.convolution(f"{prefix}_depthwise_conv", f"{prefix}_bn1", wide, 1, kernel, kernel)
        made.convolution(f"{prefix}_project_conv", f"{prefix}_bn2", out, wide, 1, 1)
        channels = out
    made.convolution("_conv_head", "_bn1", 12, channels, 1, 1)
    return made.tensors


def resnet():
    made = Weights()
    made.convolution("conv1", "bn1", 8, 3, 7, 7)
    channels = 8
    for stage, (middle, count) in enumerate(((2, 2), (3, 1), (4, 1), (5, 1)), start=1):
        for number in range(count):
            prefix = f"layer{stage}.{number}."
            made.convolution(f"{prefix}conv1", f"{prefix}bn1", middle, channels, 1, 1)
            made.convolution(f"{prefix}conv2", f"{prefix}bn2", middle, middle, 3, 3)
            made.convolution(f"{prefix}conv3", f"{prefix}bn3", 4 * middle, middle, 1, 1)
            if number == 0:
                made.convolution(f"{prefix}downsample.0", f"{prefix}downsample.1", 4 * middle, channels, 1, 1)
            channels = 4 * middle
    return made.tensors


def tokenizer():
    """Return a tokenizer that knows whole words; as many sentence encoders' it asks for padding."""
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 - no password
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.enable_padding(length=16)
    return made.to_str().encode()


@pytest.fixture
def weights():
    """Everything above by name; test modules cannot import one another."""
    return SimpleNamespace(
        bert=bert, distilbert=distilbert, dense=dense, lite=lite, resnet=resnet, tokenizer=tokenizer, heads=HEADS
    )


@pytest.fixture
def settings(tmp_path):
    return Settings(cache_dir=tmp_path / "cache", offline=True, threads=1)

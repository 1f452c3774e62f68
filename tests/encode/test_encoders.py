"""Rows of the table opened from tiny weights on a hub: fetched once, drawn once, embedded."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from aisle.encode import ENCODERS, embed_photos, embed_texts, open_spec, photo_keys
from aisle.errors import WeightsNotReachableError
from aisle.weights import HubFile

HIDDEN = 24  # two numbers for each of twelve heads


class Tensors(dict):
    """Random tensors under names."""

    def __init__(self):
        super().__init__()
        self.numbers = np.random.default_rng(3)

    def add(self, name, *shape):
        self[name] = (0.3 * self.numbers.standard_normal(shape)).astype(np.float32)

    def dense(self, name, outputs, inputs):
        self.add(f"{name}.weight", outputs, inputs)
        self.add(f"{name}.bias", outputs)

    def norm(self, name):
        self.add(f"{name}.weight", HIDDEN)
        self.add(f"{name}.bias", HIDDEN)


def bert(words):
    made = Tensors()
    for name, rows in (("word", words), ("position", 40), ("token_type", 2)):
        made.add(f"embeddings.{name}_embeddings.weight", rows, HIDDEN)
    made.norm("embeddings.LayerNorm")
    layer = "encoder.layer.0"
    for part in ("self.query", "self.key", "self.value", "output.dense"):
        made.dense(f"{layer}.attention.{part}", HIDDEN, HIDDEN)
    made.dense(f"{layer}.intermediate.dense", 48, HIDDEN)
    made.dense(f"{layer}.output.dense", HIDDEN, 48)
    made.norm(f"{layer}.attention.output.LayerNorm")
    made.norm(f"{layer}.output.LayerNorm")
    made.dense("pooler.dense", HIDDEN, HIDDEN)
    return made


def distilbert(words):
    made = Tensors()
    for name, rows in (("word", words), ("position", 40)):
        made.add(f"embeddings.{name}_embeddings.weight", rows, HIDDEN)
    made.norm("embeddings.LayerNorm")
    layer = "transformer.layer.0"
    for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
        made.dense(f"{layer}.attention.{part}", HIDDEN, HIDDEN)
    made.dense(f"{layer}.ffn.lin1", 48, HIDDEN)
    made.dense(f"{layer}.ffn.lin2", HIDDEN, 48)
    made.norm(f"{layer}.sa_layer_norm")
    made.norm(f"{layer}.output_layer_norm")
    return made


def dense():
    made = Tensors()
    made.dense("linear", 5, HIDDEN)
    return made


def vgg():
    made = Tensors()
    made.add("features.0.weight", 2, 3, 3, 3)
    made.add("features.0.bias", 2)
    made.dense("classifier.0", 4, 2 * 112 * 112)
    made.dense("classifier.3", 6, 4)
    return made


@pytest.fixture
def publish(hub, tiny, tmp_path):
    """Return a function that offers tensors in a repository, and a row of the table those files."""

    def publish(name, **files):
        source = tmp_path / "source"
        tiny.write_text_folder(source)
        for label, tensors in files.items():
            save_file(tensors, source / f"{label}.safetensors")
        hub.publish(source, f"tiny/{name}")
        names = {label: f"{label}.safetensors" for label in files}
        if ENCODERS[name].modality == "text":
            names["tokenizer"] = "tokenizer.json"
        found = {
            label: HubFile(repo=f"tiny/{name}", revision="main", filename=filename, sha256=None)
            for label, filename in names.items()
        }
        return replace(ENCODERS[name], files=found, max_tokens=20)

    return publish


def embed(encoder, settings, texts):
    return embed_texts(encoder, texts, preparation="raw", settings=settings).matrix


@pytest.mark.parametrize(
    ("name", "files", "dimension"),
    [
        ("minilm", {"weights": bert}, HIDDEN),
        ("bert", {"weights": bert}, HIDDEN),
        ("use", {"weights": distilbert, "dense": lambda words: dense()}, 5),
    ],
)
def test_text_encoders(publish, hub, online, settings, tiny, name, files, dimension):
    row = publish(name, **{label: make(len(tiny.WORDS)) for label, make in files.items()})
    encoder = open_spec(row, settings=online)
    found = embed(encoder, online, ["red cup", "green", "red cup " * 30, "red cup " * 40])
    assert found.shape == (4, dimension)
    assert np.array_equal(found[2], found[3])  # both are cut
    assert np.abs(found[0] - found[1]).max() > 1e-3
    lengths = np.linalg.norm(found, axis=1)
    assert np.allclose(lengths, 1, atol=1e-5) == (name == "minilm")
    asked = len(hub.asked)
    again = open_spec(row, settings=online)
    assert again.fingerprint == encoder.fingerprint
    assert len(hub.asked) == asked


def test_the_weights_are_not_needed_once_the_graph_is_drawn(publish, online, settings, tiny):
    row = publish("minilm", weights=bert(len(tiny.WORDS)))
    encoder = open_spec(row, settings=online)
    for file in (online.cache_dir / "weights").rglob("*.safetensors"):
        file.unlink()
    again = open_spec(row, settings=settings)
    texts = ["red lamp", "blue"]
    assert np.array_equal(again.encode(texts), encoder.encode(texts))
    with pytest.raises(WeightsNotReachableError, match="offline"):
        open_spec(replace(row, pooling="cls"), settings=settings)


def test_what_changes_the_fingerprint(publish, online, tiny):
    row = publish("minilm", weights=bert(len(tiny.WORDS)))
    rows = [row, replace(row, max_tokens=10), replace(row, pooling="cls")]
    assert len({open_spec(each, settings=online).fingerprint for each in rows}) == 3
    renamed = replace(row, title="another title", default=False)
    assert open_spec(renamed, settings=online).fingerprint == open_spec(row, settings=online).fingerprint


def test_a_photo_encoder(publish, online, tiny):
    row = publish("vgg16", weights=vgg())
    encoder = open_spec(row, settings=online)
    photos = [tiny.drawing(1), tiny.drawing(2), None]
    found = embed_photos(encoder, photos, keys=photo_keys(photos), photo_filter="none", settings=online)
    assert found.matrix.shape == (3, 6)
    assert found.present.tolist() == [True, True, False]
    assert np.abs(found.matrix[0] - found.matrix[1]).max() > 0
    assert encoder.shape == ENCODERS["vgg16"].shape
    narrow = replace(row, shape=replace(row.shape, fit="pad"))
    assert open_spec(narrow, settings=online).fingerprint != encoder.fingerprint


def test_a_row_without_pixels(settings):
    with pytest.raises(ValueError, match="the row of sift names no pixels"):
        open_spec(replace(ENCODERS["sift"], shape=None), settings=settings)

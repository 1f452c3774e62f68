"""Graphs in 8 bits, and when they are offered."""

import errno
import os
import re
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from aisle.errors import DiskFullError

torch = pytest.importorskip("torch")

from aisle.finetune import export, quantise  # noqa: E402 - it imports torch
from aisle.finetune.networks import Bert, EfficientNetLite  # noqa: E402

pytestmark = pytest.mark.torch

NUMBERS = np.random.default_rng(8)
TEXT_FEED = [
    {"input_ids": NUMBERS.integers(4, 44, (4, length)), "attention_mask": np.ones((4, length), np.int64)}
    for length in (3, 9)
]
PHOTO_FEED = [{"pixel_values": NUMBERS.standard_normal((4, 3, 40, 40)).astype(np.float32)} for _ in range(2)]


@pytest.fixture
def graphs(weights):
    """Both kinds of graphs, with inputs."""
    text = export.draw_text(Bert(weights.bert(), heads=4))
    photo = export.draw_photo(EfficientNetLite(weights.lite()), size=40)
    return {"text": (text, TEXT_FEED), "photo": (photo, PHOTO_FEED)}


def run(graph, feed):
    return ort.InferenceSession(graph).run(["embedding"], feed)[0]


@pytest.mark.parametrize(("kind", "operator"), [("text", "MatMulInteger"), ("photo", "QuantizeLinear")])
def test_a_graph_in_8_bits_says_nearly_the_same(graphs, kind, operator):
    graph, feed = graphs[kind]
    small = quantise.quantise(graph, feed)
    model = onnx.load_model_from_string(small)
    assert operator in {node.op_type for node in model.graph.node}
    assert any(tensor.data_type == onnx.TensorProto.INT8 for tensor in model.graph.initializer)
    for batch in feed:
        before, after = run(graph, batch), run(small, batch)
        cosine = (before * after).sum(1) / np.linalg.norm(before, axis=1) / np.linalg.norm(after, axis=1)
        assert cosine.min() > 0.99
        assert np.abs(before - after).max() > 1e-6  # it is another graph


@pytest.mark.parametrize(
    ("speedup", "scores", "offered", "reason"),
    [
        (1.2, (0.9, 0.8981), True, r"1\.20 times as fast .* at \+0\.19 points of loss$"),
        (2.0, (0.9, 0.95), True, r"at -5\.00 points"),
        (2.0, (0.9, 0.898), True, r"at \+0\.20 points"),  # one of 500 products
        (2.0, (0.9, 0.8975), False, r"\+0\.25 points of loss; 0\.2 is the most"),
        (1.19, (0.9, 0.9), False, r"1\.19 times as fast .* 1\.2 is the least"),
        (float("nan"), (0.9, 0.9), False, "nan times"),
        (2.0, (0.9, float("nan")), False, "nan points"),
    ],
)
def test_when_it_is_offered(graphs, monkeypatch, speedup, scores, offered, reason):
    graph, feed = graphs["photo"]
    monkeypatch.setattr(quantise, "measure_speedup", lambda *_: speedup)
    offer = quantise.offer_int8(graph, feed=feed, score=lambda each: scores[each != graph])
    assert (offer.graph is not None) == offered
    np.testing.assert_equal(offer.speedup, speedup)
    assert offer.loss is None or offer.loss == pytest.approx(100 * (scores[0] - scores[1]), nan_ok=True)
    assert re.search(reason, offer.reason)
    assert offer.graph is None or len(offer.graph) != len(graph)


def test_a_slow_graph_is_not_scored(graphs, monkeypatch):
    graph, feed = graphs["photo"]
    monkeypatch.setattr(quantise, "measure_speedup", lambda *_: 1.0)

    def score(_):
        raise AssertionError("scored in vain")

    assert quantise.offer_int8(graph, feed=feed, score=score).loss is None


def test_the_time_is_a_median_of_pairs(graphs, monkeypatch):
    graph, feed = graphs["photo"]
    seconds = iter([4.0, 2.0, 4.0, 1.0, 6.0, 2.0, 100.0, 1.0, 1.0, 1.0])  # 2, 4, 3, 100, 1 times as fast
    monkeypatch.setattr(quantise, "_RUNS", 5)
    monkeypatch.setattr(quantise, "_seconds", lambda *_: next(seconds))
    assert quantise.measure_speedup(graph, graph, feed) == 3.0


def test_without_probes(graphs):
    with pytest.raises(ValueError, match="there are none"):
        quantise.offer_int8(graphs["text"][0], feed=[], score=lambda _: 1.0)


@pytest.mark.parametrize(
    ("module", "name"), [(quantise, "quant_pre_process"), (quantise, "quantize_dynamic"), (os, "posix_fallocate")]
)
def test_a_full_disk(graphs, monkeypatch, tmp_path, module, name):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(module, name, full)
    with pytest.raises(DiskFullError, match=f"the disk is full: {tmp_path}.* Free some space"):
        quantise.quantise(*graphs["text"])
    assert not list(tmp_path.iterdir())

"""Text transformers: pooling, padding, packing."""

import numpy as np
import pytest
from onnx import TensorProto

from aisle.encode import transformer
from aisle.encode.transformer import TextTransformer, TokenRules

TEXTS = ["red", "green watch cup lamp", "", "blue blue", "unheard of", "red " * 100, "cup", "lamp watch red"]


@pytest.fixture
def open_network(tiny, tmp_path):
    def open_network(*, max_tokens=20, output="last_hidden_state", pooling="mean", normalise=False, **graph):
        folder = tiny.write_text_folder(tmp_path / "text")
        rules = TokenRules(file=folder / "tokenizer.json", max_tokens=max_tokens)
        data = tiny.text_graph(output=output, **graph).SerializeToString()
        return TextTransformer(data, tokens=rules, output=output, pooling=pooling, normalise=normalise)

    return open_network


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize(
    ("pooling", "pool"),
    [("mean", lambda rows: rows.mean(0)), ("max", lambda rows: rows.max(0)), ("cls", lambda rows: rows[0])],
)
def test_pooling_leaves_the_padding_out(open_network, tiny, pooling, pool, mask):
    found = open_network(pooling=pooling, mask=mask).encode(TEXTS, threads=2)
    for row, text in zip(found, TEXTS, strict=True):
        numbers = tiny.tokens(text)
        numbers = numbers if len(numbers) <= 20 else [*numbers[:19], 3]
        np.testing.assert_allclose(row, pool(tiny.TABLE[numbers]), atol=1e-6)


def test_rows_of_unit_length(open_network):
    found = open_network(normalise=True).encode(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("budget", [1, 7, 50, 100_000])
@pytest.mark.parametrize("mask", [True, False])
def test_the_size_of_batches_changes_nothing(open_network, monkeypatch, budget, mask):
    network = open_network(mask=mask)
    expected = np.concatenate([network.encode([text]) for text in TEXTS])
    monkeypatch.setattr(transformer, "TOKEN_BUDGET", budget)
    np.testing.assert_allclose(network.encode(TEXTS, threads=3), expected, atol=1e-6)


def test_a_graph_that_wants_small_integers(open_network):
    small = open_network(kind=TensorProto.INT32).encode(TEXTS)
    assert np.array_equal(small, open_network().encode(TEXTS))


def test_texts_are_cut(open_network):
    short, long = open_network(max_tokens=4), open_network(max_tokens=20)
    assert np.array_equal(short.encode(["red cup blue blue"]), long.encode(["red cup"]))


def test_no_texts(open_network):
    assert open_network().encode([]).shape == (0, 0)


@pytest.mark.parametrize("equal", [False, True])
def test_packing(monkeypatch, equal):
    monkeypatch.setattr(transformer, "TOKEN_BUDGET", 12)
    lengths = [3, 5, 3, 0, 12, 40, 3, 5, 0, 3]
    batches = list(transformer._pack(lengths, equal=equal))
    assert sorted(row for batch in batches for row in batch) == list(range(10))
    for batch in batches:
        sizes = [lengths[row] for row in batch]
        assert len(batch) == 1 or max(sizes) * len(batch) <= 12
        assert not equal or len({*sizes}) == 1
    assert len(batches) == (6 if equal else 5)

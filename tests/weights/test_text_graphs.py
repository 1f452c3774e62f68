"""Text graphs against the papers' formulas in numpy, with tiny random weights; torch is not needed here."""

import numpy as np
import onnx
import pytest
from scipy.special import erf

from aisle.errors import WeightsError
from aisle.weights.graphs import build_bert, build_distilbert

TOLERANCE = 1e-4
WIDTH, HEADS, LAYERS, INNER, VOCAB, POSITIONS = 24, 3, 2, 40, 50, 16


def texts():
    ids = np.random.default_rng(1).integers(1, VOCAB, (3, 7))
    mask = np.array([[1] * 7, [1] * 4 + [0] * 3, [1] + [0] * 6])
    return {"input_ids": ids, "attention_mask": mask}


BERT_PARTS = {
    "layer": "encoder.layer.{}.",
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "norm": "attention.output.LayerNorm",
    "widen": "intermediate.dense",
    "narrow": "output.dense",
    "output_norm": "output.LayerNorm",
}
DISTILBERT_PARTS = {
    "layer": "transformer.layer.{}.",
    "query": "attention.q_lin",
    "key": "attention.k_lin",
    "value": "attention.v_lin",
    "attended": "attention.out_lin",
    "norm": "sa_layer_norm",
    "widen": "ffn.lin1",
    "narrow": "ffn.lin2",
    "output_norm": "output_layer_norm",
}


def transformer_tensors(made, parts):
    made.add("embeddings.word_embeddings.weight", VOCAB, WIDTH)
    made.add("embeddings.position_embeddings.weight", POSITIONS, WIDTH)
    if parts is BERT_PARTS:
        made.add("embeddings.token_type_embeddings.weight", 2, WIDTH)
        made.dense("pooler.dense", WIDTH, WIDTH)
    made.norm("embeddings.LayerNorm", WIDTH)
    for number in range(LAYERS):
        prefix = parts["layer"].format(number)
        for part in ("query", "key", "value", "attended"):
            made.dense(prefix + parts[part], WIDTH, WIDTH)
        made.dense(prefix + parts["widen"], INNER, WIDTH)
        made.dense(prefix + parts["narrow"], WIDTH, INNER)
        made.norm(prefix + parts["norm"], WIDTH)
        made.norm(prefix + parts["output_norm"], WIDTH)
    return made.tensors


def transformer_states(tensors, parts, ids, mask):
    """Token by token and head by head, as the papers write it."""

    def dense(x, name):
        return x @ tensors[f"{name}.weight"].T.astype(float) + tensors[f"{name}.bias"]

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    rows = []
    for tokens, kept in zip(ids, mask, strict=True):
        x = tensors["embeddings.word_embeddings.weight"][tokens].astype(float)
        x = x + tensors["embeddings.position_embeddings.weight"][: len(tokens)]
        if "embeddings.token_type_embeddings.weight" in tensors:
            x = x + tensors["embeddings.token_type_embeddings.weight"][0]
        x = norm(x, "embeddings.LayerNorm")
        for number in range(LAYERS):
            prefix = parts["layer"].format(number)
            query, key, value = (dense(x, prefix + parts[part]) for part in ("query", "key", "value"))
            mixed = np.zeros_like(x)
            size = WIDTH // HEADS
            for head in range(HEADS):
                part = slice(head * size, (head + 1) * size)
                scores = np.exp(query[:, part] @ key[:, part].T / np.sqrt(size)) * kept
                mixed[:, part] = scores / scores.sum(1, keepdims=True) @ value[:, part]
            x = norm(x + dense(mixed, prefix + parts["attended"]), prefix + parts["norm"])
            wide = dense(x, prefix + parts["widen"])
            wide = wide * (1 + erf(wide / np.sqrt(2))) / 2
            x = norm(x + dense(wide, prefix + parts["narrow"]), prefix + parts["output_norm"])
        rows.append(x)
    return np.array(rows)


def mean_of_kept(states, mask):
    return (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)


def test_bert_states(run, made):
    tensors = transformer_tensors(made, BERT_PARTS)
    feed = texts()
    found = run(build_bert(tensors, heads=HEADS), feed)["last_hidden_state"]
    expected = transformer_states(tensors, BERT_PARTS, *feed.values())
    kept = feed["attention_mask"] == 1
    assert np.abs(found - expected)[kept].max() <= TOLERANCE


def test_bert_poolings(run, made):
    tensors = transformer_tensors(made, BERT_PARTS)
    feed = texts()
    states = transformer_states(tensors, BERT_PARTS, *feed.values())
    mean = mean_of_kept(states, feed["attention_mask"])
    pooler = np.tanh(states[:, 0] @ tensors["pooler.dense.weight"].T + tensors["pooler.dense.bias"])
    for options, expected in (
        ({"pooling": "mean"}, mean),
        ({"pooling": "mean", "normalise": True}, mean / np.linalg.norm(mean, axis=1, keepdims=True)),
        ({"pooling": "cls"}, states[:, 0]),
        ({"pooling": "pooler"}, pooler),
    ):
        found = run(build_bert(tensors, heads=HEADS, **options), feed)["embedding"]
        assert found.shape == (3, WIDTH)
        assert np.abs(found - expected).max() <= TOLERANCE


def test_padding_and_company_change_nothing(run, made):
    model = build_bert(transformer_tensors(made, BERT_PARTS), heads=HEADS, pooling="mean")
    feed = texts()
    together = run(model, feed)["embedding"]
    for row, length in enumerate((7, 4, 1)):
        alone = run(model, {name: values[row : row + 1, :length] for name, values in feed.items()})["embedding"]
        assert np.abs(together[row] - alone[0]).max() <= 1e-5


def test_a_text_without_tokens_gives_zeros(run, made):
    model = build_bert(transformer_tensors(made, BERT_PARTS), heads=HEADS, pooling="mean", normalise=True)
    ids = np.zeros((1, 2), np.int64)
    assert (run(model, {"input_ids": ids, "attention_mask": ids})["embedding"] == 0).all()


def test_the_names_that_bert_base_uncased_keeps(run, made):
    """``bert.`` before every name, ``gamma`` and ``beta`` in the norms, and a head that is not needed."""
    tensors = transformer_tensors(made, BERT_PARTS)
    renamed = {"cls.predictions.bias": np.zeros(VOCAB, np.float32)}
    for name, array in tensors.items():
        if "LayerNorm" in name:
            name = name.replace("weight", "gamma").replace("bias", "beta")
        renamed[f"bert.{name}"] = array
    expected = run(build_bert(tensors, heads=HEADS, pooling="mean"), texts())
    found = run(build_bert(renamed, heads=HEADS, pooling="mean"), texts())
    assert np.array_equal(found["embedding"], expected["embedding"])


@pytest.mark.parametrize("normalise", [False, True])
def test_distilbert(run, made, made_too, normalise):
    tensors = transformer_tensors(made, DISTILBERT_PARTS)
    made_too.dense("linear", 10, WIDTH)
    feed = texts()
    states = transformer_states(tensors, DISTILBERT_PARTS, *feed.values())
    mean = mean_of_kept(states, feed["attention_mask"])
    expected = np.tanh(mean @ made_too.tensors["linear.weight"].T + made_too.tensors["linear.bias"])
    if normalise:
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    model = build_distilbert(tensors, heads=HEADS, dense=made_too.tensors, normalise=normalise)
    assert np.abs(run(model, feed)["embedding"] - expected).max() <= TOLERANCE
    plain = run(build_distilbert(tensors, heads=HEADS), feed)["embedding"]
    assert np.abs(plain - mean).max() <= TOLERANCE


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda tensors: tensors.pop("encoder.layer.1.output.dense.bias"),
            r"no tensor 'encoder\.layer\.1\.output",
        ),
        (lambda tensors: tensors.clear(), r"no tensor 'embeddings\.word_embeddings"),
        (
            lambda tensors: tensors.update({"encoder.layer.0.output.dense.weight": np.zeros(3)}),
            r"has shape \(3,\), 2 axes are needed",
        ),
        (
            lambda tensors: tensors.update({"encoder.layer.0.output.dense.weight": np.zeros((3, 3))}),
            "not valid ONNX",
        ),
    ],
)
def test_weights_of_another_model(made, spoil, message):
    tensors = transformer_tensors(made, BERT_PARTS)
    spoil(tensors)
    with pytest.raises(WeightsError, match=message):
        build_bert(tensors, heads=HEADS)


def test_heads_that_do_not_divide_the_width(made):
    with pytest.raises(WeightsError, match="width 24 is no multiple of 7 heads"):
        build_bert(transformer_tensors(made, BERT_PARTS), heads=7)


def test_only_standard_operators_are_used(made):
    model = build_bert(transformer_tensors(made, BERT_PARTS), heads=HEADS, pooling="pooler", normalise=True)
    assert {node.domain for node in model.graph.node} == {""}
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 17)]
    onnx.checker.check_model(model, full_check=True)

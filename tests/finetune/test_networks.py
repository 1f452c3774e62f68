"""Networks in torch against transformers, and against the graphs that are drawn from the same tensors."""

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest

from aisle.encode import ENCODERS
from aisle.errors import UnknownEncoderError, WeightsError
from aisle.weights import LocalFile
from aisle.weights.graphs import CENTRED_NORM, IMAGENET_NORM, build_efficientnet_lite, build_resnet50

torch = pytest.importorskip("torch")

from aisle.finetune import networks  # noqa: E402 - it imports torch
from aisle.finetune.networks import Bert, EfficientNetLite, ResNet  # noqa: E402

pytestmark = pytest.mark.torch

IDS = torch.tensor(np.random.default_rng(1).integers(4, 44, (3, 9)))
MASK = torch.tensor([[1] * 9, [1] * 4 + [0] * 5, [1] + [0] * 8])


def tensors_of(tensors):
    return {name: torch.tensor(array) for name, array in tensors.items()}


def mean_of(states):
    return np.stack([states[row, : int(MASK[row].sum())].mean(0) for row in range(len(states))])


def transformers_bert(tensors):
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=44, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40,
        max_position_embeddings=32, attn_implementation="eager",
    )  # fmt: skip
    model = BertModel(config).eval()
    model.load_state_dict(tensors_of(tensors))
    return model


@pytest.mark.parametrize("pooling", ["mean", "cls", "pooler"])
def test_bert(weights, pooling):
    tensors = weights.bert()
    model = transformers_bert(tensors)
    with torch.no_grad():
        output = model(input_ids=IDS, attention_mask=MASK)
        states = output.last_hidden_state.numpy()
        expected = {"mean": mean_of(states), "cls": states[:, 0], "pooler": output.pooler_output.numpy()}[pooling]
        network = Bert(tensors, heads=4, pooling=pooling).eval()
        found = network(IDS, MASK).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5)
        unit = expected / np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(network.embed(IDS, MASK), unit, atol=1e-5)
    assert network.width == 24


def test_distilbert_with_a_dense_layer(weights):
    from transformers import DistilBertConfig, DistilBertModel

    tensors, dense = weights.distilbert(), weights.dense()
    config = DistilBertConfig(
        vocab_size=44, dim=24, n_layers=1, n_heads=4, hidden_dim=40, max_position_embeddings=32,
        attn_implementation="eager",
    )  # fmt: skip
    model = DistilBertModel(config).eval()
    model.load_state_dict(tensors_of(tensors))
    network = Bert({f"distilbert.{name}": array for name, array in tensors.items()}, heads=4, dense=dense).eval()
    with torch.no_grad():
        states = model(input_ids=IDS, attention_mask=MASK).last_hidden_state.numpy()
        expected = np.tanh(mean_of(states) @ dense["linear.weight"].T + dense["linear.bias"])
        np.testing.assert_allclose(network(IDS, MASK), expected, atol=1e-5)
    assert network.width == 10
    assert set(network.state_dict()) == {*tensors, "dense.linear.weight", "dense.linear.bias"}


def test_names_are_the_published_ones_whatever_they_were_called(weights):
    tensors = weights.bert()
    old = {
        "bert." + name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta"): array
        for name, array in tensors.items()
    }
    state = Bert(old, heads=4, pooling="pooler").state_dict()
    assert set(state) == set(tensors)
    for name, array in tensors.items():
        np.testing.assert_array_equal(state[name], array)


def test_dropout_is_of_training(weights):
    network = Bert(weights.bert(), heads=4)
    with torch.no_grad():
        expected = network.eval()(IDS, MASK)
        assert not torch.allclose(network.train()(IDS, MASK), expected, atol=1e-3)
        network.dropout.p = 0.0
        torch.testing.assert_close(network(IDS, MASK), expected)


def test_layers_computed_anew_learn_alike(weights, monkeypatch):
    def learn():
        torch.manual_seed(3)  # of the dropout: the second time through a layer leaves out what the first did
        network = Bert(weights.bert(), heads=4).train()
        network.embed(IDS, MASK)[:, 0].sum().backward()
        return {name: value.grad for name, value in network.named_parameters()}

    kept = learn()
    anew = []
    through = networks.bert.checkpoint
    monkeypatch.setattr(networks.bert, "_RECOMPUTE", IDS.numel())
    monkeypatch.setattr(networks.bert, "checkpoint", lambda *a, **k: anew.append(1) or through(*a, **k))
    found = learn()
    assert len(anew) == 2
    assert all(torch.equal(value, found[name]) for name, value in kept.items())
    with torch.no_grad():
        Bert(weights.bert(), heads=4).embed(IDS, MASK)
    assert len(anew) == 2  # there is no way back


def test_layers_are_all_of_a_network(weights):
    made = (
        (Bert(weights.bert(), heads=4, pooling="pooler"), 4),
        (Bert(weights.distilbert(), heads=4, dense=weights.dense()), 3),
        (EfficientNetLite(weights.lite()), 6),
        (ResNet(weights.resnet()), 6),
    )
    for network, count in made:
        layers = network.layers()
        held = [parameter for layer in layers for parameter in layer.parameters()]
        assert len(layers) == count
        assert len(held) == len(set(held)) == len(list(network.parameters()))
        assert set(held) == set(network.parameters())


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"embeddings.word_embeddings.weight": None}, {}, "no tensor 'embeddings.word_embeddings.weight'"),
        ({"encoder.layer.1.output.dense.bias": None}, {}, "no tensor 'encoder.layer.1.output.dense.bias'"),
        ({"encoder.layer.0.attention.self.key.weight": (24, 8)}, {}, "self.key has the shapes"),
        ({"encoder.layer.0.output.LayerNorm.bias": (8,)}, {}, "LayerNorm has the shapes"),
        ({"embeddings.position_embeddings.weight": (32, 8)}, {}, "position_embeddings has the shape"),
        ({}, {"heads": 7}, "no multiple of 7 heads"),
        ({}, {"dense": {}}, "a bert with mean pooling and a dense layer cannot be exported"),
    ],
)
def test_foreign_tensors_of_texts(weights, change, options, message):
    tensors = weights.bert()
    for name, shape in change.items():
        del tensors[name]
        if shape:
            tensors[name] = np.ones(shape, np.float32)
    with pytest.raises(WeightsError, match=message):
        Bert(tensors, **{"heads": 4, **options})


def test_a_distilbert_that_has_no_graph(weights):
    with pytest.raises(WeightsError, match="a distilbert with cls pooling cannot be exported"):
        Bert(weights.distilbert(), heads=4, pooling="cls")
    dense = {"linear.weight": np.ones((3, 9)), "linear.bias": np.ones(3)}
    with pytest.raises(WeightsError, match=r"dense\.linear has the shapes"):
        Bert(weights.distilbert(), heads=4, dense=dense)


def test_weights_without_layers(weights):
    tensors = {name: array for name, array in weights.bert().items() if not name.startswith("encoder")}
    with pytest.raises(WeightsError, match=r"no layer encoder\.layer\.0"):
        Bert(tensors, heads=4)


@pytest.mark.parametrize("size", [64, 49])
@pytest.mark.parametrize(
    ("kind", "name", "build"), [(EfficientNetLite, "lite", build_efficientnet_lite), (ResNet, "resnet", build_resnet50)]
)
def test_photo_networks(weights, kind, name, build, size):
    tensors = getattr(weights, name)()
    pixels = np.random.default_rng(2).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    graph = build(tensors, size=size, feature_map=True)
    (expected,) = ort.InferenceSession(graph.SerializeToString()).run(["feature_map"], {"pixels": pixels})
    network = kind(tensors).eval()
    with torch.no_grad():
        x = network.normalise(torch.tensor(pixels).permute(0, 3, 1, 2).float())
        found = network(x)
        np.testing.assert_allclose(found, expected, atol=1e-4)
        torch.testing.assert_close(network(network(x, stop=2), start=2), found)
    assert expected.std() > 0.01
    assert network.width == expected.shape[1]


def test_pixels(weights):
    network = EfficientNetLite(weights.lite())
    assert (network.pixel_norm, ResNet.pixel_norm) == (CENTRED_NORM, IMAGENET_NORM)
    found = network.normalise(torch.tensor([[127.0, 255.0, 63.0]])[:, :, None, None])
    np.testing.assert_allclose(found.flatten(), [0, 1, -0.5])


def test_pooling():
    maps = torch.tensor([[[[1.0, 3.0]], [[4.0, 0.0]]]])  # two channels of two places: means 2 and 2, most 3 and 4
    np.testing.assert_allclose(networks.pool(maps), [[0.5**0.5, 0.5**0.5, 0.6, 0.8]], atol=1e-6)


@pytest.mark.parametrize(("kind", "name"), [(EfficientNetLite, "lite"), (ResNet, "resnet")])
def test_batch_norms_keep_their_statistics_and_learn_their_scales(weights, kind, name):
    tensors = getattr(weights, name)()
    network = kind(tensors).train()
    assert network.training
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    found = network(x)
    found.square().sum().backward()
    for each, buffer in network.named_buffers():
        if "running" in each:
            np.testing.assert_array_equal(buffer, tensors[each])
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(x), found)


@pytest.mark.parametrize(
    ("kind", "name", "gone"),
    [
        (EfficientNetLite, "lite", "_conv_stem.weight"),
        (EfficientNetLite, "lite", "_blocks.1._bn2.running_var"),
        (ResNet, "resnet", "layer2.0.conv2.weight"),
        (ResNet, "resnet", "layer1.1.bn3.bias"),
    ],
)
def test_foreign_tensors_of_photos(weights, kind, name, gone):
    tensors = getattr(weights, name)()
    wrong = {**tensors, gone: np.ones((1,) * tensors[gone].ndim + (2,), np.float32)}
    del tensors[gone]
    with pytest.raises(WeightsError, match=f"no tensor '{gone}'; the file belongs to another model"):
        kind(tensors)
    with pytest.raises(WeightsError, match="the file belongs to another model"):
        kind(wrong)


def local(tmp_path, **files):
    from safetensors.numpy import save_file

    found = {}
    for name, tensors in files.items():
        save_file(tensors, tmp_path / f"{name}.safetensors")
        found[name] = LocalFile(path=tmp_path / f"{name}.safetensors")
    return found


def test_networks_of_the_table(weights, tmp_path, settings, monkeypatch):
    monkeypatch.setattr(networks, "HEADS", 4)
    files = local(tmp_path, weights=weights.bert())
    found = networks.open_text_network(replace(ENCODERS["bert"], files=files), settings)
    assert (found.family, found.pooling, found.width) == ("bert", "pooler", 24)
    files = local(tmp_path, weights=weights.distilbert(), dense=weights.dense())
    found = networks.open_text_network(replace(ENCODERS["use"], files=files), settings)
    assert (found.family, found.pooling, found.width) == ("distilbert", "mean", 10)
    for row, name in (("efficientnet-lite0-max", "lite"), ("resnet50-avg", "resnet")):
        tensors = getattr(weights, name)()
        spec = replace(ENCODERS[row], files=local(tmp_path, weights=tensors))
        state = networks.open_photo_network(spec, settings).state_dict()
        assert {each for each in state if "num_batches" not in each} == set(tensors)


@pytest.mark.parametrize(
    ("open_network", "name", "hint"),
    [
        (
            "open_text_network",
            "tfidf",
            "'tfidf' is no text encoder that can be fine-tuned; these can: minilm, bert, use",
        ),
        ("open_text_network", "resnet50-avg", "these can: minilm"),
        (
            "open_photo_network",
            "vgg16",
            "'vgg16' is no photo encoder .*these can: resnet50-avg, .*efficientnet-lite0-avg",
        ),
        ("open_photo_network", "sift", "these can: resnet50-avg"),
    ],
)
def test_what_cannot_be_tuned(settings, open_network, name, hint):
    with pytest.raises(UnknownEncoderError, match=hint):
        getattr(networks, open_network)(ENCODERS[name], settings)

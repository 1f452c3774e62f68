"""Graphs in an engine that mislead: weights kept elsewhere, foreign operators, no numbers, no graph at all."""

import contextlib
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from aisle.encode.graph_bytes import check_graph
from aisle.engine import load_engine
from aisle.engine.artifact_writer import write_artifact
from aisle.errors import EngineError
from aisle.product import Product


def text_graph_with(tensor, *, node=None):
    """Return the bytes of a text graph that looks tokens up in a given tensor."""
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
        for name in ("input_ids", "attention_mask")
    ]
    found = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", "length", 384])
    node = node or helper.make_node("Gather", [tensor.name, "input_ids"], ["embedding"])
    graph = helper.make_graph([node], "tiny", inputs, [found], initializer=[tensor])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("evil", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def table(tmp_path, *, location):
    """Return a tensor that lies in a file of its own."""
    rows = np.random.default_rng(0).standard_normal((2000, 384)).astype(np.float32)
    tensor = numpy_helper.from_array(rows, "table")
    (tmp_path / "table.bin").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    return tensor


@pytest.mark.parametrize("location", ["table.bin", "../inner/table.bin"])
def test_a_graph_that_keeps_weights_in_other_files_is_refused(engine_files, tmp_path, monkeypatch, location):
    """The runtime alone would open them: names are resolved against the working folder, and may lead out of it."""
    work = tmp_path / "inner"
    work.mkdir()
    monkeypatch.chdir(work)
    graph = text_graph_with(table(work, location=location))
    write_artifact(tmp_path / "engine", engine_files | {"encoders/text.onnx": graph}, about={})
    with pytest.raises(EngineError, match="weights in other files"):
        load_engine(tmp_path / "engine")


def hidden_in_attribute(tensor):
    node = helper.make_node("Constant", [], ["embedding"], value=tensor)
    return text_graph_with(numpy_helper.from_array(np.zeros(1, np.float32), "unused"), node=node)


def hidden_in_branch(tensor):
    inner = helper.make_node("Identity", ["table"], ["there"])
    out = helper.make_tensor_value_info("there", TensorProto.FLOAT, None)
    branch = helper.make_graph([inner], "branch", [], [out], initializer=[tensor])
    node = helper.make_node("If", ["input_ids"], ["embedding"], then_branch=branch, else_branch=branch)
    return text_graph_with(numpy_helper.from_array(np.zeros(1, np.float32), "unused"), node=node)


def hidden_in_function(tensor):
    inner = helper.make_node("Constant", [], ["y"], value=tensor)
    opsets = [helper.make_opsetid("", 17)]
    function = helper.make_function("own", "F", ["x"], ["y"], [inner], opsets)
    model = onnx.load_model_from_string(text_graph_with(numpy_helper.from_array(np.zeros(1, np.float32), "unused")))
    model.functions.append(function)
    return model.SerializeToString()


@pytest.mark.parametrize("hide", [hidden_in_attribute, hidden_in_branch, hidden_in_function])
def test_weights_in_other_files_are_found_wherever_they_hide(tmp_path, hide):
    tensor = table(tmp_path, location="table.bin")
    data = hide(tensor)
    model = onnx.load_model_from_string(data)
    assert b"table.bin" in data
    assert model.IsInitialized()
    with pytest.raises(ValueError, match="weights in other files"):
        check_graph(data)


def test_a_graph_with_foreign_operators_is_refused(engine_files, tmp_path):
    tensor = numpy_helper.from_array(np.zeros((2, 384), np.float32), "table")
    node = helper.make_node("Exec", ["table", "input_ids"], ["embedding"], domain="evil")
    write_artifact(
        tmp_path / "engine", engine_files | {"encoders/text.onnx": text_graph_with(tensor, node=node)}, about={}
    )
    with pytest.raises(EngineError, match="encoder"):
        load_engine(tmp_path / "engine")


def test_a_graph_that_gives_no_numbers_is_refused(engine_files, tmp_path):
    tensor = numpy_helper.from_array(np.full((2000, 384), np.nan, np.float32), "table")
    write_artifact(tmp_path / "engine", engine_files | {"encoders/text.onnx": text_graph_with(tensor)}, about={})
    with pytest.raises(EngineError, match="encoder"):
        load_engine(tmp_path / "engine")


def test_a_token_beyond_the_table_is_one_error(engine_files, tmp_path):
    """It shows only when a product has that word; then, too, there is the one error and no other."""
    tokenizer = json.loads(engine_files["encoders/text.tokenizer.json"])
    tokenizer["model"]["vocab"]["q"] = 10**6
    name = "encoders/text.tokenizer.json"
    write_artifact(tmp_path / "engine", engine_files | {name: json.dumps(tokenizer).encode()}, about={})
    with pytest.raises(EngineError, match="encoder"):
        load_engine(tmp_path / "engine").predict([Product(title="quilt q")])


@pytest.mark.parametrize("seed", range(60))
def test_bytes_that_are_no_graph_are_refused_without_harm(engine_files, seed):
    rng = np.random.default_rng(seed)
    data = bytearray(engine_files["encoders/photo.onnx"])
    if seed % 2:
        data = data[: rng.integers(1, len(data))]
    for place in rng.integers(0, len(data), 5):
        data[place] = rng.integers(256)
    with contextlib.suppress(ValueError):
        check_graph(bytes(data))

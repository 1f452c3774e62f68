"""What Aisle refuses of somebody's encoder folder, and in which words."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from aisle.errors import EncoderFolderError


def refuse(open_folder, folder, match):
    with pytest.raises(EncoderFolderError, match=match) as caught:
        open_folder(folder)
    assert str(folder) in str(caught.value)


def test_missing_files(tiny, tmp_path, open_folder):
    empty = tmp_path / "empty"
    empty.mkdir()
    refuse(open_folder, empty, "neither tokenizer.json .* nor preprocessor_config.json")
    text = tiny.write_text_folder(tmp_path / "text")
    (text / "model.onnx").unlink()
    refuse(open_folder, text, "holds no graph; one of .*model.onnx is expected")
    with pytest.raises(EncoderFolderError, match="there is no preprocessor_config"):
        open_folder(f"{text}#photo")


def test_weights_in_another_file(tiny, tmp_path, open_folder):
    folder = tiny.write_text_folder(tmp_path / "text")
    onnx.save(tiny.text_graph(), folder / "model.onnx", save_as_external_data=True, size_threshold=0)
    refuse(open_folder, folder, "keeps weights in other files, which is refused")


def nested(tensor):
    """Put a constant into a branch of a graph, where a careless reader does not look."""
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    branch = helper.make_graph([helper.make_node("Constant", [], ["y"], value=tensor)], "branch", [], [out])
    yes = numpy_helper.from_array(np.array(True), "yes")
    return [helper.make_node("If", ["yes"], ["z"], then_branch=branch, else_branch=branch)], yes, out


def test_weights_in_another_file_within_a_branch(tiny, tmp_path, open_folder):
    tensor = numpy_helper.from_array(np.ones(3, dtype=np.float32), "secret")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    nodes, yes, out = nested(tensor)
    out.name = "z"
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1])
    model = tiny.make_graph(nodes, [ids], [out], weights=[yes])
    folder = tiny.write_text_folder(tmp_path / "text")
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    refuse(open_folder, folder, "keeps weights in other files, which is refused")


def test_a_custom_operator(tiny, tmp_path, open_folder):
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, 8, 8])
    out = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 3])
    nodes = [helper.make_node("Open", ["pixel_values"], ["embedding"], domain="my.own")]
    model = tiny.make_graph(nodes, [pixels], [out], opsets=(("", 17), ("my.own", 1)))
    folder = tiny.write_photo_folder(tmp_path / "photo", model)
    refuse(open_folder, folder, r"custom operator my\.own\.Open, which is refused")


def test_functions_of_the_file_itself_are_no_custom_operators(tiny, tmp_path, open_folder):
    body = [helper.make_node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0)]
    function = helper.make_function("pkg", "Pool", ["x"], ["y"], body, [helper.make_opsetid("", 17)])
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, "h", "w"])
    out = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 3])
    nodes = [helper.make_node("Pool", ["pixel_values"], ["embedding"], domain="pkg")]
    model = tiny.make_graph(nodes, [pixels], [out], opsets=(("", 17), ("pkg", 1)), functions=[function])
    assert open_folder(tiny.write_photo_folder(tmp_path / "photo", model)).spec.dimension == 3


@pytest.mark.parametrize("data", [b"", b"no graph", b"\x08" * 5000, bytes(range(256)) * 9])
def test_no_onnx_file(tiny, tmp_path, open_folder, data):
    folder = tiny.write_text_folder(tmp_path / "text")
    (folder / "model.onnx").write_bytes(data)
    refuse(open_folder, folder, "not a readable ONNX graph|is not an ONNX graph")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'{"version": "1.0", "model": {"type": "No"}}'])
def test_a_tokenizer_of_garbage(tiny, tmp_path, open_folder, data):
    folder = tiny.write_text_folder(tmp_path / "text")
    (folder / "tokenizer.json").write_bytes(data)
    refuse(open_folder, folder, "cannot be opened: ")


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("config.json", "{", r"config\.json is not valid JSON"),
        ("config.json", "[1]", "holds a list where a JSON object is expected"),
        ("config.json", "[" * 100_000, r"config\.json is not valid JSON"),
        ("config.json", '{"text_config": 3}', "no number"),
        ("sentence_bert_config.json", '{"max_seq_length": "long"}', "states a length of texts that is no number"),
        ("sentence_bert_config.json", '{"max_seq_length": 1}', "leaves no room for words"),
        ("sentence_bert_config.json", '{"max_seq_length": -5}', "leaves no room for words"),
        ("1_Pooling/config.json", '{"pooling_mode_lasttoken": true}', "asks for pooling_mode_lasttoken"),
        (
            "1_Pooling/config.json",
            '{"pooling_mode_cls_token": true, "pooling_mode_max_tokens": true}',
            "asks for pooling_mode_cls_token and pooling_mode_max_tokens",
        ),
        ("modules.json", '[{"type": "sentence_transformers.models.Dense"}]', "lists Dense"),
        ("modules.json", "[1]", "is no list of modules"),
        ("modules.json", '{"type": 1}', "is no list of modules"),
    ],
)
def test_rules_of_texts_that_make_no_sense(tiny, tmp_path, open_folder, name, data, match):
    folder = tiny.write_text_folder(tmp_path / "text")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(data)
    refuse(open_folder, folder, match)


@pytest.mark.parametrize(
    "rules",
    [
        {"size": "large"},
        {"size": {}},
        {"size": {"width": 8, "height": -8}},
        {"size": 0},
        {"size": [1, 2, 3]},
        {"size": None},
        {"size": 100_000},
        {"size": 8, "image_mean": [0.5]},
        {"size": 8, "image_std": [1, 0, 1]},
        {"size": 8, "image_std": ["a", "b", "c"]},
        {"size": 8, "rescale_factor": float("nan")},
        {"size": 8, "rescale_factor": None},
        {"size": 8, "resample": "sharp"},
        {"size": 8, "do_center_crop": True, "crop_size": {"width": 0, "height": 0}},
        [],
    ],
)
def test_rules_of_pixels_that_make_no_sense(tiny, tmp_path, open_folder, rules):
    folder = tiny.write_photo_folder(tmp_path / "photo", rules=rules)
    refuse(open_folder, folder, r"preprocessor_config\.json (is not a preprocessor|holds a list)")


def test_graphs_that_do_not_fit(tiny, tmp_path, open_folder):
    text = tiny.write_text_folder(tmp_path / "text", tiny.photo_graph())
    refuse(open_folder, text, "reads pixel_values; a text encoder reads input_ids")
    photo = tiny.write_photo_folder(tmp_path / "photo", tiny.text_graph())
    refuse(open_folder, photo, r"reads input_ids, attention_mask; a photo encoder has one input")
    small = tiny.write_text_folder(tmp_path / "small", tiny.text_graph(table=tiny.TABLE[:2]))
    refuse(open_folder, small, "cannot be run: .*; export it for batches of any size")
    fixed = tiny.write_photo_folder(tmp_path / "fixed", tiny.photo_graph(shape=(1, 3, 5, 5)))
    refuse(open_folder, fixed, "cannot be run: .*; export it for batches of any size")
    nan = tiny.write_text_folder(tmp_path / "nan", tiny.text_graph(table=tiny.TABLE * np.nan))
    refuse(open_folder, nan, "not all of them finite")


def test_outputs_without_a_known_name(tiny, tmp_path, open_folder):
    model = tiny.text_graph(output="first")
    model.graph.node.append(helper.make_node("Identity", ["first"], ["second"]))
    model.graph.output.append(helper.make_tensor_value_info("second", TensorProto.FLOAT, None))
    refuse(
        open_folder,
        tiny.write_text_folder(tmp_path / "text", model),
        "has outputs first, second; one named sentence_embedding, .* is expected",
    )

"""Somebody's own encoder in a folder."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from aisle.encode import embed_photos, embed_texts, find_encoder, open_spec, photo_keys
from aisle.errors import EncoderFolderError


@pytest.fixture
def open_folder(settings):
    def open_folder(place):
        return open_spec(find_encoder(str(place), settings=settings), settings=settings)

    return open_folder


def text_vectors(encoder, settings, texts):
    return embed_texts(encoder, texts, preparation="raw", settings=settings).matrix


def photo_vectors(encoder, settings, photos):
    found = embed_photos(encoder, photos, keys=photo_keys(photos), photo_filter="none", settings=settings)
    return found.matrix


def test_a_text_encoder(tiny, tmp_path, settings, open_folder):
    encoder = open_folder(tiny.write_text_folder(tmp_path / "my-encoder"))
    assert (encoder.spec.title, encoder.spec.modality, encoder.spec.dimension) == ("my-encoder", "text", 4)
    found = text_vectors(encoder, settings, ["red cup"])
    np.testing.assert_allclose(found[0], tiny.TABLE[tiny.tokens("red cup")].mean(0), atol=1e-6)


POOLING = "sentence_transformers.models.Pooling"
MODULES = [{"type": "sentence_transformers.models.Transformer"}, {"type": POOLING}]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"1_Pooling__config": {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}}, "cls"),
        ({"1_Pooling__config": {"pooling_mode_max_tokens": True}}, "max"),
        ({"1_Pooling__config": {"pooling_mode": "cls"}}, "cls"),
        ({"1_Pooling__config": {"pooling_mode": "mean"}}, "mean"),
        ({"modules": [*MODULES, {"type": "sentence_transformers.models.Normalize"}]}, "unit"),
        ({"modules": MODULES}, "mean"),
    ],
)
def test_what_sentence_transformers_writes_beside_it(tiny, tmp_path, settings, open_folder, files, expected):
    encoder = open_folder(tiny.write_text_folder(tmp_path / "text", **files))
    states = tiny.TABLE[tiny.tokens("red cup")]
    wanted = {
        "mean": states.mean(0),
        "max": states.max(0),
        "cls": states[0],
        "unit": states.mean(0) / np.linalg.norm(states.mean(0)),
    }[expected]
    np.testing.assert_allclose(text_vectors(encoder, settings, ["red cup"])[0], wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("files", "length"),
    [
        ({"sentence_bert_config": {"max_seq_length": 5}}, 5),
        ({"config": {"max_position_embeddings": 7}}, 7),
        ({"config": {"max_position_embeddings": 9, "model_type": "roberta", "pad_token_id": 1}}, 7),
        ({"config": {"text_config": {"max_position_embeddings": 6}}}, 6),
        ({"tokenizer_config": {"model_max_length": 1e30}}, 256),
        ({"tokenizer_config": {"model_max_length": 4}, "config": {"max_position_embeddings": 9}}, 4),
    ],
)
def test_where_texts_are_cut(tiny, tmp_path, settings, open_folder, files, length):
    encoder = open_folder(tiny.write_text_folder(tmp_path / "text", **files))
    words = ["red"] * (length - 2)
    found = text_vectors(encoder, settings, [" ".join(words), " ".join([*words, "cup", "cup"])])
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_a_photo_encoder(tiny, tmp_path, settings, open_folder):
    rules = {
        "size": {"width": 8, "height": 8},
        "image_mean": [0.5, 0.25, 0],
        "image_std": [0.5, 1, 2],
        "rescale_factor": 1 / 255,
    }
    encoder = open_folder(tiny.write_photo_folder(tmp_path / "photo", rules=rules))
    assert (encoder.spec.modality, encoder.spec.dimension) == ("photo", 3)
    found = photo_vectors(encoder, settings, [tiny.png((255, 0, 255))])
    np.testing.assert_allclose(found, [[1, -0.25, 0.5]], atol=1e-6)


@pytest.mark.parametrize(
    ("rules", "shape"),
    [
        ({"size": {"height": 8, "width": 6}}, (6, 8, "stretch", 0.875)),
        ({"size": 10, "resample": 3}, (10, 10, "stretch", 0.875)),
        ({"size": [12, 10]}, (12, 10, "stretch", 0.875)),
        ({"size": {"shortest_edge": 16}, "do_center_crop": True, "crop_size": 14}, (14, 14, "crop", 0.875)),
        ({"size": {"shortest_edge": 14}, "crop_pct": 0.5}, (14, 14, "crop", 0.5)),
        ({"size": 8, "do_center_crop": True, "crop_size": {"width": 8, "height": 8}}, (8, 8, "crop", 1.0)),
    ],
)
def test_what_transformers_says_of_pixels(tiny, tmp_path, open_folder, rules, shape):
    found = open_folder(tiny.write_photo_folder(tmp_path / "photo", rules=rules)).shape
    assert (found.width, found.height, found.fit) == shape[:3]
    assert found.fit == "stretch" or found.crop_fraction == pytest.approx(shape[3])


@pytest.mark.parametrize("name", ["model.onnx", "onnx/model.onnx", "vision_model.onnx", "onnx/vision_model.onnx"])
def test_where_the_graph_may_lie(tiny, tmp_path, open_folder, name):
    (tmp_path / "photo" / "onnx").mkdir(parents=True)
    assert open_folder(tiny.write_photo_folder(tmp_path / "photo", graph=name)).spec.dimension == 3


def test_a_folder_that_holds_both(tiny, tmp_path, settings, open_folder):
    folder = tiny.write_photo_folder(tmp_path / "clip", graph="vision_model.onnx")
    tiny.write_text_folder(folder)
    (folder / "model.onnx").rename(folder / "text_model.onnx")
    with pytest.raises(EncoderFolderError, match=r"say which: .*clip#text or .*clip#photo"):
        find_encoder(str(folder), settings=settings)
    text, photo = open_folder(f"{folder}#text"), open_folder(f"{folder}#photo")
    assert (text.spec.modality, text.spec.title) == ("text", "clip, text")
    assert (photo.spec.modality, photo.spec.title) == ("photo", "clip, photo")
    assert text_vectors(text, settings, ["red"]).shape == (1, 4)
    assert photo_vectors(photo, settings, [tiny.png("red")]).shape == (1, 3)


def test_a_folder_whose_name_ends_like_a_choice(tiny, tmp_path, open_folder):
    assert open_folder(tiny.write_text_folder(tmp_path / "my#1")).spec.modality == "text"


# What is refused, and in which words


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


def test_what_decides_the_numbers_decides_the_cache(tiny, tmp_path, open_folder):
    folder = tiny.write_photo_folder(tmp_path / "photo")
    first = open_folder(folder).fingerprint
    assert open_folder(folder).fingerprint == first
    (folder / "README.md").write_text("says nothing to the numbers")
    assert open_folder(folder).fingerprint == first
    (folder / "preprocessor_config.json").write_text(json.dumps({**tiny.PLAIN_PIXELS, "resample": 3}))
    assert open_folder(folder).fingerprint != first
    text = tiny.write_text_folder(tmp_path / "text")
    first = open_folder(text).fingerprint
    tiny.write_text_folder(text, **{"1_Pooling__config": {"pooling_mode_cls_token": True}})
    assert open_folder(text).fingerprint != first

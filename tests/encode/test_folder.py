"""Somebody's own encoder in a folder."""

import json

import numpy as np
import pytest

from aisle.encode import embed_photos, embed_texts, find_encoder, photo_keys
from aisle.errors import EncoderFolderError


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

"""Encoders by name, by folder, and from a hub."""

import numpy as np
import pytest

from aisle.encode import ENCODERS, embed_texts, encoders, find_encoder, open_spec, seen_keys
from aisle.errors import EncoderFolderError, UnknownEncoderError, WeightsNotReachableError
from aisle.weights import HubFile, WheelFile


def test_names_of_the_table(settings):
    for name in ENCODERS:
        assert find_encoder(name, settings=settings).name == name


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("minilm2", "Did you mean 'minilm'"),
        ("MiniLM", "Did you mean 'minilm'"),
        ("resnet50", "Did you mean 'resnet50-"),
        ("xyz", "Known: bow, tfidf, word2vec, minilm"),
        ("", "Known: bow"),
        ("./gone#text", "or a folder, or hub:owner/name"),
        ("#text", "Known: bow"),
        ("minilm#text", "there is no encoder 'minilm#text'"),
    ],
)
def test_an_unknown_name(settings, name, hint):
    with pytest.raises(UnknownEncoderError, match=hint.replace("(", r"\(")) as caught:
        find_encoder(name, settings=settings)
    assert repr(name) in str(caught.value)


def test_every_row_of_the_table_is_complete():
    for row in ENCODERS.values():
        assert row.modality in ("text", "photo")
        assert row.learns_here == (not row.files)
        if row.files:
            assert row.licence
            assert row.megabytes > 0
            assert row.dimension
        assert (row.shape is not None) == (row.modality == "photo")
        assert row.select in row.outputs
        for file in row.files.values():
            assert isinstance(file, (HubFile, WheelFile))
            assert file.sha256 is None or len(file.sha256) == 64
            assert not isinstance(file, HubFile) or len(file.revision) == 40  # a commit never changes


def test_a_text_encoder_from_a_hub(hub, online, settings, tiny, tmp_path):
    folder = tiny.write_text_folder(tmp_path / "source", sentence_bert_config={"max_seq_length": 12})
    hub.publish(folder, "owner/my-model")
    spec = find_encoder("hub:owner/my-model", settings=online)
    assert (spec.name, spec.title, spec.modality) == ("hub:owner/my-model", "my-model", "text")
    encoder = open_spec(spec, settings=online)
    found = embed_texts(encoder, ["red cup"], preparation="raw", settings=online)
    np.testing.assert_allclose(found.matrix[0], tiny.TABLE[tiny.tokens("red cup")].mean(0), atol=1e-6)
    asked = len(hub.asked)
    assert open_spec(find_encoder("hub:owner/my-model", settings=settings), settings=settings)
    assert len(hub.asked) == asked  # offline, from the cache


def test_a_revision(hub, online, tiny, tmp_path):
    hub.publish(tiny.write_photo_folder(tmp_path / "source"), "owner/photos", revision="v2")
    spec = find_encoder("hub:owner/photos@v2", settings=online)
    assert spec.title == "photos@v2"
    assert open_spec(spec, settings=online).spec.dimension == 3
    with pytest.raises(WeightsNotReachableError):
        find_encoder("hub:owner/photos@v3", settings=online)


def test_a_repository_that_holds_both(hub, online, tiny, tmp_path):
    folder = tiny.write_photo_folder(tmp_path / "source", graph="vision_model.onnx")
    tiny.write_text_folder(folder)
    (folder / "onnx").mkdir()
    (folder / "model.onnx").rename(folder / "onnx" / "text_model.onnx")
    hub.publish(folder, "owner/clip")
    with pytest.raises(EncoderFolderError, match="say which: hub:owner/clip#text or hub:owner/clip#photo"):
        find_encoder("hub:owner/clip", settings=online)
    for modality, dimension in (("text", 4), ("photo", 3)):
        spec = find_encoder(f"hub:owner/clip#{modality}", settings=online)
        assert spec.modality == modality
        assert open_spec(spec, settings=online).spec.dimension == dimension


def test_what_a_hub_does_not_have(hub, online, tiny, tmp_path):
    with pytest.raises(WeightsNotReachableError, match="no public repository 'owner/none'"):
        find_encoder("hub:owner/none", settings=online)
    hub.files["/owner/empty/resolve/main/README.md"] = b""
    with pytest.raises(WeightsNotReachableError, match=r"neither tokenizer\.json nor preprocessor_config\.json"):
        find_encoder("hub:owner/empty", settings=online)
    folder = tiny.write_text_folder(tmp_path / "source")
    (folder / "model.onnx").unlink()
    hub.publish(folder, "owner/graphless")
    with pytest.raises(WeightsNotReachableError, match="holds no ONNX graph for text"):
        find_encoder("hub:owner/graphless", settings=online)


@pytest.mark.parametrize(
    "name", ["hub:", "hub:#text", "hub:a/b/c", "hub:owner/../../x", "hub:a/b@../x", "hub:ow ner/x"]
)
def test_names_that_no_hub_has(hub, online, name):
    with pytest.raises(UnknownEncoderError, match="names no repository; write hub:owner/name"):
        find_encoder(name, settings=online)
    assert hub.asked == []


def test_offline(settings):
    with pytest.raises(WeightsNotReachableError, match="offline"):
        find_encoder("hub:owner/model", settings=settings)


def test_of_two_the_one_that_is_meant_is_taken_where_the_name_does_not_say(settings, tiny, tmp_path):
    folder = tiny.write_photo_folder(tmp_path / "both", graph="vision_model.onnx")
    tiny.write_text_folder(folder)
    for modality in ("text", "photo"):
        assert find_encoder(str(folder), settings=settings, modality=modality).modality == modality
        assert find_encoder(f"{folder}#text", settings=settings, modality=modality).modality == "text"
    alone = tiny.write_text_folder(tmp_path / "alone")
    assert find_encoder(str(alone), settings=settings, modality="photo").modality == "text"


def test_what_an_encoder_has_seen_comes_from_the_hub_with_it(hub, online, tiny, tmp_path):
    folder = tiny.write_text_folder(tmp_path / "source")
    np.save(folder / "seen.npy", np.array([3, 5], dtype=np.uint64))
    hub.publish(folder, "owner/tuned")
    assert seen_keys(find_encoder("hub:owner/tuned", settings=online)).tolist() == [3, 5]


def test_rows_of_one_architecture_have_graphs_of_their_own(settings, monkeypatch):
    """A graph is drawn for photos of one size: Lite2 reads 260 pixels, and its graph must not be another's."""
    drawn = {}

    def remember(key, build, *, settings):
        drawn[key.name] = key.filename
        raise LookupError

    monkeypatch.setattr(encoders, "ensure_graph", remember)
    for name in ("efficientnet-lite0-avg", "efficientnet-lite2-avg", "efficientnet-lite2-max"):
        with pytest.raises(LookupError):
            open_spec(ENCODERS[name], settings=settings)
    assert len(drawn) == len(set(drawn.values())) == 2
    shape = ENCODERS["efficientnet-lite2-avg"].shape
    assert (shape.width, shape.height) == (260, 260)
    assert encoders._PHOTO_GRAPHS["efficientnet_lite2"].keywords == {"size": 260}
    assert not ENCODERS["efficientnet-lite2-avg"].default

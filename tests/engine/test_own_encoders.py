"""Encoders of one's own inside an engine: the same numbers as in training, and nothing believed of what is carried."""

import json
from dataclasses import replace

import numpy as np
import pytest

from aisle.encode import find_encoder
from aisle.encode.pack import pack_encoder
from aisle.engine import load_engine
from aisle.engine.artifact_writer import write_artifact
from aisle.engine.gather import DEFAULT_ENCODERS, find_encoders, gather
from aisle.engine.reading import Reader
from aisle.engine.store import to_files
from aisle.errors import EngineError, UnknownEncoderError
from aisle.settings import Settings

ABOUT = "encoders.json"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return Settings(cache_dir=tmp_path_factory.mktemp("cache"), offline=True, threads=1)


@pytest.fixture(scope="module")
def folder(own_encoder, shop, tmp_path_factory):
    """One folder with a text and a photo encoder; the text's is neither averaged nor left as long as it is."""
    place = tmp_path_factory.mktemp("secret-place") / "our-encoder"
    words = sorted({word for item in shop for word in f"{item.title} {item.description}".split()})
    rng = np.random.default_rng(8)
    own_encoder.text(place, {word: rng.standard_normal(5) for word in words}, pooling="cls", normalise=True)
    return own_encoder.photo(place)


@pytest.fixture(scope="module")
def encoders(folder, settings):
    return find_encoders(text=str(folder), photo=str(folder), settings=settings)


@pytest.fixture(scope="module")
def own(train, shop, encoders):
    """What training with these encoders gives."""
    return train(shop, precision=0.8, encoders=encoders)


@pytest.fixture(scope="module")
def files(own):
    return to_files(own.knowledge)


def test_one_folder_may_be_given_for_both(encoders):
    assert (encoders.text.modality, encoders.photo.modality) == ("text", "photo")


def test_serving_reads_what_training_read(own, files, shop, encoders, settings, tmp_path):
    write_artifact(tmp_path / "engine", files, about={})
    knowledge = load_engine(tmp_path / "engine", settings=settings).knowledge
    expected = gather(shop, settings=settings, encoders=encoders).fields
    found, problems = Reader(knowledge, threads=1).read(shop)
    assert not problems
    for name in ("title", "description", "photo"):
        width = 6 if name == "photo" else 5
        assert found[name].embeddings.shape == (len(shop), width)
        np.testing.assert_array_equal(found[name].present, expected[name].present)
        np.testing.assert_allclose(found[name].embeddings, expected[name].embeddings, atol=1e-6)
        assert expected[name].embeddings.any()


def test_the_numbers_are_those_of_the_folder(own, shop, settings, folder, tmp_path):
    """The first word's own vector, at unit length; not its mean with the others."""
    import onnx
    from onnx import numpy_helper
    from tokenizers import Tokenizer

    (table,) = map(numpy_helper.to_array, onnx.load(folder / "text_model.onnx").graph.initializer)
    first = table[Tokenizer.from_file(str(folder / "tokenizer.json")).token_to_id(shop[0].title.split()[0])]
    found = Reader(own.knowledge, threads=1).read(shop[:1])[0]["title"].embeddings[0]
    np.testing.assert_allclose(found, first / np.linalg.norm(first), atol=1e-6)


def test_answers_are_those_of_what_was_learned(own, files, shop, settings, tmp_path):
    write_artifact(tmp_path / "engine", files, about={})
    engine = load_engine(tmp_path / "engine", settings=settings)
    expected = np.exp(np.minimum(own.fit.classifier.predict(own.gathered.fields), 0))
    np.testing.assert_allclose(engine.probabilities(shop), expected, atol=3e-3)


def test_an_engine_does_not_say_where_an_encoder_lay(files, folder):
    about = json.loads(files[ABOUT])
    assert about["text"]["name"] == "our-encoder"
    assert not [name for name, data in files.items() if b"secret-place" in data]
    assert about["text"] | {"pooling": "cls", "normalise": True, "max_tokens": 6} == about["text"]
    assert about["photo"]["rules"] == {"scale": 1 / 255, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}


def test_the_licence_that_a_tuned_encoder_names_travels(own_encoder, settings, tmp_path):
    folder = own_encoder.photo(tmp_path / "tuned")
    (folder / "encoder.json").write_text('{"licence": "Apache-2.0"}')
    packed = pack_encoder(find_encoder(str(folder), settings=settings), settings=settings)
    assert packed.about["licence"] == "Apache-2.0"


def test_other_rows_of_the_table_travel_too(train, shop, settings):
    others = find_encoders(text="bert", photo="resnet50-max", settings=settings)
    carried = train(shop, precision=0.8, encoders=others).knowledge.encoders
    names = {name: encoder.about["name"] for name, encoder in carried.items()}
    assert names == {"text": "bert", "photo": "resnet50-max"}


def test_an_engine_of_format_1_is_read_as_it_was_meant(engine_files, shop, engine, tmp_path):
    about = json.loads(engine_files[ABOUT])
    for name in ("pooling", "normalise"):
        about["text"].pop(name)
    about["photo"].pop("rules")
    write_artifact(tmp_path / "old", engine_files | {ABOUT: json.dumps(about).encode()}, about={})
    manifest = tmp_path / "old/manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 2', '"format": 1'))
    found = load_engine(tmp_path / "old", settings=Settings(threads=1))
    np.testing.assert_array_equal(found.probabilities(shop[:20]), engine.probabilities(shop[:20]))


HOSTILE = {
    "an unknown pooling": ("text", {"pooling": "median"}),
    "a pooling that is a list": ("text", {"pooling": ["mean"]}),
    "no pooling": ("text", {"pooling": None}),
    "a length that is a number": ("text", {"normalise": 1}),
    "a length in words": ("text", {"normalise": "yes"}),
    "an output that is a number": ("text", {"output": 3}),
    "rules of text": ("photo", {"rules": "imagenet"}),
    "rules that are true": ("photo", {"rules": True}),
    "no rules where the graph needs them": ("photo", {"rules": None}),
    "rules without a scale": ("photo", {"rules": {"mean": [0, 0, 0], "std": [1, 1, 1]}}),
    "a rule too many": ("photo", {"rules": {"scale": 1.0, "mean": [0, 0, 0], "std": [1, 1, 1], "gamma": 2}}),
    "a scale in words": ("photo", {"rules": {"scale": "1", "mean": [0, 0, 0], "std": [1, 1, 1]}}),
    "a scale without end": ("photo", {"rules": {"scale": 1e300, "mean": [0, 0, 0], "std": [1, 1, 1]}}),
    "a scale that is true": ("photo", {"rules": {"scale": True, "mean": [0, 0, 0], "std": [1, 1, 1]}}),
    "two means": ("photo", {"rules": {"scale": 1.0, "mean": [0, 0], "std": [1, 1, 1]}}),
    "a mean of lists": ("photo", {"rules": {"scale": 1.0, "mean": [[0], [0], [0]], "std": [1, 1, 1]}}),
    "one mean": ("photo", {"rules": {"scale": 1.0, "mean": 0.5, "std": [1, 1, 1]}}),
    "a spread of nothing": ("photo", {"rules": {"scale": 1.0, "mean": [0, 0, 0], "std": [1, 0, 1]}}),
    "a spread of next to nothing": ("photo", {"rules": {"scale": 1.0, "mean": [0, 0, 0], "std": [1, 1e-300, 1]}}),
    "a spread below nothing": ("photo", {"rules": {"scale": 1.0, "mean": [0, 0, 0], "std": [-1, -1, -1]}}),
}


@pytest.mark.parametrize(("name", "change"), HOSTILE.values(), ids=HOSTILE.keys())
def test_an_encoder_described_by_what_none_has_is_refused(files, tmp_path, name, change):
    about = json.loads(files[ABOUT])
    about[name].update(change)
    write_artifact(tmp_path / "engine", files | {ABOUT: json.dumps(about).encode()}, about={})
    with pytest.raises(EngineError, match="train"):
        load_engine(tmp_path / "engine")


def test_numbers_that_are_none_are_refused(files, tmp_path):
    data = files[ABOUT].replace(b"0.4,", b"NaN,", 1)
    assert data != files[ABOUT]
    write_artifact(tmp_path / "engine", files | {ABOUT: data}, about={})
    with pytest.raises(EngineError, match="NaN"):
        load_engine(tmp_path / "engine")


@pytest.mark.parametrize(
    ("text", "photo", "said"),
    [
        ("tfidf", None, "tfidf learns from the catalogue at hand.*name one of minilm, bert, use, a folder"),
        (None, "sift", "sift learns from the catalogue at hand.*efficientnet-lite0-avg"),
        ("efficientnet-lite0-avg", None, "reads a photo, and is named as the encoder of the text"),
        (None, "minilm", "reads a text, and is named as the encoder of the photo"),
        ("minilm2", None, "Did you mean 'minilm'"),
    ],
)
def test_encoders_that_cannot_be_of_an_engine_are_refused(settings, text, photo, said):
    with pytest.raises(UnknownEncoderError, match=said):
        find_encoders(text=text, photo=photo, settings=settings)


def test_without_names_the_default_ones_are_taken(settings):
    assert find_encoders(text=None, photo=None, settings=settings) == DEFAULT_ENCODERS
    named = find_encoders(text="bert", photo="resnet50-max", settings=settings)
    assert (named.text.name, named.photo.name) == ("bert", "resnet50-max")
    assert replace(named, text=DEFAULT_ENCODERS.text).photo is named.photo

"""An encoder that computes something else than where its engine was trained is found as the engine is opened."""

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from aisle.engine import load_engine
from aisle.engine.artifact_writer import write_artifact
from aisle.errors import EngineError
from aisle.product import Product


@pytest.fixture
def changed(engine_files, tmp_path):
    """Return a function that writes the engine with another sample of an encoder, and opens it."""

    def write(name, change):
        abouts = json.loads(engine_files["encoders.json"])
        abouts[name] = change(abouts[name])
        files = engine_files | {"encoders.json": json.dumps(abouts).encode()}
        write_artifact(tmp_path / "engine", files, about={})
        return load_engine(tmp_path / "engine")

    return write


def rewritten(data, change):
    """Return a graph whose largest table of weights is another."""
    model = onnx.load_model_from_string(data)
    largest = max(model.graph.initializer, key=lambda tensor: np.prod(tensor.dims))
    name = largest.name
    largest.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(largest)), name))
    return model.SerializeToString()


@pytest.mark.parametrize("name", ["text", "photo"])
def test_an_engine_says_what_its_encoders_made_of_a_sample(engine_files, name):
    about = json.loads(engine_files["encoders.json"])[name]
    assert len(about["sample"]) == about["dimension"] * len(about.get("outputs", [1]))
    assert np.linalg.norm(about["sample"]) > 0


@pytest.mark.parametrize("name", ["text", "photo"])
def test_weights_that_saturate_are_refused_and_those_that_are_rounded_are_not(engine_files, tmp_path, name):
    """Cut at a third of the largest, weights give about what an overflow leaves of sums of products."""
    graph = f"encoders/{name}.onnx"
    rounded = rewritten(engine_files[graph], lambda weights: weights.astype(np.float16).astype(np.float32))
    write_artifact(tmp_path / "rounded", engine_files | {graph: rounded}, about={})
    load_engine(tmp_path / "rounded").predict([Product(title="blue mug")])

    def cut(weights):
        return np.clip(weights, -0.1 * np.abs(weights).max(), 0.3 * np.abs(weights).max())

    write_artifact(tmp_path / "cut", engine_files | {graph: rewritten(engine_files[graph], cut)}, about={})
    with pytest.raises(EngineError, match=r"this processor makes other numbers.* 8 bits.*without --int8"):
        load_engine(tmp_path / "cut")


def test_engines_of_before_samples_are_opened_all_the_same(changed):
    engine = changed("text", lambda about: {key: value for key, value in about.items() if key != "sample"})
    assert engine.predict([Product(title="blue mug")])[0].leaf


@pytest.mark.parametrize(
    "spoil",
    [
        lambda sample: sample[:-1],
        lambda sample: [*sample[:-1], "1"],
        lambda sample: [*sample[:-1], True],
        lambda sample: [*sample[:-1], 1e300],
        lambda sample: {"0": sample},
        lambda sample: "much",
        lambda sample: [sample],
    ],
)
def test_a_sample_that_is_none_is_refused(changed, spoil):
    with pytest.raises(EngineError, match="sample is not 384 numbers"):
        changed("text", lambda about: about | {"sample": spoil(about["sample"])})

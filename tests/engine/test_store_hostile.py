"""Engine folders whose hashes are right and whose content misleads: refused with the one error, never a crash."""

import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from aisle.engine import load_engine
from aisle.engine.artifact_writer import write_artifact
from aisle.errors import EngineError
from aisle.product import Product
from aisle.settings import Settings

MODEL, WEIGHTS, KNOWN, VECTORS, ABOUT = (
    "model.json",
    "model.safetensors",
    "references.json",
    "references.safetensors",
    "encoders.json",
)


def of_model(change):
    def apply(files):
        model = json.loads(files[MODEL])
        change(model)
        return files | {MODEL: json.dumps(model).encode()}

    return apply


def of_arrays(name, change, *, file=WEIGHTS):
    """Change one array of a file; `change` gets it and returns another, or None to leave it out."""

    def apply(files):
        arrays = load(files[file])
        found = change(arrays.pop(name).copy())
        if found is not None:
            arrays[name] = np.ascontiguousarray(found)
        return files | {file: save(arrays)}

    return apply


def of_json(file, change):
    def apply(files):
        value = json.loads(files[file])
        return files | {file: json.dumps(change(value) or value).encode()}

    return apply


def put(at, value):
    """Return a function that puts a value into an array."""

    def change(array):
        array[at] = value
        return array

    return change


def swap_parents(parents):
    """Make two nodes each other's parent."""
    parents[-1], parents[-2] = len(parents) - 2, len(parents) - 1
    return parents


def panicking(tokenizer):
    """Ask for a token that is nowhere described: the tokenizer's own code stops with more than an error."""
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "[X]", "type_id": 0}}],
        "pair": [],
        "special_tokens": {},
    }


def without_unknown(tokenizer):
    tokenizer["model"] = {"type": "WordLevel", "vocab": {"a": 1}, "unk_token": "[NO]"}


HOSTILE = {
    "the model is a list": of_json(MODEL, lambda model: [model]),
    "the model is empty": of_json(MODEL, lambda model: model.clear()),
    "no tree": of_model(lambda model: model.pop("tree")),
    "an empty tree": of_model(lambda model: model["tree"].clear()),
    "a path is a number": of_model(lambda model: model["tree"].__setitem__(0, [7])),
    "a path is text": of_model(lambda model: model["tree"].__setitem__(0, "Beauty")),
    "a path is nothing": of_model(lambda model: model["tree"].__setitem__(0, [])),
    "a path is not below its parent": of_model(lambda model: model["tree"].__setitem__(-1, ["X", "Y"])),
    "a path comes twice": of_model(lambda model: model["tree"].__setitem__(1, model["tree"][0])),
    "a path too many": of_model(lambda model: model["tree"].append(["Z"])),
    "a cycle": of_arrays("tree.parents", swap_parents),
    "a node is its own parent": of_arrays("tree.parents", lambda array: put(-1, len(array) - 1)(array)),
    "a parent out of range": of_arrays("tree.parents", put(-1, 2**40)),
    "parents below the top": of_arrays("tree.parents", put(0, -2)),
    "parents are fractions": of_arrays("tree.parents", lambda array: array.astype(np.float64)),
    "parents in two dimensions": of_arrays("tree.parents", lambda array: array[None]),
    "no parents": of_arrays("tree.parents", lambda array: None),
    "no experts": of_model(lambda model: model["experts"].clear()),
    "an expert of no kind": of_model(lambda model: model["experts"][0].update(kind="forest")),
    "an expert of another kind": of_model(lambda model: model["experts"][0].update(kind="embedding")),
    "an expert twice": of_model(lambda model: model["experts"].__setitem__(1, model["experts"][0])),
    "an expert of no field": of_model(lambda model: model["experts"][1].update(field="price")),
    "an expert of a path": of_model(lambda model: model["experts"][0].update(field="../../etc/passwd")),
    "an expert without its arrays": of_arrays("expert.1.weights", lambda array: None),
    "weights for fewer terms": of_arrays("expert.0.weights", lambda array: array[:-1]),
    "weights for fewer categories": of_arrays("expert.0.weights", lambda array: array[:, :-1]),
    "weights in one dimension": of_arrays("expert.0.weights", lambda array: array.ravel()),
    "weights are not numbers": of_arrays("expert.0.weights", put((0, 0), np.nan)),
    "weights without end": of_arrays("expert.1.weights", put((0, 0), np.inf)),
    "weights are truth values": of_arrays("expert.0.weights", lambda array: array > 0),
    "a bias that is no number": of_arrays("expert.0.bias", put(0, np.nan)),
    "a bias for fewer categories": of_arrays("expert.0.bias", lambda array: array[:-1]),
    "a term without a weight": of_arrays("expert.0.idf", lambda array: array[:-1]),
    "a term that weighs without end": of_arrays("expert.0.idf", put(0, np.inf)),
    "a centre of fewer numbers": of_arrays("expert.1.centre", lambda array: array[:-1]),
    "a centre that is nowhere": of_arrays("expert.1.centre", put(0, np.float32(3e38))),
    "landmarks that are nowhere": of_arrays("expert.1.points", put((0, 0), np.nan)),
    "landmarks in one dimension": of_arrays("expert.1.points", lambda array: array.ravel()),
    "a word is a number": of_json("lexicons/title.json", lambda value: value["words"].__setitem__(0, 3)),
    "a word comes twice": of_json(
        "lexicons/title.json", lambda value: value["words"].__setitem__(0, value["words"][1])
    ),
    "words are text": of_json("lexicons/title.json", lambda value: value.update(words="red")),
    "a pool of terms is missing": of_model(lambda model: model["term_pools"].pop()),
    "a pool of terms of a photo": of_model(lambda model: model["term_pools"][0].update(fields=["photo"])),
    "no pools of terms": of_model(lambda model: model.pop("term_pools")),
    "weights of terms that are no numbers": of_arrays("terms.0.weights", put((0, 0), np.nan)),
    "a cascade of unknown fields": of_model(lambda model: model["cascades"][0].update(fields=["price"])),
    "a cascade without its arrays": of_arrays("cascade.0.weights", lambda array: None),
    "an exit too many": of_arrays("cascade.0.weights", lambda array: np.append(array, 0.5)),
    "an exit that is no number": of_arrays("cascade.0.weights", put(0, np.nan)),
    "an exit below nothing": of_arrays("cascade.0.weights", put(0, -0.1)),
    "a cascade that was wrong more often than it answered": of_arrays("cascade.0.wrong", lambda array: array + 10_000),
    "no pools": of_model(lambda model: model["pools"].clear()),
    "a pool is missing": of_model(lambda model: model["pools"].pop()),
    "a pool of nothing": of_model(lambda model: model["pools"][0].update(fields=[])),
    "a pool of unknown fields": of_model(lambda model: model["pools"][0].update(fields=["price"])),
    "a pool without its arrays": of_arrays("pool.0.weights", lambda array: None),
    "a pool of the wrong shape": of_arrays("pool.0.weights", lambda array: array[:, :1]),
    "a pool that is no number": of_arrays("pool.3.weights", put((0, 0), np.nan)),
    "a pool without end": of_arrays("pool.3.weights", put((0, 0), 1e300)),
    "a pool below zero": of_arrays("pool.3.weights", put((0, 0), -1.0)),
    "thresholds without end": of_arrays("pool.0.thresholds", put(-1, 1e300)),
    "thresholds that are no numbers": of_arrays("pool.0.thresholds", put(-1, np.nan)),
    "thresholds that fall": of_arrays("pool.0.thresholds", lambda array: array[::-1]),
    "no thresholds": of_arrays("pool.0.thresholds", lambda array: array[:0]),
    "more wrong than answered": of_arrays("pool.0.wrong", put(0, 2**40)),
    "more answered than there are": of_arrays("pool.0.items", put(0, -1)),
    "a planet of products": lambda files: of_arrays("pool.0.items", put(0, 2**60))(files),
    "counts are missing": of_arrays("pool.0.answered", lambda array: None),
    "a precision above one": of_model(lambda model: model.update(precision=1.5)),
    "a precision that is true": of_model(lambda model: model.update(precision=True)),
    "a precision in words": of_model(lambda model: model.update(precision="high")),
    "facts are a number": of_model(lambda model: model.update(facts=3)),
    "a reference filed nowhere": of_arrays("terminals", put(0, 999), file=VECTORS),
    "a reference filed before the first": of_arrays("terminals", put(0, -1), file=VECTORS),
    "fewer references than names": of_arrays("terminals", lambda array: array[:-1], file=VECTORS),
    "fewer titles than ids": of_json(KNOWN, lambda value: value["titles"].pop() and None),
    "an id that is a number": of_json(KNOWN, lambda value: value["ids"].__setitem__(0, 5)),
    "no hashes of what was seen": of_arrays("seen", lambda array: None, file=VECTORS),
    "hashes in two dimensions": of_arrays("seen", lambda array: array[None], file=VECTORS),
    "hashes that are fractions": of_arrays("seen", lambda array: array.astype(np.float64), file=VECTORS),
    "vectors of no field": of_json(KNOWN, lambda value: value["fields"].append("terminals")),
    "vectors of other length": of_arrays("title", lambda array: array[:, :-1], file=VECTORS),
    "vectors that are no numbers": of_arrays("photo", put((0, 0), np.nan), file=VECTORS),
    "no text encoder": of_json(ABOUT, lambda value: value.pop("text") and None),
    "a text encoder for photos": of_json(ABOUT, lambda value: value["text"].update(modality="photo")),
    "an encoder of nothing": of_json(ABOUT, lambda value: value["text"].update(dimension=0)),
    "an encoder of half numbers": of_json(ABOUT, lambda value: value["text"].update(dimension=38.4)),
    "an encoder wider than its graph": of_json(ABOUT, lambda value: value["photo"].update(dimension=4096)),
    "an output that the graph lacks": of_json(ABOUT, lambda value: value["text"].update(output="secret")),
    "photos like a wall": of_json(ABOUT, lambda value: value["photo"]["shape"].update(width=10**9)),
    "photos of another size": of_json(ABOUT, lambda value: value["photo"]["shape"].update(width=17)),
    "photos in grey": of_json(ABOUT, lambda value: value["photo"]["shape"].update(grey=True)),
    "pixels of another time": of_json(ABOUT, lambda value: value["photo"].update(decode_version=10**6)),
    "texts without end": of_json(ABOUT, lambda value: value["text"].update(max_tokens=10**12)),
    "texts of no tokens": of_json(ABOUT, lambda value: value["text"].update(max_tokens="many")),
    "an encoder that is text": of_json(ABOUT, lambda value: value.update(text="minilm")),
    "a tokenizer that is none": lambda files: files | {"encoders/text.tokenizer.json": b"{}"},
    "a tokenizer that panics": of_json("encoders/text.tokenizer.json", panicking),
    "a tokenizer that knows few words": of_json("encoders/text.tokenizer.json", without_unknown),
    "a graph that is none": lambda files: files | {"encoders/text.onnx": b"\x08\x0bgarbage"},
    "an empty graph": lambda files: files | {"encoders/photo.onnx": b""},
    "the graphs exchanged": lambda files: files | {"encoders/photo.onnx": files["encoders/text.onnx"]},
    "the evaluation is a number": lambda files: files | {"evaluation.json": b"3"},
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_folder_whose_hashes_are_right_and_whose_content_is_not(engine_files, tmp_path, change):
    write_artifact(tmp_path / "engine", change(dict(engine_files)), about={})
    with pytest.raises(EngineError, match="train"):
        load_engine(tmp_path / "engine")


@pytest.mark.parametrize("seed", range(40))
def test_numbers_changed_at_random_are_refused_or_harmless(engine_files, tmp_path, seed):
    """Whatever loads must answer: a category of its own tree, and a probability."""
    rng = np.random.default_rng(seed)
    arrays = load(engine_files[WEIGHTS])
    name = sorted(arrays)[rng.integers(len(arrays))]
    data = bytearray(arrays[name].tobytes())
    for place in rng.integers(0, len(data), 3):
        data[place] ^= 1 << int(rng.integers(8))
    arrays[name] = np.frombuffer(bytes(data), arrays[name].dtype).reshape(arrays[name].shape)
    write_artifact(tmp_path / "engine", engine_files | {WEIGHTS: save(arrays)}, about={})
    try:
        engine = load_engine(tmp_path / "engine", settings=Settings(threads=1))
    except EngineError:
        return
    (answer,) = engine.predict([Product(title="acme gel skin", description="iphone cover")])
    assert answer.leaf in engine.taxonomy
    assert 0 <= answer.probability <= 1

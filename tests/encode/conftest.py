"""Tiny encoders made on the spot: a word tokenizer, and graphs whose numbers can be worked out by hand."""

import io
import json
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from aisle.encode import find_encoder, open_spec, supply
from aisle.files import sha256_bytes
from aisle.settings import Settings

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "green", "blue", "watch", "lamp", "cup"]
WIDTH = 4
TABLE = np.random.default_rng(7).standard_normal((len(WORDS), WIDTH)).astype(np.float32)


@pytest.fixture
def settings(tmp_path):
    return Settings(cache_dir=tmp_path / "cache", offline=True, threads=2)


def tokens(text):
    """Return the token numbers of a text, as the tiny tokenizer makes them."""
    return [2, *(WORDS.index(word) if word in WORDS else 1 for word in text.split()), 3]


def write_tokenizer(path):
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 - no password
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.save(str(path))


def make_graph(nodes, inputs, outputs, *, weights=(), opsets=(("", 17),), functions=()):
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializer=list(weights))
    imports = [helper.make_opsetid(*opset) for opset in opsets]
    return helper.make_model(graph, opset_imports=imports, ir_version=8, functions=list(functions))


def text_graph(*, output="last_hidden_state", mask=True, kind=TensorProto.INT64, table=TABLE):
    """A graph that looks each token up in a table."""
    inputs = [helper.make_tensor_value_info("input_ids", kind, ["batch", "length"])]
    if mask:
        inputs.append(helper.make_tensor_value_info("attention_mask", kind, ["batch", "length"]))
    found = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", "length", WIDTH])
    nodes = [helper.make_node("Gather", ["table", "input_ids"], [output])]
    return make_graph(nodes, inputs, [found], weights=[numpy_helper.from_array(table, "table")])


def photo_graph(*, output="feature_map", shape=("batch", 3, "height", "width")):
    """A graph that returns the scaled pixels as they are, a feature map of three channels."""
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, shape)
    found = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
    return make_graph([helper.make_node("Identity", ["pixel_values"], [output])], [pixels], [found])


def write_text_folder(folder, model=None, **files):
    """Lay out a text encoder; further files by name with ``__`` for a slash, as objects of JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder / "tokenizer.json")
    onnx.save(model or text_graph(), folder / "model.onnx")
    for name, value in files.items():
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(value))
    return folder


PLAIN_PIXELS = {"size": {"width": 8, "height": 8}, "do_normalize": False, "rescale_factor": 1 / 255}


def write_photo_folder(folder, model=None, *, rules=PLAIN_PIXELS, graph="model.onnx"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "preprocessor_config.json").write_text(json.dumps(rules))
    onnx.save(model or photo_graph(), folder / graph)
    return folder


def png(colour, *, size=(16, 16)):
    """Return the bytes of a photo of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def drawing(seed, *, size=120):
    """Return the bytes of a photo with corners and blobs, as local features need them."""
    numbers = np.random.default_rng(seed)
    pixels = np.full((size, size, 3), 255, dtype=np.uint8)
    for _ in range(12):
        top, left = numbers.integers(0, size - 30, 2)
        high, wide = numbers.integers(8, 30, 2)
        pixels[top : top + high, left : left + wide] = numbers.integers(0, 256, 3)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def open_folder(settings):
    """Return a function that opens an encoder by its folder."""

    def open_folder(place):
        return open_spec(find_encoder(str(place), settings=settings), settings=settings)

    return open_folder


@pytest.fixture
def tiny():
    """Everything above by name; test modules cannot import one another."""
    return SimpleNamespace(
        WORDS=WORDS,
        TABLE=TABLE,
        PLAIN_PIXELS=PLAIN_PIXELS,
        tokens=tokens,
        make_graph=make_graph,
        text_graph=text_graph,
        photo_graph=photo_graph,
        write_text_folder=write_text_folder,
        write_photo_folder=write_photo_folder,
        png=png,
        drawing=drawing,
    )


class Hub(ThreadingHTTPServer):
    """A model hub on this machine: files by path, and a list of what was asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = {}
        self.asked = []
        self.silent = False
        self.url = f"http://127.0.0.1:{self.server_port}"

    def publish(self, folder, repo, revision="main"):
        """Offer the files of a folder as a repository."""
        for path in folder.rglob("*"):
            if path.is_file():
                name = path.relative_to(folder).as_posix()
                self.files[f"/{repo}/resolve/{revision}/{name}"] = path.read_bytes()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.server.asked.append(self.path)
        if self.server.silent:
            time.sleep(2)
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        data = self.server.files.get(self.path)
        self.send_response(404 if data is None else 200)
        if data is None:
            repo = self.path.partition("/resolve/")[0]
            known = any(path.startswith(f"{repo}/resolve/") for path in self.server.files)
            self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
            data = b""
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{sha256_bytes(data)}"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub():
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def online(settings, hub):
    """Settings that lead to the hub on this machine."""
    return replace(settings, offline=False, hub_url=hub.url)


@pytest.fixture(autouse=True)
def nobody_was_silent():
    """What one test learns of a source is not for the next."""
    supply._silent_until.clear()
    yield
    supply._silent_until.clear()

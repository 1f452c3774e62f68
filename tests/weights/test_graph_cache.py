"""A graph is drawn once; a damaged one is drawn again."""

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest

from aisle.errors import WeightsError
from aisle.settings import Settings
from aisle.weights import GraphKey, ensure_graph
from aisle.weights.graphs.builder import GraphBuilder

KEY = GraphKey(name="double it!", weights=("ab" * 32,), options=(("factor", "2"),))


@pytest.fixture
def settings(tmp_path):
    return Settings(cache_dir=tmp_path)


@pytest.fixture
def drawn():
    """Count how often the graph is drawn."""
    return []


@pytest.fixture
def build(drawn):
    def draw():
        drawn.append(1)
        graph = GraphBuilder("double")
        x = graph.input("x", dtype="float32", shape=("batch",))
        graph.output(graph.node("Mul", [x, graph.constant(2.0)]), name="y", shape=("batch",))
        return graph.model()

    return draw


def test_a_graph_is_drawn_once_and_computes(settings, build, drawn):
    path = ensure_graph(KEY, build, settings=settings)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert session.run(None, {"x": np.array([1, 2.5], np.float32)})[0].tolist() == [2, 5]
    assert ensure_graph(KEY, build, settings=settings) == path
    assert len(drawn) == 1
    assert path.parent == settings.cache_dir / "graphs"
    assert path.name.startswith("double-it--")


@pytest.mark.parametrize(
    "change", [{"name": "other"}, {"weights": ("cd" * 32,)}, {"options": (("factor", "3"),)}, {"options": ()}]
)
def test_another_key_is_another_file(settings, build, drawn, change):
    first = ensure_graph(KEY, build, settings=settings)
    assert ensure_graph(replace(KEY, **change), build, settings=settings) != first
    assert len(drawn) == 2


@pytest.mark.parametrize("damage", ["cut", "changed", "unsigned"])
def test_a_damaged_graph_is_drawn_again(settings, build, drawn, damage):
    path = ensure_graph(KEY, build, settings=settings)
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[:-1])
    elif damage == "changed":
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    else:
        path.with_name(f"{path.name}.sha256").unlink()
    assert ensure_graph(KEY, build, settings=settings).read_bytes() == whole
    assert len(drawn) == 2


def test_a_build_that_fails_leaves_nothing(settings):
    def fail():
        raise WeightsError("no")

    with pytest.raises(WeightsError):
        ensure_graph(KEY, fail, settings=settings)
    assert not list(settings.cache_dir.rglob("*.onnx*"))


def test_a_graph_that_breaks_the_rules_is_refused():
    graph = GraphBuilder("broken")
    graph.output("nowhere", name="y", shape=(1,))
    with pytest.raises(WeightsError, match="'broken' is not valid ONNX"):
        graph.model()


def test_a_graph_whose_shapes_do_not_fit_is_refused():
    graph = GraphBuilder("misfit")
    x = graph.input("x", dtype="float32", shape=("batch", 3))
    weight = graph.constant(np.zeros((4, 2), np.float32))
    graph.output(graph.node("MatMul", [x, weight]), name="y", shape=("batch", 2))
    with pytest.raises(WeightsError, match="'misfit' is not valid ONNX"):
        graph.model()

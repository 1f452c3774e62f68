"""ONNX graphs that somebody else made: read with the suspicion that bytes from outside deserve."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx

from aisle.errors import EncoderFolderError

_STANDARD_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})


@dataclass(frozen=True, kw_only=True)
class ForeignGraph:
    """A graph, checked.

    Attributes
    ----------
    path : Path
        Where it lies.
    data : bytes
        The file.
    inputs, outputs : tuple of (str, int)
        Names, and how many axes each has; -1 where the graph does not say.
    """

    path: Path
    data: bytes
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]


def read_foreign_graph(path: Path) -> ForeignGraph:
    """Read a graph, refusing what could reach outside it.

    Weights in separate files are a way out of the folder (CVE-2022-25882, CVE-2024-27318), and custom
    operators are foreign code.

    Raises
    ------
    EncoderFolderError
        It is no ONNX graph, keeps weights in other files, or uses operators of a foreign domain.
    """
    try:
        data = path.read_bytes()
        model = onnx.load_model_from_string(data)
    except Exception as err:  # the parser has no error of its own: bytes from outside meet it here
        raise EncoderFolderError(f"{path} is not a readable ONNX graph: {err}") from err
    if not model.graph.node:
        raise EncoderFolderError(f"{path} is not an ONNX graph: it computes nothing")
    own = {function.domain for function in model.functions}
    for node in _nodes(model):
        if node.domain not in _STANDARD_DOMAINS | own:
            raise EncoderFolderError(f"{path} uses the custom operator {node.domain}.{node.op_type}, which is refused")
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in _tensors(model)):
        raise EncoderFolderError(f"{path} keeps weights in other files, which is refused; export it as one file")
    weights = {tensor.name for tensor in model.graph.initializer}
    return ForeignGraph(
        path=path,
        data=data,
        inputs=tuple(_axes(value) for value in model.graph.input if value.name not in weights),
        outputs=tuple(_axes(value) for value in model.graph.output),
    )


def _axes(value: onnx.ValueInfoProto) -> tuple[str, int]:
    kind = value.type.tensor_type
    return value.name, len(kind.shape.dim) if kind.HasField("shape") else -1


def _graphs(model: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """Yield the graph and those inside its loops, branches and functions."""
    waiting = [model.graph]
    waiting += [graph for function in model.functions for graph in _inside(function.node)]
    while waiting:
        graph = waiting.pop()
        yield graph
        waiting += _inside(graph.node)


def _inside(nodes: Iterable[onnx.NodeProto]) -> list[onnx.GraphProto]:
    found = []
    for node in nodes:
        for attribute in node.attribute:
            found += [attribute.g] if attribute.HasField("g") else []
            found += attribute.graphs
    return found


def _nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    for graph in _graphs(model):
        yield from graph.node
    for function in model.functions:
        yield from function.node


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor that the file holds, wherever it may stand."""
    for graph in _graphs(model):
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
    for node in _nodes(model):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)

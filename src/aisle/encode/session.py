"""ONNX Runtime sessions, opened so that photos and texts, not the inside of one, are what runs in parallel."""

from pathlib import Path
from typing import Any

import onnx
import onnxruntime

from aisle.errors import EncoderFolderError

_STANDARD_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})


def open_session(graph: Path | bytes) -> Any:
    """Open a session that computes on the calling thread only.

    Several threads may call it at once: one photo per core beats one photo on all cores, and nothing spins while idle.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    source = graph if isinstance(graph, bytes) else str(graph)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def read_foreign_graph(path: Path) -> bytes:
    """Read a graph that somebody else made, refusing what could reach outside it.

    Weights in separate files are a way out of the folder (CVE-2022-25882, CVE-2024-27318), and custom operators are
    foreign code.

    Raises
    ------
    EncoderFolderError
        It is no ONNX graph, keeps weights in other files, or uses operators of a foreign domain.
    """
    data = path.read_bytes()
    try:
        model = onnx.load_model_from_string(data)
    except Exception as err:  # the parser has no error of its own: bytes from outside meet it here
        raise EncoderFolderError(f"{path} is not a readable ONNX graph: {err}") from err
    tensors = list(model.graph.initializer)
    for node in model.graph.node:
        if node.domain not in _STANDARD_DOMAINS:
            raise EncoderFolderError(
                f"{path} uses the custom operator {node.domain}.{node.op_type}, which is refused"
            )
        tensors += [attribute.t for attribute in node.attribute if attribute.HasField("t")]
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in tensors):
        raise EncoderFolderError(
            f"{path} keeps weights in other files, which is refused; export it as one file"
        )
    return data

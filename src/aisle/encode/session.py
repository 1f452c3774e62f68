"""ONNX Runtime sessions, opened so that photos and texts run in parallel, not the inside of one."""

from pathlib import Path
from typing import Any

import onnxruntime

from aisle.encode.graph_bytes import check_graph


def open_session(graph: Path | bytes) -> Any:
    """Open a session that computes on the calling thread only.

    Several threads may call it at once: one photo per core beats one photo on all cores, and nothing spins
    while idle.

    Raises
    ------
    ValueError
        The graph is given as bytes and keeps weights in other files, or is no ONNX model.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    if isinstance(graph, bytes):
        check_graph(graph)
        options.add_session_config_entry("session.load_model_format", "ONNX")  # no other than the one just checked
    source = graph if isinstance(graph, bytes) else str(graph)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])

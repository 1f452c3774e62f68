"""Pretrained weights: where they come from, verified by SHA-256, and the ONNX graphs drawn from them."""

from aisle.weights.formats import read_safetensors, read_tensors, read_torch
from aisle.weights.graph_cache import GraphKey, ensure_graph
from aisle.weights.hub import HubFile
from aisle.weights.sources import LocalFile, WeightsFile, cache_path, digest, fetch, fetch_all
from aisle.weights.wheel import WheelFile

__all__ = [
    "GraphKey",
    "HubFile",
    "LocalFile",
    "WeightsFile",
    "WheelFile",
    "cache_path",
    "digest",
    "ensure_graph",
    "fetch",
    "fetch_all",
    "read_safetensors",
    "read_tensors",
    "read_torch",
]

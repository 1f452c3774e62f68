"""ONNX graphs on disk: drawn once from verified weights, only read after that."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx

from aisle.files import sha256_bytes, sha256_file, write_bytes, write_text
from aisle.settings import Settings

log = logging.getLogger(__name__)

BUILDER_VERSION = 1
"""Raise it whenever a builder draws another graph from the same weights."""


@dataclass(frozen=True, kw_only=True)
class GraphKey:
    """What decides how a graph looks.

    Attributes
    ----------
    name : str
        The encoder; only for people who look into the cache.
    weights : tuple of str
        The SHA-256 of every weights file that goes in, in a fixed order.
    options : tuple of (str, str)
        What the builder is told, e.g. ``(("pooling", "mean"), ("normalise", "yes"))``.
    """

    name: str
    weights: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()

    @property
    def filename(self) -> str:
        """Name the graph's file; another key has another name."""
        text = json.dumps([BUILDER_VERSION, self.name, self.weights, self.options])
        stem = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in self.name)
        return f"{stem}-{sha256_bytes(text.encode())[:20]}.onnx"


def ensure_graph(key: GraphKey, build: Callable[[], onnx.ModelProto], *, settings: Settings) -> Path:
    """Return the file of a graph, drawing it where it is not in the cache.

    A graph's own hash lies beside it and is compared at every call (about 60 ms for 90 MB), so a damaged
    file is drawn again instead of being used.

    Parameters
    ----------
    key : GraphKey
        Decides the file's name.
    build : callable
        Draws the graph; called only where it is needed, so it may fetch weights.
    settings : Settings
        The cache.

    Returns
    -------
    Path
        An ``.onnx`` file, ready for onnxruntime.
    """
    path = settings.cache_dir / "graphs" / key.filename
    record = path.with_name(f"{path.name}.sha256")
    try:
        if sha256_file(path) == record.read_text(encoding="ascii").strip():
            return path
        log.warning("%s is damaged; it is drawn again", path)
    except (FileNotFoundError, UnicodeDecodeError):
        log.info("drawing the graph of %s", key.name)
    data = build().SerializeToString()
    # Two processes may come here at once: both write the same bytes, each in one step.
    write_bytes(path, data)
    write_text(record, f"{sha256_bytes(data)}\n")
    return path

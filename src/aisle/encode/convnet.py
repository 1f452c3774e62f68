"""Photo networks in ONNX Runtime."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.encode.session import open_session

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class PixelRules:
    """How pixels are scaled for a graph that does not do so: ``(x * scale - mean) / std``, channels first.

    Attributes
    ----------
    scale : float
        Applied to 0..255.
    mean, std : tuple of three floats
        Per channel, RGB.
    """

    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class PhotoNetwork:
    """Embeds photos with a network's graph.

    Parameters
    ----------
    graph : Path or bytes
        An ONNX graph with one input: uint8 [n, height, width, 3], or, with `rules`, float32 [n, 3, height,
        width].
    outputs : sequence of str
        Outputs to put side by side. One with more than two axes is averaged over the positions.
    rules : PixelRules, optional
        For a graph that wants scaled pixels.
    """

    def __init__(self, graph: Path | bytes, *, outputs: Sequence[str], rules: PixelRules | None = None) -> None:
        self._session = open_session(graph)
        self._input = self._session.get_inputs()[0].name
        self.outputs = list(outputs)
        self.rules = rules

    def encode(self, pixels: NDArray[np.uint8]) -> Array:
        """Embed decoded photos, uint8 (n, height, width, 3), on the calling thread: shape (n, d)."""
        feed = pixels if self.rules is None else _scale(pixels, self.rules)
        found = self._session.run(self.outputs, {self._input: feed})
        return np.concatenate([_flat(values) for values in found], axis=1, dtype=np.float32)


def _scale(pixels: NDArray[np.uint8], rules: PixelRules) -> Array:
    mean, std = (np.asarray(values, dtype=np.float32) for values in (rules.mean, rules.std))
    scaled = (pixels.astype(np.float32) * np.float32(rules.scale) - mean) / std
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def _flat(values: Array) -> Array:
    """Average feature maps [n, c, h, w] over the picture and token states [n, tokens, d] over the tokens."""
    positions = (2, 3) if values.ndim == 4 else 1
    return values if values.ndim < 3 else np.asarray(values.mean(axis=positions))

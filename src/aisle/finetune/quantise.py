"""Graphs in whole numbers of 8 bits (Jacob et al. 2018): offered only where they are faster here and as good."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from aisle.encode.session import open_session
from aisle.files import disk_errors

LEAST_SPEEDUP = 1.2
"""Times faster that an 8-bit graph must be."""

MOST_LOSS = 0.2
"""Points that it may cost."""

_RUNS = 9

_ROOM = 6
"""Times its own size that a graph takes on the disk while it is brought to 8 bits (measured: less than 5)."""

Feed = Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Int8Offer:
    """What came of it.

    Attributes
    ----------
    graph : bytes or None
        ONNX in 8 bits; None where it is not worth having.
    speedup : float or None
        Of this machine on one thread, the median over pairs of runs. None where it was not tried.
    loss : float or None
        Points lost; negative where it scores higher. None where it was not scored.
    reason : str
        Why it is offered or not, in words.
    """

    graph: bytes | None
    speedup: float | None
    loss: float | None
    reason: str


def offer_int8(graph: bytes, *, feed: Sequence[Feed], score: Callable[[bytes], float]) -> Int8Offer:
    """Bring a graph to 8 bits, and offer the result if it is faster and as good.

    A text graph is given weights of 8 bits, and the range of its states is found anew in every run. A photo graph reads
    pixels whose ranges differ little, so they are found once, from the probes: the other way was a quarter as fast as
    the graph in 32 bits.

    Parameters
    ----------
    graph : bytes
        ONNX in 32 bits.
    feed : sequence of mapping of str to ndarray
        Batches of inputs as it will meet them: they are run for the time, and photos are measured on them.
    score : callable
        From a graph to its score, from 0 to 1, on products that were not learned from.

    Returns
    -------
    Int8Offer

    Raises
    ------
    ValueError
        There is nothing to measure on.
    DiskFullError
        The disk of temporary files is full.
    """
    if not feed:
        raise ValueError("an 8-bit graph is measured on probes, and there are none")
    small = quantise(graph, feed)
    speedup = measure_speedup(graph, small, feed)
    if not speedup >= LEAST_SPEEDUP:
        reason = f"{speedup:.2f} times as fast as in 32 bits, and {LEAST_SPEEDUP} is the least it is offered for"
        return Int8Offer(graph=None, speedup=speedup, loss=None, reason=reason)
    loss = round(100 * (score(graph) - score(small)), 9)  # one of 500 is 0.2, not the next number above it
    reason = f"{speedup:.2f} times as fast as in 32 bits, at {loss:+.2f} points of loss"
    if not loss <= MOST_LOSS:
        return Int8Offer(graph=None, speedup=speedup, loss=loss, reason=f"{reason}; {MOST_LOSS} is the most it may be")
    return Int8Offer(graph=small, speedup=speedup, loss=loss, reason=reason)


def quantise(graph: bytes, feed: Sequence[Feed]) -> bytes:
    """Return a graph in 8 bits.

    Raises
    ------
    DiskFullError
        The disk of temporary files is full.
    """
    with disk_errors(Path(tempfile.gettempdir(), "int8.onnx")), tempfile.TemporaryDirectory() as place:
        _check_room(place, _ROOM * len(graph))
        given, prepared, result = (Path(place, f"{name}.onnx") for name in ("given", "prepared", "int8"))
        given.write_bytes(graph)
        # Symbolic shapes need a further library, and onnx infers all that these graphs need.
        quant_pre_process(given, prepared, skip_symbolic_shape=True)
        if "input_ids" in feed[0]:
            quantize_dynamic(prepared, result, per_channel=True, weight_type=QuantType.QInt8)
        else:
            quantize_static(
                prepared,
                result,
                _Probes(feed),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                # Of the two kinds of whole numbers this is the one that processors multiply fast.
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        return result.read_bytes()


def _check_room(place: str, size: int) -> None:
    """Take some of the disk and give it back: what onnx writes in C++ is cut short where it is full, without a word."""
    with tempfile.TemporaryFile(dir=place) as file:
        os.posix_fallocate(file.fileno(), 0, size)


def measure_speedup(graph: bytes, other: bytes, feed: Sequence[Feed]) -> float:
    """Return how many times faster the other graph is on one thread: the median over pairs of runs."""
    sessions = open_session(graph), open_session(other)
    for session in sessions:
        session.run(None, dict(feed[0]))  # the first run allocates
    ratios = []
    for number in range(max(_RUNS, len(feed))):
        before, after = (_seconds(session, feed[number % len(feed)]) for session in sessions)
        ratios.append(before / after)
    return statistics.median(ratios)


def _seconds(session: Any, batch: Feed) -> float:
    started = time.perf_counter()
    session.run(None, dict(batch))
    return time.perf_counter() - started


class _Probes(CalibrationDataReader):
    """Hands out the probes one after another."""

    def __init__(self, feed: Sequence[Feed]) -> None:
        self._left: Iterator[Feed] = iter(feed)

    def get_next(self) -> Feed | None:
        """Return the next probe, None behind the last."""
        return next(self._left, None)

"""What share of this machine's matrix products each encoder reaches: ``python sgemm_share.py JOB ANSWER``, JSON files.

Measured in turn, best of the rounds: float32 products of 1536 x 1536 in numpy's BLAS, and the encoders of an engine on
what is in memory already, so that no photo is read. Only the arithmetic of convolutions and matrix products counts, of
real tokens: padding, tokenising and everything else is loss. On one thread its own time counts, which others on a busy
machine do not lengthen much; on all threads the clock on the wall.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import timed
from threadpoolctl import threadpool_limits

import aisle
from aisle.encode import transformer
from aisle.encode.parallel import map_threads
from aisle.settings import Settings

SIDE = 1536
LAYERS, HIDDEN, INNER = 6, 384, 1536  # of MiniLM
TEXTS = 64
PHOTOS_AT_ONCE, PASSES = 4, 12
BUDGETS = (256, 512, 1024, 2048)


def product_rate(threads: int) -> float:
    """Return the operations per second of a matrix product."""
    a, b = np.random.default_rng(0).random((2, SIDE, SIDE), dtype=np.float32)
    out = np.empty_like(a)
    with threadpool_limits(threads, user_api="blas"):
        return 2 * SIDE**3 / min(seconds(lambda: np.matmul(a, b, out=out), threads=threads) for _ in range(5))


def text_work(lengths: Sequence[int]) -> float:
    """Return the operations that MiniLM takes for texts of so many tokens."""
    tokens = np.array(lengths, dtype=np.float64)
    per_token = 4 * HIDDEN**2 + 2 * HIDDEN * INNER + 2 * HIDDEN * tokens
    return float(2 * LAYERS * (tokens * per_token).sum())


def photo_work(graph: bytes) -> float:
    """Return the operations that the convolutions of a graph take for one photo."""
    inferred = onnx.shape_inference.infer_shapes(onnx.load_from_string(graph)).graph
    weights = {each.name: list(each.dims) for each in inferred.initializer}
    sides = {
        each.name: [axis.dim_value for axis in each.type.tensor_type.shape.dim[2:]] for each in inferred.value_info
    }
    nodes = [node for node in inferred.node if node.op_type == "Conv"]
    return float(sum(2 * np.prod(weights[node.input[1]]) * np.prod(sides[node.output[0]]) for node in nodes))


def seconds(work: Callable[[], object], *, threads: int) -> float:
    """Return how long something takes."""
    clock = time.process_time if threads == 1 else time.perf_counter
    started = clock()
    work()
    return clock() - started


def main() -> None:
    """Measure on one thread and on all."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    settings = Settings.load()
    engine = aisle.load(job["inputs"]["engine"], settings=settings)
    text, photo = engine._reader._text.network, engine._reader._photo.network
    titles = [row["title"] for row in job["rows"]]
    texts = [timed.one_text(row) for row in job["rows"][:TEXTS]]
    drawn = np.random.default_rng(0).integers(0, 256, (PHOTOS_AT_ONCE, 224, 224, 3), dtype=np.uint8)
    one_photo = photo_work(engine.knowledge.encoders["photo"].graph)

    def embed(given: Sequence[str], *, threads: int, budget: int = transformer.TOKEN_BUDGET) -> float:
        transformer.TOKEN_BUDGET = budget
        lengths = [len(each.ids) for each in text._tokenizer.encode_batch(given)]
        return text_work(lengths) / seconds(lambda: text.encode(given, threads=threads), threads=threads)

    def look(threads: int) -> float:
        spent = seconds(lambda: list(map_threads(photo.encode, [drawn] * PASSES, threads=threads)), threads=threads)
        return one_photo * PHOTOS_AT_ONCE * PASSES / spent

    answer = {}
    for threads in sorted({1, settings.threads}):
        contestants: dict[str, Callable[[], float]] = {
            "SGEMM": lambda threads=threads: product_rate(threads),
            "EfficientNet-Lite0": lambda threads=threads: look(threads),
            "MiniLM": lambda threads=threads: embed(texts, threads=threads),
        }
        if threads == 1:
            contestants |= {
                f"MiniLM, titles, {each} at once": lambda each=each: embed(titles, threads=1, budget=each)
                for each in BUDGETS
            }
        rounds = [{name: measure() for name, measure in contestants.items()} for _ in range(job["rounds"] + 2)]
        answer[threads] = {name: max(each[name] for each in rounds) for name in contestants}
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()

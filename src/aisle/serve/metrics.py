"""Figures for Prometheus. Labels come from short fixed lists: no category, no key, no path that a sender chose."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from aisle.product import Prediction
    from aisle.serve.inference.batcher import Batcher, BatchTimes
    from aisle.serve.inference.live import LiveEngine

MEDIA_TYPE = CONTENT_TYPE_LATEST

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.035, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})


class Metrics:
    """The figures of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = self._counter("aisle_requests", "Requests answered.", "method", "route", "status")
        self._latency = self._histogram("aisle_request_seconds", "From request to answer.", "route")
        self._refusals = self._counter("aisle_refusals", "Requests refused, by the code of the problem.", "code")
        self._decisions = self._counter("aisle_predictions", "Products answered, by decision.", "decision")
        self._decode = self._histogram("aisle_decode_seconds", "Decoding a photo.")
        self._encode = self._histogram("aisle_encode_seconds", "Encoding the products of a batch.")
        self._wait = self._histogram("aisle_queue_wait_seconds", "From request to the batch it is answered in.")
        self._predict = self._histogram("aisle_predict_seconds", "Answering a batch.")
        self._sizes = Histogram("aisle_batch_size", "Products of a batch.", registry=self.registry, buckets=_SIZES)

    def follow(self, live: "LiveEngine", batcher: "Batcher") -> None:
        """Show the state of the engine and of the queue whenever figures are asked for."""
        self._gauge("aisle_engine_generation", "How often another engine has gone live here.", lambda: live.swaps)
        self._gauge("aisle_engine_swap_failures", "How often one could not go live.", lambda: live.failures)
        self._gauge("aisle_queue_waiting", "Products that wait for the engine.", lambda: batcher.waiting)
        self._gauge("aisle_workers_busy", "Threads that answer just now.", lambda: batcher.busy)

    def request(self, *, method: str, route: str, status: int, seconds: float, code: str) -> None:
        """Count a request; `route` is a template, and `code` a problem's; both may be empty."""
        route = route or "none"
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._latency.labels(route).observe(seconds)
        if code:
            self._refusals.labels(code).inc()

    def decode(self, seconds: float) -> None:
        """Time the decoding of a photo."""
        self._decode.observe(seconds)

    def encode(self, seconds: float) -> None:
        """Time the encoding of a batch."""
        self._encode.observe(seconds)

    def queue_wait(self, seconds: float) -> None:
        """Time how long a product waited for its batch."""
        self._wait.observe(seconds)

    def predict(self, seconds: float) -> None:
        """Time a batch."""
        self._predict.observe(seconds)

    def batch(self, times: "BatchTimes") -> None:
        """Time a batch and what waited for it; for the batcher, on any thread."""
        self.predict(times.worked)
        self._sizes.observe(times.size)
        for seconds in times.waited:
            self.queue_wait(seconds)

    def decided(self, prediction: "Prediction") -> None:
        """Count an answer that was given: ``accept``, ``partial`` or ``review``."""
        self._decisions.labels(prediction.decision).inc()

    def text(self) -> bytes:
        """Return all figures in the format of Prometheus."""
        return generate_latest(self.registry)

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(name, words, labels, registry=self.registry)

    def _histogram(self, name: str, words: str, *labels: str) -> Histogram:
        return Histogram(name, words, labels, registry=self.registry, buckets=_SECONDS)

    def _gauge(self, name: str, words: str, value: Callable[[], float]) -> None:
        Gauge(name, words, registry=self.registry).set_function(value)

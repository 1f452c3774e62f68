"""Requests shared out to threads: what waits is answered together, and nothing waits for company.

Each worker takes what is there, its share of it, and answers it in one call of the engine; photos are decoded there,
too. A lone request is taken at once. Products that came many in one request stand behind those that came alone, unless
they have waited for long.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from threadpoolctl import ThreadpoolController

from aisle.product import Prediction, Product
from aisle.serve.inference.waiting import Item, deliver
from aisle.serve.problems import Problem

log = logging.getLogger(__name__)

BULK = 4
"""How many times `queue_size` products of bulk requests may wait."""

_BULK_SHARE = 4  # products of bulk requests answered at once: a request that comes meanwhile waits for them
_BULK_PATIENCE = 1.0  # seconds after which bulk is served before single requests
_RETRY_AFTER = 1


class Answering(Protocol):
    """What is asked of an engine here; several threads ask at once."""

    def predict(
        self, products: Sequence[Product], *, precision: float | None = None, evidence: bool = True
    ) -> list[Prediction]:
        """Return a prediction for each product, in order."""


class Current(Protocol):
    """What knows the engine that answers now."""

    @property
    def current(self) -> Answering:
        """The engine; the next call may give another."""


@dataclass(frozen=True, kw_only=True)
class BatchTimes:
    """What a batch took.

    Attributes
    ----------
    size : int
        Products answered together.
    waited : tuple of float
        Seconds that each had waited.
    worked : float
        Seconds that the engine took.
    """

    size: int
    waited: tuple[float, ...]
    worked: float


class Batcher:
    """Answers products with the engine that is live, on a fixed number of threads.

    Parameters
    ----------
    live : object with a property ``current``
        Asked once per batch.
    workers : int
        Threads; the number of cores.
    queue_size : int
        Requests that may wait; the next is refused.
    batch_size : int
        Products answered together at most.
    observe : callable, optional
        Told of each batch, on the worker's thread.
    """

    def __init__(
        self,
        live: Current,
        *,
        workers: int,
        queue_size: int,
        batch_size: int,
        observe: Callable[[BatchTimes], None] | None = None,
    ) -> None:
        self._live = live
        self._queue_size = queue_size
        self._batch_size = batch_size
        self._observe = observe
        self._single: deque[Item] = deque()
        self._bulk: deque[Item] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._bulk_last = False
        self._idle = 0
        # Before any of them works: the limit belongs to the process, and each call of an engine finds it set.
        self._one_thread = ThreadpoolController().limit(limits=1, user_api="blas")
        self._threads = [
            threading.Thread(target=self._serve if number else self._serve_first, name=f"answer-{number}", daemon=True)
            for number in range(max(1, workers))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Products that no worker has taken yet."""
        return len(self._single) + len(self._bulk)

    @property
    def busy(self) -> int:
        """Workers that are at work."""
        return len(self._threads) - self._idle

    async def predict(
        self,
        product: Product,
        *,
        precision: float | None = None,
        evidence: bool = True,
        deadline: float | None = None,
    ) -> Prediction:
        """Answer one product.

        Parameters
        ----------
        product : Product
        precision, evidence
            As for `aisle.engine.Engine.predict`.
        deadline : float, optional
            On the clock of `time.monotonic`: not begun by then, it is not begun at all.

        Raises
        ------
        Problem
            503 ``busy``: too many wait already, the deadline passed, or the service is being stopped.
        Exception
            Whatever the engine raised for this product.
        """
        (found,) = await self._ask([product], self._single, self._queue_size, (precision, evidence), deadline)
        return found

    async def predict_many(
        self,
        products: Sequence[Product],
        *,
        precision: float | None = None,
        evidence: bool = True,
        deadline: float | None = None,
    ) -> list[Prediction]:
        """Answer the products of one request, all or none; parameters and errors are those of `predict`."""
        most = max(BULK * self._queue_size, len(products))
        return await self._ask(products, self._bulk, most, (precision, evidence), deadline)

    def close(self, timeout: float | None = None) -> None:
        """Take nothing more, answer what was taken, and end the threads.

        Parameters
        ----------
        timeout : float, optional
            Seconds; what is not begun by then is refused. No limit by default.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        end = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
        with self._changed:
            left = [*self._single, *self._bulk]
            self._single.clear()
            self._bulk.clear()
        deliver([(item, _busy("The service is being stopped.")) for item in left])

    async def _ask(
        self,
        products: Sequence[Product],
        queue: deque[Item],
        most: int,
        rules: tuple[float | None, bool],
        deadline: float | None,
    ) -> list[Prediction]:
        loop = asyncio.get_running_loop()
        items = [Item(product, rules, deadline, loop, loop.create_future()) for product in products]
        with self._changed:
            if self._closed:
                raise _busy("The service is being stopped.")
            if len(queue) + len(items) > most:
                raise _busy("More requests wait than can be answered soon.")
            queue.extend(items)
            self._changed.notify(len(items))
        try:
            return [await item.future for item in items]
        finally:
            self._forget(item for item in items if not item.future.done() or item.future.cancelled())
            for item in items:
                if item.future.done() and not item.future.cancelled():
                    item.future.exception()  # one error is raised; the others of the request count as seen

    def _forget(self, items: Iterable[Item]) -> None:
        """Take back what nobody waits for any more."""
        for item in items:
            item.dropped = True
            with self._changed:
                for queue in (self._single, self._bulk):
                    if item in queue:
                        queue.remove(item)

    def _serve_first(self) -> None:
        """Serve, and keep linear algebra to the calling thread until the last worker has ended.

        Where each call of an engine set that limit and put it back alone, the first that ends would undo it for the
        others.
        """
        with self._one_thread:
            self._serve()
            for other in self._threads[1:]:
                other.join()

    def _serve(self) -> None:
        while batch := self._take():
            try:
                self._answer(batch)
            except BaseException:  # a worker outlives whatever happens to a batch
                log.exception("a batch of %d products failed outside of the engine", len(batch))
                deliver([(item, RuntimeError("the batch failed")) for item in batch])

    def _take(self) -> list[Item]:
        """Wait for work, and return a fair share of it; nothing once the batcher is closed and all is done."""
        with self._changed:
            self._idle += 1
            while not (self._single or self._bulk):
                if self._closed:
                    return []
                self._changed.wait()
            self._idle -= 1
            late = bool(self._bulk) and time.monotonic() - self._bulk[0].came > _BULK_PATIENCE
            late = late and not self._bulk_last  # in turns: neither kind shuts the other out
            queue = self._bulk if late or not self._single else self._single
            self._bulk_last = queue is self._bulk
            share = -(-len(queue) // len(self._threads))
            most = min(self._batch_size, share if queue is self._single else min(share, _BULK_SHARE))
            return [queue.popleft() for _ in range(max(1, most))]

    def _answer(self, batch: Sequence[Item]) -> None:
        now = time.monotonic()
        late = [item for item in batch if item.deadline is not None and now > item.deadline]
        deliver([(item, _busy("The time for this request was over before its turn came.")) for item in late])
        groups: dict[tuple[float | None, bool], list[Item]] = {}
        for item in batch:
            if not (item.dropped or item in late):
                groups.setdefault(item.rules, []).append(item)
        for items in groups.values():
            started = time.monotonic()
            results = self._predict(items)
            worked = time.monotonic() - started
            deliver(zip(items, results, strict=True))
            if self._observe is not None:
                waited = tuple(started - item.came for item in items)
                self._observe(BatchTimes(size=len(items), waited=waited, worked=worked))

    def _predict(self, items: Sequence[Item]) -> list[Prediction | Exception]:
        """Answer products that ask for the same; where that fails, each alone, so that one does not spoil the rest."""
        precision, evidence = items[0].rules
        engine = self._live.current
        try:
            found = engine.predict([item.product for item in items], precision=precision, evidence=evidence)
            if len(found) != len(items):
                raise RuntimeError(f"the engine gave {len(found)} answers for {len(items)} products")
            return list(found)
        except BaseException as err:  # panics of Rust are no Exception
            if len(items) == 1:
                plain = isinstance(err, Exception) and not isinstance(err, StopIteration)
                return [err if plain else RuntimeError(f"the engine failed: {err!r}")]  # type: ignore[list-item]
        return [result for item in items for result in self._predict([item])]


def _busy(detail: str) -> Problem:
    return Problem(503, "busy", "The service is busy", f"{detail} Try again in a moment.", retry_after=_RETRY_AFTER)

"""Products on their way from an event loop to a thread, and answers on their way back."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aisle.product import Prediction, Product

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Item:
    """A product that somebody waits for.

    Attributes
    ----------
    rules : tuple of (float or None, bool)
        The precision asked for, and whether evidence is.
    deadline : float or None
        On the clock of `time.monotonic`: not begun by then, it is not begun at all.
    came : float
        When it was put on the queue.
    dropped : bool
        Nobody waits any more.
    """

    product: Product
    rules: tuple[float | None, bool]
    deadline: float | None
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Prediction]"
    came: float = field(default_factory=time.monotonic)
    dropped: bool = False


def deliver(results: Iterable[tuple[Item, Prediction | Exception]]) -> None:
    """Hand results to the event loops that wait for them, each woken once; for any thread."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Item, Prediction | Exception]]] = {}
    for item, result in results:
        by_loop.setdefault(item.loop, []).append((item, result))
    for loop, ready in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, ready)
        except RuntimeError:  # the loop is closed: nobody waits
            log.debug("%d answers came after their event loop was closed", len(ready))


def _settle(ready: Sequence[tuple[Item, Prediction | Exception]]) -> None:
    for item, result in ready:
        if item.future.done():
            continue
        if isinstance(result, Exception):
            item.future.set_exception(result)
        else:
            item.future.set_result(result)

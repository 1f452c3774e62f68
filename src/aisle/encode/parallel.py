"""Work in threads, in order, with little of it in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

_AHEAD = 4  # items at work or waiting, per thread

_T = TypeVar("_T")
_R = TypeVar("_R")


def map_threads(work: Callable[[_T], _R], items: Iterable[_T], *, threads: int) -> Iterator[_R]:
    """Apply a function to each item in threads and yield the results in order.

    At most four results per thread wait to be taken. When the caller stops early, or is interrupted, what has
    not begun never does.

    Examples
    --------
    >>> list(map_threads(abs, [-1, 2, -3], threads=2))
    [1, 2, 3]
    """
    rest = iter(items)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="encode")
    try:
        waiting: deque[Future[_R]] = deque(pool.submit(work, item) for item in islice(rest, _AHEAD * threads))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(work, item) for item in islice(rest, 1))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

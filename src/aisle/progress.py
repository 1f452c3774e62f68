"""Progress on a terminal for anything that takes over two seconds.

tqdm draws a bar in a shell and in a notebook alike; it goes to standard error, appears only once two seconds have
passed, and stays silent where standard error is not a terminal.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from tqdm.auto import tqdm

_T = TypeVar("_T")

DELAY_SECONDS = 2.0


def bar(*, label: str, total: int | None, unit: str = "it", items: Iterable[Any] | None = None) -> Any:
    """Return a tqdm bar over some items, or one to be updated by hand: ``with bar(...) as b: b.update(n)``."""
    return tqdm(
        items,
        desc=label,
        total=total,
        unit=unit,
        disable=None,
        delay=DELAY_SECONDS,
        leave=False,
        dynamic_ncols=True,
    )


def track(items: Iterable[_T], *, label: str, total: int | None = None, unit: str = "it") -> Iterator[_T]:
    """Iterate with a progress bar."""
    yield from bar(items=items, label=label, total=total, unit=unit)

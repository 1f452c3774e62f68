"""How far a batch is: a line that changes on a terminal, and a log line a minute elsewhere."""

import logging
import math
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from tqdm.contrib.logging import logging_redirect_tqdm

from aisle.batch.summary import Tally
from aisle.progress import DELAY_SECONDS, bar

log = logging.getLogger(__name__)

_EVERY_SECONDS = 0.5
_LOG_SECONDS = 60.0


class ProgressLine:
    """Shows how far a run is, from two seconds on."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._next = self._begun + DELAY_SECONDS
        self._stack = ExitStack()
        self._bar = self._stack.enter_context(bar(label="", total=None))
        # The bar only puts the line there: its own clock may jump.
        self._bar.bar_format, self._bar.delay = "{desc}", 0
        self._every = _LOG_SECONDS if self._bar.disable else _EVERY_SECONDS

    def __enter__(self) -> Self:
        self._stack.enter_context(logging_redirect_tqdm([logging.getLogger("aisle")]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def show(self, tally: Tally, *, total: int) -> None:
        """Show where the run is, of about so many rows, if it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._every
        text = progress_text(tally, total=total, seconds=now - self._begun)
        if self._bar.disable:
            log.info("%s", text)
        else:
            self._bar.set_description_str(text)


def progress_text(tally: Tally, *, total: int, seconds: float) -> str:
    """Say how far a run is.

    >>> tally = Tally(rows=5000, new_rows=2500, quarantined=3)
    >>> tally.decisions.update(accept=3000, partial=1000, review=997)
    >>> progress_text(tally, total=20000, seconds=50)
    '5,000 of 20,000 rows, 50 rows/s, 5 min left, 80 % decided, 3 quarantined'
    """
    rate = tally.new_rows / max(seconds, 1e-9)
    left = f"{_duration((total - tally.rows) / rate)} left, " if rate else ""
    return (
        f"{tally.rows:,} of {total:,} rows, {rate:,.{0 if rate >= 10 else 1}f} rows/s, {left}"
        f"{100 * tally.decided:.0f} % decided, {tally.quarantined:,} quarantined"
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

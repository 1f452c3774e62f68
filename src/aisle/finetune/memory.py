"""A batch that shrinks where memory ends."""

import logging
from collections.abc import Callable
from typing import Any, Protocol

import torch

from aisle.errors import TrainingError

log = logging.getLogger(__name__)

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")


class HasBatch(Protocol):
    """Whatever remembers how many products fit into memory at once."""

    batch: int


def halving(work: Callable[[int], Any], progress: HasBatch, *, label: str) -> Any:
    """Run work with the batch that fits into memory: where it does not, with half of it, and say so.

    Raises
    ------
    TrainingError
        Not even one row fits.
    """
    while True:
        try:
            return work(progress.batch)
        except (MemoryError, RuntimeError) as err:
            if not isinstance(err, MemoryError) and not any(words in str(err).lower() for words in _NO_MEMORY):
                raise
            if progress.batch < 2:
                raise TrainingError(f"{label}: not even one product fits into memory; close other programs") from err
        progress.batch //= 2  # outside: the error would keep the tensors of the failed step
        log.warning("%s: out of memory; going on with %d products at once", label, progress.batch)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

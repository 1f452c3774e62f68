"""A batch that shrinks where memory ends."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch

from aisle.errors import TrainingError

log = logging.getLogger(__name__)

_NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "could not allocate memory",
    "not enough memory",
    "bad_alloc",  # of C++, which torch hands on
    "alloc_failed",  # of cuBLAS and cuDNN
    "could not create a memory object",  # of oneDNN
)


def is_no_memory(err: BaseException) -> bool:
    """Return whether an error says that memory has ended: on a CPU torch has no type of its own for it."""
    if isinstance(err, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(err, RuntimeError) and any(words in str(err).lower() for words in _NO_MEMORY)


@contextlib.contextmanager
def enough_memory(label: str) -> Iterator[None]:
    """Say what to do where memory ends and fewer products at once would not help.

    Raises
    ------
    TrainingError
        It has ended.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as err:
        if not is_no_memory(err):
            raise
        raise TrainingError(
            f"{label}: too little memory for the weights and what training keeps beside them (gradients, averages, "
            "moments); close other programs, or tune one encoder at a time (--modality text, or photo)"
        ) from err


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
            if not is_no_memory(err):
                raise
            if progress.batch < 2:
                raise TrainingError(f"{label}: not even one product fits into memory; close other programs") from err
        progress.batch //= 2  # outside: the error would keep the tensors of the failed step
        log.warning("%s: out of memory; going on with %d products at once", label, progress.batch)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

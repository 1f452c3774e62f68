"""What does the work of a batch, and what a pool of such workers is: local processes and Ray are alike to the run."""

from dataclasses import dataclass
from typing import Any, Protocol


class Worker(Protocol):
    """Does one task after the other; made once in each process."""

    def run(self, task: Any) -> Any:
        """Do a task and return its result, which is small and can be pickled."""


class WorkerMaker(Protocol):
    """Makes a worker where it will work; can be pickled, as it is sent there."""

    def __call__(self) -> Worker:
        """Make it; what it raises ends the run."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a task.

    Attributes
    ----------
    task : object
        As it was handed in.
    result : object
        What the worker returned; None where it did not.
    error : Exception or None
        What the worker raised.
    died : str
        How the worker ended before the task did, e.g. ``killed by signal 9``; empty where it lives.
    """

    task: Any
    result: Any = None
    error: Exception | None = None
    died: str = ""


class Pool(Protocol):
    """Workers that do tasks side by side. One that dies is replaced, and its task comes back as an outcome."""

    size: int

    def submit(self, task: Any) -> None:
        """Hand a task in; at most `size` are out at a time, or the call raises ValueError."""

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """Return the next outcome, in whatever order; None where none came within the seconds."""

    def close(self) -> None:
        """End the workers; those at work are stopped."""

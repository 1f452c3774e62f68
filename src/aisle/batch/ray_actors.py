"""Workers as Ray actors, on this machine or on a cluster.

An actor makes its worker once and does one task at a time, from the first byte it reads to the last it writes: only
tasks and results travel, so that no photo, text or number of a product enters Ray's object store. Ray itself repeats
nothing: an actor that is lost is replaced here, and its task comes back to whoever handed it in.
"""

import logging
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aisle.batch.ray_session import RaySession
from aisle.batch.workers import Outcome, Worker, WorkerMaker
from aisle.errors import BatchError

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 60.0


class RayPool:
    """A `Pool` of Ray actors, one core each, which are started as they are needed, on whatever node has a free core.

    Where the cluster has fewer free cores than asked for, the actors that there are do all of the tasks.

    Parameters
    ----------
    make_worker : WorkerMaker
        Called once in each actor; what it names must be there on every node: the engine, the photos, the results.
    size : int, optional
        How many actors, at least 1; by default as many as the cluster has cores when it is opened.
    address : str
        ``local`` for a Ray of its own on this machine, which nobody reaches from outside and which ends with the pool;
        ``auto`` for the cluster that this machine is a node of; or the ``HOST:PORT`` of its head.

    Raises
    ------
    MissingExtraError
        Ray is not installed.
    BatchError
        There is no cluster at that address, or it cannot be joined.
    """

    def __init__(self, make_worker: WorkerMaker, *, size: int | None = None, address: str = "local") -> None:
        self._make_worker = make_worker
        self._session = RaySession(address, cores=size)
        self._ray = self._session.ray
        self.size = size or self._session.cores
        self._actor = self._ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Actor)
        self._tasks: deque[Any] = deque()  # handed in, and not begun
        self._idle: list[Any] = []
        self._calls: dict[Any, _Call] = {}
        self._bad_starts = 0
        self._heard = time.monotonic()

    def submit(self, task: Any) -> None:
        """Hand a task in, for the first actor that is free.

        Raises
        ------
        ValueError
            As many as there are actors are out.
        """
        if self._out >= self.size:
            raise ValueError(f"{self.size} tasks are out, and there are no more workers")
        self._tasks.append(task)
        self._spread()

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """Return the next outcome; None where none came within the seconds, or no task is out.

        Raises
        ------
        Exception
            What making a worker raised.
        BatchError
            Actors end before they can work.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._out:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            with _signals_heard():
                ready, _ = self._ray.wait([*self._calls], timeout=left)
            if not ready:
                self._mention_waiting()
                return None
            self._heard = time.monotonic()
            outcome = self._hear(ready[0])
            self._spread()
            if outcome is not None:
                return outcome
        return None

    def close(self) -> None:
        """End the actors, whatever they do, and leave the cluster; a Ray of the pool's own ends as well."""
        for actor in [*self._idle, *(call.actor for call in self._calls.values())]:
            self._kill(actor)
        self._idle.clear()
        self._calls.clear()
        self._tasks.clear()
        self._session.close()

    @property
    def _out(self) -> int:
        return len(self._tasks) + sum(not call.starts for call in self._calls.values())

    def _spread(self) -> None:
        """Give tasks to actors that are free, and start actors for those that are left."""
        while self._tasks and self._idle:
            actor, task = self._idle.pop(), self._tasks.popleft()
            self._calls[actor.run.remote(task)] = _Call(actor=actor, task=task)
        starting = sum(call.starts for call in self._calls.values())
        for _ in range(min(len(self._tasks) - starting, self.size - len(self._calls) - len(self._idle))):
            actor = self._actor.remote()
            self._calls[actor.make.remote(self._make_worker)] = _Call(actor=actor, starts=True)

    def _hear(self, ref: Any) -> Outcome | None:
        call = self._calls.pop(ref)
        errors = self._ray.exceptions
        try:
            result = self._ray.get(ref)
        except (errors.RayTaskError, errors.UnserializableException) as err:
            raised = _raised(err)
            if call.starts:
                raise raised from None
            self._idle.append(call.actor)
            return Outcome(task=call.task, error=raised)
        except errors.RayError as err:
            return self._lose(call, err)
        self._idle.append(call.actor)
        if call.starts:
            self._bad_starts = 0
            return None
        return Outcome(task=call.task, result=result)

    def _lose(self, call: "_Call", err: Exception) -> Outcome | None:
        """Return what became of a task whose actor is lost; one that is lost before it can work is only counted."""
        self._kill(call.actor)  # one that merely cannot be reached may still be at work
        died = _reason(err)
        if not call.starts:
            return Outcome(task=call.task, died=died)
        self._bad_starts += 1
        if self._bad_starts > self.size + 1:  # a node that fails takes all of its actors along
            raise BatchError(
                f"{self._bad_starts} Ray actors in a row ended while they loaded the engine (the last: {died}): if "
                "memory ran out, use fewer of them with --workers"
            )
        return None

    def _kill(self, actor: Any) -> None:
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(actor)

    def _mention_waiting(self) -> None:
        waited = time.monotonic() - self._heard
        if waited > _PATIENCE_SECONDS and all(call.starts for call in self._calls.values()):
            log.warning(
                "for %.0f seconds no Ray actor has been ready to work: either no node of the cluster has a free core, "
                "or the engine takes long to load",
                waited,
            )
            self._heard = time.monotonic()


@dataclass(kw_only=True, eq=False)
class _Call:
    """What an actor has to do: a task, or first of all to make its worker."""

    actor: Any
    task: Any = None
    starts: bool = False


class _Actor:
    """Lives in a process of its own, on some node."""

    _worker: Worker

    def make(self, make_worker: WorkerMaker) -> None:
        self._worker = make_worker()

    def run(self, task: Any) -> Any:
        return self._worker.run(task)


@contextmanager
def _signals_heard() -> Iterator[None]:
    """Let out what a signal's handler raises; within Ray's C code it becomes the cause of a `SystemError`."""
    try:
        yield
    except SystemError as err:
        raise err.__cause__ or err from None


def _raised(err: Exception) -> Exception:
    """Return what a worker raised, or one that says what it was where that does not travel."""
    cause = getattr(err, "cause", None)
    if isinstance(cause, Exception) and type(cause).__module__.partition(".")[0] != "ray":
        return cause
    return BatchError(str(err).strip().splitlines()[-1])


def _reason(err: Exception) -> str:
    """Return in a few words why an actor is lost."""
    if type(err).__name__ == "ActorUnavailableError":
        return "its node cannot be reached"
    text = " ".join(str(err).split())
    if "its node has died" in text:
        return "its node failed"
    if "The actor never ran" in text:
        return "it never ran, as where RAY_AUTH_MODE is token here and not in the cluster"
    detail = text.rpartition("Worker exit detail: ")[2].partition(" Some common causes")[0].rstrip(".")
    return "its process was killed" if "connection error" in detail else detail

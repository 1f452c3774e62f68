"""Workers in processes of this machine.

Each is a fresh interpreter (networks do not survive a fork) that reads tasks from one pipe and holds the end of
another, on which nothing is ever written: when that closes, whoever started it is gone, and it ends itself.
"""

import os
import signal
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, get_context, reduction, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from aisle.batch.workers import Outcome, WorkerMaker
from aisle.errors import BatchError

_MADE, _UNFIT, _DONE, _RAISED = "made", "unfit", "done", "raised"
_STARTS = 3
_GRACE_SECONDS = 3.0


class ProcessPool:
    """A `Pool` of processes, which are started as they are needed.

    Parameters
    ----------
    make_worker : WorkerMaker
        Called once in each process.
    size : int
        How many processes, at least 1.
    """

    def __init__(self, make_worker: WorkerMaker, *, size: int) -> None:
        self.size = size
        self._make_worker = make_worker
        self._context = get_context("spawn")
        self._hands: list[_Hand] = []
        self._bad_starts = 0
        # Its start would lift the block on Ctrl-C under which workers are started.
        resource_tracker.ensure_running()

    def submit(self, task: Any) -> None:
        """Hand a task to a process that has none.

        Raises
        ------
        ValueError
            All of them have.
        """
        if sum(hand.busy for hand in self._hands) >= self.size:
            raise ValueError(f"{self.size} tasks are out, and there are no more workers")
        for hand in [hand for hand in self._hands if not hand.busy and not hand.process.is_alive()]:
            self._bury(hand)
        idle = next((hand for hand in self._hands if not hand.busy), None)
        (idle or self._start()).give(task)

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """Return the next outcome; None where none came within the seconds, or no task is out.

        Raises
        ------
        Exception
            What making a worker raised.
        BatchError
            Workers end before they can work.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while busy := {hand.connection: hand for hand in self._hands if hand.busy}:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            heard = connection.wait([*busy], left)
            if not heard:
                return None
            outcome = self._hear(busy[heard[0]])  # type: ignore[index]  # connections went in
            if outcome is not None:
                return outcome
        return None

    def close(self) -> None:
        """End the processes, whatever they do."""
        for hand in self._hands:
            hand.process.terminate()
        for hand in self._hands:
            hand.process.join(_GRACE_SECONDS)
            hand.process.kill()
        while self._hands:
            self._bury(self._hands[0])

    def _start(self) -> "_Hand":
        ours, theirs = self._context.Pipe()
        held, life = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(self._make_worker, theirs, held), daemon=True)
        with _without_interrupts():
            process.start()
        theirs.close()
        held.close()
        hand = _Hand(process=process, connection=ours, life=life)
        self._hands.append(hand)
        return hand

    def _hear(self, hand: "_Hand") -> Outcome | None:
        try:
            kind, value = hand.connection.recv()
        except (EOFError, OSError):
            return self._lose(hand)
        if kind == _UNFIT:
            raise value
        if kind == _MADE:
            hand.made, self._bad_starts = True, 0
            return None
        hand.busy = False
        return Outcome(task=hand.task, **{"result" if kind == _DONE else "error": value})

    def _lose(self, hand: "_Hand") -> Outcome | None:
        """Return what became of a task whose process is gone; one that never came to it is given to another."""
        died = self._bury(hand)
        if hand.made:
            return Outcome(task=hand.task, died=died)
        self._bad_starts += 1
        if self._bad_starts == _STARTS:
            raise BatchError(
                f"{_STARTS} workers in a row ended while they loaded the engine (the last: {died}): if memory "
                "ran out, use fewer of them with --workers"
            )
        self._start().give(hand.task)
        return None

    def _bury(self, hand: "_Hand") -> str:
        hand.connection.close()
        hand.life.close()
        hand.process.join(_GRACE_SECONDS)
        hand.process.kill()
        hand.process.join()
        code = hand.process.exitcode or 0
        hand.process.close()
        self._hands.remove(hand)
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


@dataclass(kw_only=True, eq=False)
class _Hand:
    """A process, and what it has to do."""

    process: SpawnProcess
    connection: "Connection[Any, Any]"
    life: "Connection[Any, Any]"
    task: Any = None
    busy: bool = False
    made: bool = False

    def give(self, task: Any) -> None:
        self.task, self.busy = task, True
        with suppress(OSError):  # it has just ended, as `wait` will notice
            self.connection.send(task)


@contextmanager
def _without_interrupts() -> Any:
    """Start processes that Ctrl-C does not reach, not even before their first line: it is for whoever started them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(make_worker: WorkerMaker, tasks: "Connection[Any, Any]", life: "Connection[Any, Any]") -> None:
    """Be a worker, until there are no more tasks or nobody who gives any."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(life,), daemon=True).start()
    with suppress(EOFError, OSError):
        try:
            worker = make_worker()
        except Exception as err:  # the boundary of a process
            tasks.send((_UNFIT, _portable(err)))
            return
        tasks.send((_MADE, None))
        while True:
            task = tasks.recv()
            try:
                message = _DONE, worker.run(task)
            except Exception as err:  # the boundary of a process
                message = _RAISED, _portable(err)
            tasks.send(message)


def _end_with(life: "Connection[Any, Any]") -> None:
    with suppress(EOFError, OSError):
        life.recv_bytes()
    os._exit(1)


def _portable(err: Exception) -> Exception:
    """Return an error that arrives as what it is, or one that says what it was."""
    try:
        reduction.ForkingPickler.loads(reduction.ForkingPickler.dumps(err))
    except Exception:  # whatever an exception of somebody else's does when it is copied
        return BatchError(f"{type(err).__name__}: {err}")
    return err

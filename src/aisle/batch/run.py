"""The order of a batch: shards out to workers, what comes back noted, what failed tried again."""

import json
import logging
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

from aisle.batch.folder import BatchFolder
from aisle.batch.ledger import Ledger
from aisle.batch.photo_limit import slow_photo
from aisle.batch.plan import Plan
from aisle.batch.progress import ProgressLine
from aisle.batch.summary import Failure, Tally
from aisle.batch.tasks import ShardDone, ShardTask
from aisle.batch.workers import Outcome, Pool
from aisle.errors import AisleError, BatchError, CatalogError, DiskFullError
from aisle.files import write_text

log = logging.getLogger(__name__)

ATTEMPTS = 3
SLOW_PHOTOS = 50
"""How many photos of one run may be left out as they take too long, before that counts as a failure of its shard."""

JUDGED_ROWS = 1000
"""Rows to see before too many of them are called bad."""

_POLL_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a run came to.

    Attributes
    ----------
    tally : Tally
        Its counts.
    record : dict
        The content of ``summary.json``.
    """

    tally: Tally
    record: dict[str, Any]


def run_batch(plan: Plan, *, pool: Pool, folder: BatchFolder, ledger: Ledger, max_bad: float | None = None) -> Finished:
    """Answer the shards that no earlier run has answered, and write the summary.

    A shard whose worker ends, or that raises, is tried again after the others, three times in all. The pool is closed
    at the end, however that comes.

    Parameters
    ----------
    plan : Plan
        All shards of the batch.
    pool : Pool
        Whose workers take a `ShardTask` and return a `ShardDone`.
    folder : BatchFolder
        Where everything lies; open.
    ledger : Ledger
        What is done.
    max_bad : float, optional
        The share of rows that may be quarantined.

    Raises
    ------
    BatchError
        Too many rows are quarantined, or nothing succeeds any more.
    DiskFullError
        The disk is full.
    CatalogError
        The input cannot be gone through.
    """
    run = _Run(plan, pool=pool, folder=folder, ledger=ledger, max_bad=max_bad)
    begun = time.monotonic()
    folder.summary.unlink(missing_ok=True)
    stopped = ""
    try:
        run.go()
    except BaseException as err:
        stopped = getattr(err, "strerror", None) or str(err) if isinstance(err, Exception) else "interrupted"
        raise
    finally:
        pool.close()
        record = run.tally.record(
            seconds=time.monotonic() - begun, complete=not (stopped or run.tally.failures), stopped=stopped
        )
        try:
            write_text(folder.summary, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
        except OSError as err:
            if not stopped:
                raise
            log.info("%s was not written: %s", folder.summary, err)
    return Finished(tally=run.tally, record=record)


class _Run:
    def __init__(self, plan: Plan, *, pool: Pool, folder: BatchFolder, ledger: Ledger, max_bad: float | None) -> None:
        self.tally = Tally()
        self._plan = plan
        self._tasks = iter(plan)
        self._pool = pool
        self._folder = folder
        self._ledger = ledger
        self._max_bad = max_bad
        self._again: deque[ShardTask] = deque()
        self._reasons: dict[str, list[str]] = {}  # of shards that have failed
        self._in_a_row: set[str] = set()  # shards that have failed since one was done
        self._slow: tuple[str, ...] = ()
        self._stop: Exception | None = None  # why nothing more is begun

    def go(self) -> None:
        out = 0
        with ProgressLine() as line:
            while True:
                while out < self._pool.size and (task := self._next(line)) is not None:
                    self._pool.submit(replace(task, left_out=self._slow))
                    out += 1
                if not out:
                    break
                outcome = self._pool.wait(_POLL_SECONDS)
                if outcome is not None:
                    out -= 1
                    self._settle(outcome)
                line.show(self.tally, total=self._plan.estimate)
        if self._stop is not None:
            raise self._stop
        for done in self._ledger.rest():  # of an input, or an engine, that is no more
            self._folder.set_aside(done)
            self._ledger.drop(done.key)

    def _next(self, line: ProgressLine) -> ShardTask | None:
        """Return a shard that is to be done: those of the plan first, then those that have failed."""
        if self._stop is not None:
            return None
        try:
            for task in self._tasks:
                if not self._is_done(task):
                    return task
                line.show(self.tally, total=self._plan.estimate)
        except (AisleError, OSError) as err:
            self._stop = err
            return None
        return self._again.popleft() if self._again else None

    def _is_done(self, task: ShardTask) -> bool:
        done = self._ledger.take(task.key)
        if done is None:
            return False
        if fault := self._folder.fault(done):
            log.warning("%s: %s is answered anew", fault, task)
            self.tally.remade += 1
            return False
        if done.name != task.name:
            self._folder.rename(done, task.name)
            self._ledger.add(replace(done, name=task.name))
        self.tally.count(done, before=True)
        return True

    def _settle(self, outcome: Outcome) -> None:
        task = outcome.task
        if isinstance(outcome.result, ShardDone):
            self._keep(outcome.result)
            return
        photo = slow_photo(self._folder.note(task)) if outcome.died else None
        if photo is not None and photo not in task.left_out and len(self._slow) < SLOW_PHOTOS:
            if photo not in self._slow:  # else two workers have met it at once
                log.warning(
                    "the photo %s takes too long to decode: it is left out, and %s is answered anew", photo, task
                )
                self._slow = (*self._slow, photo)
            self._repeat(task)
            return
        self._fail(task, outcome, photo)

    def _keep(self, done: ShardDone) -> None:
        try:
            self._ledger.add(done)
        except OSError as err:
            self._stop = err
            return
        self._in_a_row.clear()
        self.tally.count(done, before=False)
        rows, bad = self.tally.rows, self.tally.quarantined
        if self._max_bad is not None and rows >= JUDGED_ROWS and bad > self._max_bad * rows:
            self._stop = BatchError(
                f"{bad:,} of the first {rows:,} rows are quarantined ({100 * bad / rows:.3g} %), more than --max-bad "
                f"{100 * self._max_bad:g}%: {self._folder.quarantines} says why; mend the input, name its columns with "
                "--map, or allow more; shards that are done are kept"
            )

    def _fail(self, task: ShardTask, outcome: Outcome, photo: str | None) -> None:
        if isinstance(outcome.error, DiskFullError):
            self._stop = outcome.error
            return
        reason = f"the worker ended ({outcome.died})" if outcome.died else _sentence(outcome.error)
        if photo is not None:
            reason = f"decoding {photo} takes too long, as others did: more --photo-seconds may help"
        reasons = self._reasons.setdefault(task.key, [])
        reasons.append(reason)
        if isinstance(outcome.error, CatalogError):
            try:
                task.shard.source.check_unchanged()
            except CatalogError as err:
                self._stop = err
                return
        else:
            self._in_a_row.add(task.key)
        if len(self._in_a_row) > 10 + 2 * self._pool.size:
            self._stop = BatchError(
                f"{len(self._in_a_row)} shards have failed in a row, the last for this reason: {reason}; shards that "
                "are done are kept, and the same command goes on from there"
            )
        elif len(reasons) < ATTEMPTS:
            log.warning("%s failed and is tried again: %s", task, reason)
            self._repeat(task)
        else:
            log.warning("%s is given up: %s", task, reason)
            self.tally.failures.append(Failure(task=task, reasons=tuple(reasons)))

    def _repeat(self, task: ShardTask) -> None:
        self.tally.redone += 1
        self._again.append(task)


def _sentence(error: Exception | None) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())

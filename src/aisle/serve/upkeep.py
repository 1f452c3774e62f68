"""Work that nobody asked for: once an hour one of the processes that serve removes what is not needed any more."""

import logging
import secrets
import threading
from collections.abc import Callable

from aisle.errors import AisleError
from aisle.store.database import Database
from aisle.store.jobs import enqueue, fail, finish, lease
from aisle.store.photos import PhotoFolder
from aisle.store.records import Job
from aisle.store.tidying import tidy

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0

_KIND = "tidy"
_LEASE = 600_000_000
_RETRY = 300_000_000


class Upkeep:
    """Does the upkeep of a database on a thread of its own, until it is closed.

    Parameters
    ----------
    database : Database
    photos : PhotoFolder
    clock : callable
        Microseconds since 1970.
    seconds : float
        How often.
    """

    def __init__(
        self, database: Database, photos: PhotoFolder, *, clock: Callable[[], int], seconds: float = EVERY_SECONDS
    ) -> None:
        self._database = database
        self._photos = photos
        self._clock = clock
        self._seconds = seconds
        self._name = f"upkeep-{secrets.token_hex(8)}"
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        """Begin; the first time is after one period."""
        self._thread.start()

    def close(self) -> None:
        """Stop, after what is being done."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def once(self) -> bool:
        """Do what is due, whoever enqueued it; tell whether there was anything."""
        with self._database.write() as c:
            enqueue(c, kind=_KIND, payload={}, now=self._clock(), unique=_KIND)
        with self._database.write() as c:
            job = lease(c, kinds=[_KIND], by=self._name, now=self._clock(), lease_us=_LEASE)
        if job is None:
            return False
        try:
            with self._database.write() as c:
                gone = tidy(c, self._photos, now=self._clock())
                finish(c, id=job.id, by=self._name, now=self._clock())
        except (AisleError, OSError) as err:
            self._note_failure(job, err)
        else:
            log.info("tidied: %s", gone)
        return True

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            try:
                self.once()
            except Exception:  # the next hour may be a better one
                log.exception("the upkeep failed")

    def _note_failure(self, job: Job, err: Exception) -> None:
        log.warning("the upkeep failed, and is tried again: %s", err)
        now = self._clock()
        with self._database.write() as c:
            fail(c, id=job.id, by=self._name, error=str(err), now=now, retry_at=now + _RETRY)

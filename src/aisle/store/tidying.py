"""What nobody needs any more: answers that were kept for a second asking, jobs that are done, photos of no product."""

import os
from collections.abc import Iterator

from sqlalchemy import Connection, delete, select

from aisle.store.idempotency import forget_before
from aisle.store.photos import PhotoFolder
from aisle.store.schema import jobs
from aisle.store.schema import photos as photo_table

ANSWERS_KEPT = 7 * 86_400_000_000
"""How long an ``Idempotency-Key`` is remembered, in microseconds."""

JOBS_KEPT = 30 * 86_400_000_000
PHOTOS_KEPT = 86_400_000_000
"""How long a photo lies in the folder without a product: somebody may still be typing its title."""


def tidy(c: Connection, photos: PhotoFolder, *, now: int) -> dict[str, int]:
    """Remove what nobody needs any more.

    Parameters
    ----------
    photos : PhotoFolder
        Files in it that no row speaks of go, a day after they were last sent.

    Returns
    -------
    dict of str to int
        How many ``answers``, ``jobs`` and ``photos`` are gone.
    """
    done = delete(jobs).where(jobs.c.state.in_(("done", "dead")), jobs.c.changed_at < now - JOBS_KEPT)
    return {
        "answers": forget_before(c, now - ANSWERS_KEPT),
        "jobs": c.execute(done).rowcount,
        "photos": sum(1 for _ in _remove_strays(c, photos, before=now - PHOTOS_KEPT)),
    }


def _remove_strays(c: Connection, photos: PhotoFolder, *, before: int) -> Iterator[str]:
    known = set(c.execute(select(photo_table.c.sha256)).scalars())
    for sha in photos.names():
        if sha in known:
            continue
        path = photos.path(sha)
        try:
            if path.stat().st_mtime_ns // 1000 < before:
                os.unlink(path)
                yield sha
        except FileNotFoundError:  # another process tidies as well
            continue

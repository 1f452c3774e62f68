import os

from sqlalchemy import select

from aisle.store.idempotency import claim_key, keep_answer
from aisle.store.jobs import enqueue, finish, jobs, lease
from aisle.store.photos import PhotoFolder, note_photo
from aisle.store.schema import idempotency
from aisle.store.tidying import tidy

DAY = 86_400_000_000
NOW = 1_800_000_000_000_000


def photo_at(photos, data, moment):
    sha = photos.keep(data)
    os.utime(photos.path(sha), ns=(moment * 1000, moment * 1000))
    return sha


def test_photos_of_no_product_go_a_day_after_they_were_sent(database, tmp_path):
    photos = PhotoFolder(tmp_path / "photos")
    stray, fresh, kept, again = (
        photo_at(photos, data, NOW - age)
        for data, age in ((b"a", 2 * DAY), (b"b", DAY // 2), (b"c", 9 * DAY), (b"d", 9 * DAY))
    )
    photos.keep(b"d")  # sent again just now, by the clock of this machine
    os.utime(photos.path(again), ns=(NOW * 1000, NOW * 1000))
    with database.write() as c:
        note_photo(c, sha=kept, size=1, now=NOW - 9 * DAY)
        assert tidy(c, photos, now=NOW) == {"answers": 0, "jobs": 0, "photos": 1}
    assert set(photos.names()) == {fresh, kept, again}
    assert not photos.path(stray).exists()


def test_a_photo_that_is_sent_again_is_young_again(database, tmp_path):
    photos = PhotoFolder(tmp_path / "photos")
    sha = photo_at(photos, b"a", 1_000_000)
    photos.keep(b"a")
    assert photos.path(sha).stat().st_mtime > 1_000_000_000


def test_answers_and_jobs_are_kept_for_a_while(database, tmp_path):
    with database.write() as c:
        for key, age in (("old", 8), ("new", 6)):
            claim_key(c, owner="o", key=key, route="/", request_hash="0" * 64, now=NOW - age * DAY)
            keep_answer(c, owner="o", key=key, status=200, body="{}")
        for age in (31, 29):
            enqueue(c, kind="k", payload={}, now=NOW - age * DAY)
            job = lease(c, kinds=["k"], by="me", now=NOW - age * DAY, lease_us=DAY)
            finish(c, id=job.id, by="me", now=NOW - age * DAY)
        waits = enqueue(c, kind="k", payload={}, now=NOW - 99 * DAY)
        assert tidy(c, PhotoFolder(tmp_path / "none"), now=NOW) == {"answers": 1, "jobs": 1, "photos": 0}
        assert list(c.execute(select(idempotency.c.key)).scalars()) == ["new"]
        left = jobs(c)
    assert len(left) == 2
    assert waits in {job.id for job in left}

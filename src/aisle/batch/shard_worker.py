"""A worker of a batch: an engine, loaded once, that answers one shard after the other."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from aisle.batch.folder import BatchFolder
from aisle.batch.job import Job
from aisle.batch.photo_limit import PhotoLimit, left_out_reason, photo_name
from aisle.batch.shards import read_shard
from aisle.batch.tasks import ShardDone, ShardTask, Written
from aisle.catalog.quarantine import BadRow, write_quarantine
from aisle.catalog.stream import StreamedProduct
from aisle.engine import load_engine
from aisle.engine.output import open_writer
from aisle.engine.stream import BATCH, Answering
from aisle.errors import CatalogError, EngineError
from aisle.files import atomic_write, sha256_file
from aisle.product import Prediction, Product
from aisle.settings import Settings

PHOTO_SECONDS = 20.0
REMEMBERED = 4096
"""Texts and photos of a shard whose embeddings are kept, for those that come again: 46 MB at most."""


class Remembering(Answering, Protocol):
    """An engine that embeds what comes again once."""

    def remember(self, most: int) -> None:
        """Keep so many embeddings, and forget those of before."""


@dataclass(frozen=True, kw_only=True)
class EngineWorkerMaker:
    """Makes a worker where it will work.

    Attributes
    ----------
    engine : Path
        The engine's folder.
    settings : Settings
        Of this machine, with as many threads as one worker is to use.
    job : Job
        What is asked.
    folder : BatchFolder
        Where to write.
    photo_seconds : float
        How long a photo may take to decode.
    """

    engine: Path
    settings: Settings
    job: Job
    folder: BatchFolder
    photo_seconds: float = PHOTO_SECONDS

    def __call__(self) -> "EngineWorker":
        """Load the engine.

        Raises
        ------
        EngineError
            It cannot be used as asked, or is not the one that was asked for.
        """
        engine = load_engine(self.engine, settings=self.settings)
        if engine.fingerprint != self.job.engine:
            raise EngineError(
                f"{self.engine} was exchanged while the run was under way: it was {self.job.engine} and is "
                f"{engine.fingerprint}; put the former back and run the command again"
            )
        engine.drop_files()
        # What it cannot do at all is told now, not of every shard.
        engine.predict([Product(title="a trial")], precision=self.job.precision, tier=self.job.tier)
        return EngineWorker(engine, job=self.job, folder=self.folder, photo_seconds=self.photo_seconds)


class EngineWorker:
    """Answers shards.

    Parameters
    ----------
    engine : Remembering
        Answers products.
    job : Job
        What is asked of it.
    folder : BatchFolder
        Where to write.
    photo_seconds : float
        How long a photo may take to decode.
    """

    def __init__(
        self, engine: Remembering, *, job: Job, folder: BatchFolder, photo_seconds: float = PHOTO_SECONDS
    ) -> None:
        self._engine = engine
        self._job = job
        self._folder = folder
        self._photo_seconds = photo_seconds

    def run(self, task: ShardTask) -> ShardDone:
        """Answer a shard and write its files, each whole or not at all.

        Raises
        ------
        CatalogError
            The shard cannot be read, or has not the rows that were counted.
        DiskFullError
            The disk is full.
        """
        limit = PhotoLimit(self._folder.note(task), seconds=self._photo_seconds, left_out=task.left_out)
        with limit:
            return self._answer(task, limit)

    def _answer(self, task: ShardTask, limit: PhotoLimit) -> ShardDone:
        self._engine.remember(REMEMBERED)  # of this shard alone: its answers do not depend on those before
        stages: dict[str, float] = {}
        decisions: Counter[str] = Counter()
        after: Counter[str] = Counter()
        bad: list[BadRow] = []
        source = task.shard.source.name
        with _timed(stages, "read"):
            stream = read_shard(task.shard, mapping=self._job.mapping)
            rows = iter(stream)
        answers, quarantine = self._folder.answers(task.name), self._folder.quarantine(task.name)
        with atomic_write(answers) as file, open_writer(file, form=self._job.form, placed=True) as writer:
            while True:
                with _timed(stages, "read"):
                    part = [*islice(rows, BATCH)]
                if not part:
                    break
                bad += [item for item in part if isinstance(item, BadRow)]
                items = [item for item in part if isinstance(item, StreamedProduct)]
                with _timed(stages, "predict"):
                    found = self._predict(items, task.left_out)
                decisions.update(prediction.decision for prediction in found)
                after.update(prediction.stage for prediction in found)
                with _timed(stages, "write"):
                    places = [(source, item.row) for item in items]
                    writer.write(found, extra=[{}] * len(items), places=places)
            read = decisions.total() + len(bad)
            if read != task.shard.rows:
                raise CatalogError(f"{task} has {read:,} rows, and there were {task.shard.rows:,}: it has changed")
        with _timed(stages, "write"):
            if bad:
                write_quarantine(quarantine, bad, source=source)
            else:
                quarantine.unlink(missing_ok=True)
            written = _written(answers), _written(quarantine) if bad else None
        stages["decode"] = limit.decoding
        stages["predict"] = max(0.0, stages.get("predict", 0.0) - limit.decoding)
        return ShardDone(
            key=task.key,
            name=task.name,
            answers=written[0],
            quarantine=written[1],
            rows=read,
            quarantined=len(bad),
            decisions=dict(decisions),
            after=dict(after),
            seconds=stages,
            left_out=tuple(limit.refused),
        )

    def _predict(self, items: Sequence[StreamedProduct], left_out: Sequence[str]) -> list[Prediction]:
        job = self._job
        products = [item.product for item in items]
        found = self._engine.predict(products, precision=job.precision, evidence=job.evidence, tier=job.tier)
        if not left_out:
            return found
        return [_told(prediction, item, left_out) for prediction, item in zip(found, items, strict=True)]


def _told(prediction: Prediction, item: StreamedProduct, left_out: Sequence[str]) -> Prediction:
    """Say that the photo was left out, which an answer from the other fields does not."""
    photo = item.product.photo
    if photo is None or (name := photo_name(photo)) not in left_out:
        return prediction
    why = left_out_reason(name)
    return (
        prediction
        if why in prediction.reason
        else replace(prediction, reason=f"{prediction.reason}; {why}" if prediction.reason else why)
    )


@contextmanager
def _timed(stages: dict[str, float], name: str) -> Iterator[None]:
    begun = time.monotonic()
    try:
        yield
    finally:
        stages[name] = stages.get(name, 0.0) + time.monotonic() - begun


def _written(path: Path) -> Written:
    return Written(size=path.stat().st_size, sha256=sha256_file(path))

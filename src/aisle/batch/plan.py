"""The shards of a batch as tasks, planned as they are needed, and how many rows there will be."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from aisle.batch.job import Job
from aisle.batch.shards import Shard
from aisle.batch.sources import Source
from aisle.batch.tasks import ShardTask


class Plan:
    """The tasks of a batch, in the order of the input; to be gone through once.

    Parameters
    ----------
    job : Job
        What is asked.
    sources : sequence of Source
        The input.
    shards : iterable of Shard
        Its shards, in order, as `aisle.batch.shards.plan_shards` gives them.

    Attributes
    ----------
    rows : int
        Rows planned so far.
    """

    def __init__(self, job: Job, sources: Sequence[Source], shards: Iterable[Shard]) -> None:
        self.rows = 0
        self._job = job
        self._shards = shards
        self._size = sum(source.size for source in sources)
        self._planned = 0
        self._ended = False

    def __iter__(self) -> Iterator[ShardTask]:
        """Yield the tasks."""
        for source, shards in groupby(self._shards, key=lambda shard: shard.source):
            for part in self._parts(source, shards):
                for shard in part:
                    yield ShardTask(shard=shard, key=self._job.key(shard))
        self._ended = True

    @property
    def estimate(self) -> int:
        """How many rows there will be: by the share of the input's bytes that is planned, until all of it is."""
        if self._ended or not self._planned:
            return self.rows
        return max(self.rows, round(self.rows * self._size / self._planned))

    def _parts(self, source: Source, shards: Iterable[Shard]) -> Iterator[Sequence[Shard]]:
        """Yield shards, the rows of each counted before: those of a Parquet file are known at once."""
        whole = source.kind == "parquet"
        for part in [[*shards]] if whole else ([shard] for shard in shards):
            self.rows += sum(shard.rows for shard in part)
            self._planned += source.size if whole else sum(shard.end - shard.begin for shard in part)
            yield part

"""What travels between a run and its workers: a shard to be answered, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aisle.batch.shards import Shard


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """A shard to be answered.

    Attributes
    ----------
    shard : Shard
        Which rows.
    key : str
        What their answers depend on, as `aisle.batch.job.Job.key` says it.
    left_out : tuple of str
        Photos that count as unreadable, because their decoding did not come to an end.
    """

    shard: Shard
    key: str
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What its files are called, sorted as the input is."""
        return f"{self.shard.number:07d}-{self.key}"

    def __str__(self) -> str:
        """Say which rows it is, as people count them."""
        shard = self.shard
        last = shard.first_row + shard.rows - 1
        return f"shard {shard.number} (rows {shard.first_row:,} to {last:,} of {shard.source.name})"


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file as it was written.

    Attributes
    ----------
    size : int
        In bytes.
    sha256 : str
        Of its content.
    """

    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ShardDone:
    """A shard that was answered; ``rows == sum(decisions.values()) + quarantined`` always holds.

    Attributes
    ----------
    key, name : str
        Of the task.
    answers : Written
        The file of answers.
    quarantine : Written or None
        The file of rows set aside, if there are any.
    rows, quarantined : int
        Rows read, and how many of them were set aside.
    decisions : mapping of str to int
        How many products got each decision.
    after : mapping of str to int
        How many were answered after each stage of the engine, as `aisle.product.Prediction.stage` says it.
    seconds : mapping of str to float
        What its stages took: ``read``, ``decode``, ``predict`` (without decoding), ``write``.
    left_out : tuple of str
        Photos that were not decoded as it takes too long.
    """

    key: str
    name: str
    answers: Written
    quarantine: Written | None = None
    rows: int
    quarantined: int
    decisions: Mapping[str, int]
    after: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

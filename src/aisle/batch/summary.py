"""What a batch came to, counted shard by shard."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from aisle.batch.tasks import ShardDone, ShardTask
from aisle.heads.tiers import STAGES

_DECIDED = ("accept", "partial")
_LISTED = 100  # failures and photos that a summary names


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A shard that was given up.

    Attributes
    ----------
    task : ShardTask
    reasons : tuple of str
        Why each attempt failed.
    """

    task: ShardTask
    reasons: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return it as plain data."""
        shard = self.task.shard
        return {
            "shard": shard.number,
            "source": shard.source.name,
            "first_row": shard.first_row,
            "rows": shard.rows,
            "reasons": [*self.reasons],
        }


@dataclass(kw_only=True)
class Tally:
    """The counts of a run; ``rows == answered + quarantined`` always holds.

    Attributes
    ----------
    rows, quarantined : int
        Rows read, and how many of them were set aside; of this run and those before.
    decisions : Counter of str
        How many products got each decision.
    after : Counter of str
        How many were answered after each stage of the engine.
    stages : dict of str to float
        Seconds that reading, decoding, predicting and writing took, of all workers together.
    done, skipped : int
        Shards that this run answered, and that an earlier one had.
    redone : int
        Attempts beyond the first of a shard.
    remade : int
        Shards that were done, but whose files were damaged or gone.
    new_rows : int
        Rows that this run read.
    left_out : list of str
        Photos that were not decoded as it takes too long.
    failures : list of Failure
        Shards that were given up.
    """

    rows: int = 0
    quarantined: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    stages: dict[str, float] = field(default_factory=dict)
    done: int = 0
    skipped: int = 0
    redone: int = 0
    remade: int = 0
    new_rows: int = 0
    left_out: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    @property
    def answered(self) -> int:
        """Products answered."""
        return self.decisions.total()

    @property
    def decided(self) -> float:
        """The share of the products that need no person."""
        return sum(self.decisions[name] for name in _DECIDED) / max(self.answered, 1)

    def count(self, shard: ShardDone, *, before: bool) -> None:
        """Add a shard, of this run or of one before."""
        self.rows += shard.rows
        self.quarantined += shard.quarantined
        self.decisions.update(shard.decisions)
        self.after.update(shard.after)
        self.left_out.extend(shard.left_out[: _LISTED - len(self.left_out)])
        if before:
            self.skipped += 1
        else:
            self.done += 1
            self.new_rows += shard.rows
            for name, spent in shard.seconds.items():
                self.stages[name] = self.stages.get(name, 0.0) + spent

    def record(self, *, seconds: float, complete: bool, stopped: str = "") -> dict[str, Any]:
        """Return it as plain data.

        Parameters
        ----------
        seconds : float
            How long the run took.
        complete : bool
            Whether every shard is done.
        stopped : str
            Why the run ended before it had tried every shard, if it did.
        """
        return {
            "complete": complete,
            "stopped": stopped,
            "rows": {
                "in": self.rows,
                "answered": self.answered,
                "quarantined": self.quarantined,
                "given_up": sum(failure.task.shard.rows for failure in self.failures),
            },
            "decisions": {name: self.decisions[name] for name in ("accept", "partial", "review")},
            "decided": round(self.decided, 6),
            "answered_after": {name: self.after[name] for name in STAGES},
            "shards": {
                "done": self.done,
                "skipped": self.skipped,
                "redone": self.redone,
                "remade": self.remade,
                "given_up": len(self.failures),
            },
            "seconds": round(seconds, 3),
            "rows_per_second": round(self.new_rows / max(seconds, 1e-9), 3),
            "stage_seconds": {name: round(spent, 3) for name, spent in sorted(self.stages.items())},
            "photos_left_out": [*self.left_out],
            "failures": [failure.record() for failure in self.failures[:_LISTED]],
        }

"""What is asked of a batch: all that its answers depend on, and what each shard's answers are called by it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from aisle.batch.shards import SHARD_ROWS, Shard
from aisle.batch.sources import Source
from aisle.heads.tiers import Tier

_KEY_LENGTH = 16


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the answers of a batch depend on, its input left aside.

    Attributes
    ----------
    engine : str
        The engine's fingerprint.
    program : str
        The version of Aisle, and of its decode path.
    form : {"parquet", "jsonl", "csv"}
        How answers are written.
    precision : float or None
        How often an answer must be right; what the engine was trained for by default.
    tier : {"full", "balanced", "fast"}
        What may be spent on an answer.
    evidence : bool
        Whether answers say what they rest on.
    mapping : mapping of str to str
        Role to column, where that is not recognised.
    shard_rows : int
        Rows of a shard.
    """

    engine: str
    program: str
    form: str = "parquet"
    precision: float | None = None
    tier: Tier = "full"
    evidence: bool = False
    mapping: Mapping[str, str] = field(default_factory=dict)
    shard_rows: int = SHARD_ROWS

    @property
    def settings(self) -> dict[str, Any]:
        """What somebody chose, by the name of its option."""
        return {
            "--format": self.form,
            "--precision": self.precision,
            "--tier": self.tier,
            "--evidence": self.evidence,
            "--map": dict(self.mapping),
            "--shard-rows": self.shard_rows,
        }

    def key(self, shard: Shard) -> str:
        """Return what a shard's answers are called: 16 hex digits of all that they depend on.

        The number of the shard is no part of it: a file that is added before others leaves their answers valid.
        """
        source = shard.source
        place = [source.url, source.kind, source.stamp, shard.first_row, shard.rows, shard.begin, shard.end]
        text = json.dumps([asdict(self), place], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LENGTH]


def describe_job(job: Job, sources: Sequence[Source]) -> dict[str, Any]:
    """Return a job and its input as plain data, to be compared with by the next run."""
    return {
        "engine": job.engine,
        "program": job.program,
        "settings": job.settings,
        "sources": stamps(sources),
    }


def stamps(sources: Sequence[Source]) -> dict[str, str]:
    """Return what tells a changed file, by its name: two addresses of the web may have the same."""
    found: dict[str, list[str]] = {}
    for source in sources:
        found.setdefault(source.name, []).append(source.stamp)
    return {name: " ".join(sorted(each)) for name, each in found.items()}

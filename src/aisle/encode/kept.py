"""Vectors that were computed once, looked up ever after."""

import io
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from aisle.cache import KeyedStore
from aisle.errors import PhotoError
from aisle.files import write_bytes
from aisle.progress import bar
from aisle.settings import Settings

log = logging.getLogger(__name__)

Array = NDArray[np.float32]
Compute = Callable[[Sequence[str]], Iterator[tuple[str, Array | PhotoError]]]

_ROWS_AT_ONCE = 256
_SECONDS_AT_ONCE = 10.0
"""A kill loses at most so many rows, and at most so much work."""


@dataclass(frozen=True, kw_only=True)
class KeptRows:
    """Rows by the key of what they were computed from.

    Attributes
    ----------
    rows : dict of str to ndarray
        Those that could be computed.
    problems : dict of str to PhotoError
        Why the others could not.
    seconds : float
        What computing all of them cost, now or earlier.
    """

    rows: dict[str, Array]
    problems: dict[str, PhotoError]
    seconds: float


def keep_rows(
    fingerprint: str, keys: Sequence[str], compute: Compute, *, label: str, unit: str, settings: Settings
) -> KeptRows:
    """Look rows up by key, compute those that are missing, and keep each batch as it comes.

    Every row is kept with its share of the time, so that a run that was killed and taken up again knows what
    it cost.

    Parameters
    ----------
    fingerprint : str
        Of the encoder: decides the file.
    keys : sequence of str
        Without repetition.
    compute : callable
        From the missing keys to rows, or to the reasons why there is none; in any order.
    label, unit : str
        What the progress bar says, and what it counts.
    settings : Settings
        The cache.
    """
    store = KeyedStore(settings.cache_dir / "embeddings" / f"{fingerprint[:32]}.sqlite")
    found = {key: np.frombuffer(value, dtype="<f4") for key, value in store.get(keys).items()}
    missing = [key for key in keys if key not in found]
    problems: dict[str, PhotoError] = {}
    fresh: dict[str, Array] = {}
    started = time.perf_counter()

    def keep() -> None:
        nonlocal started, fresh
        share = np.float32((time.perf_counter() - started) / max(len(fresh), 1))
        batch = {key: np.append(row, share).astype("<f4") for key, row in fresh.items()}
        if batch:
            store.put({key: values.tobytes() for key, values in batch.items()})
        found.update(batch)
        started, fresh = time.perf_counter(), {}

    if missing:
        with bar(label=label, total=len(missing), unit=unit) as progress:
            for key, row in compute(missing):
                progress.update()
                if isinstance(row, PhotoError):
                    problems[key] = row
                    continue
                fresh[key] = row
                if len(fresh) >= _ROWS_AT_ONCE or time.perf_counter() - started > _SECONDS_AT_ONCE:
                    keep()
        keep()
    return KeptRows(
        rows={key: values[:-1] for key, values in found.items()},
        problems=problems,
        seconds=float(sum(float(values[-1]) for values in found.values())),
    )


def keep_matrix(corpus: str, compute: Callable[[], Array], *, settings: Settings) -> tuple[Array, float]:
    """Look a whole matrix up, or compute and keep it; return it with the seconds that it cost.

    Parameters
    ----------
    corpus : str
        Hash of everything that the matrix was learned from: decides the file.
    compute : callable
        Makes the matrix, shape (n, d).
    settings : Settings
        The cache.

    Raises
    ------
    DiskFullError
        The disk is full.
    """
    path = settings.cache_dir / "matrices" / f"{corpus[:32]}.npz"
    if (kept := _read_matrix(path)) is not None:
        return kept
    started = time.perf_counter()
    matrix = np.asarray(compute(), dtype=np.float32)
    seconds = time.perf_counter() - started
    buffer = io.BytesIO()
    np.savez(buffer, matrix=matrix, seconds=np.float64(seconds))
    write_bytes(path, buffer.getvalue())
    return matrix, seconds


def _read_matrix(path: Path) -> tuple[Array, float] | None:
    try:
        # The checksums of the zip format are compared as the members are read.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
            return np.asarray(kept["matrix"], dtype=np.float32), float(kept["seconds"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, AttributeError, NotImplementedError, BadZipFile) as err:
        log.warning("%s is damaged (%s); it is computed again", path, err)
        return None

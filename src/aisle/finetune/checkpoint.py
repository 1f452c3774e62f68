"""Training that a kill cannot undo: its state after each epoch, in files that say when they are damaged."""

import contextlib
import hashlib
import json
import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from aisle.files import atomic_write

log = logging.getLogger(__name__)

Arrays = dict[str, NDArray[Any]]

_KEPT = 2
_SUFFIX = ".checkpoint"
_DIGEST = 64
_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class State:
    """Where a training stands.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Weights, their averages, the optimiser's moments.
    facts : dict
        Plain values: epoch, history, what was best.
    """

    arrays: Arrays
    facts: dict[str, Any]


@dataclass(frozen=True)
class Checkpoints:
    """The last two states of one training.

    Attributes
    ----------
    folder : Path
        Where they lie.
    name : str
        What is trained.
    run : str
        Changes with everything that decides the result; states of another run are not taken up.
    """

    folder: Path
    name: str
    run: str

    def save(self, state: State, *, epoch: int) -> None:
        """Write a state, and remove all but the one before; later ones are of another run, or damaged.

        Raises
        ------
        DiskFullError
            The disk is full; earlier states stay.
        """
        shapes = [(name, array.dtype.str, array.shape) for name, array in state.arrays.items()]
        head = json.dumps({"run": self.run, "facts": state.facts, "arrays": shapes}).encode()
        digest = hashlib.sha256()
        for part in _parts(head, state.arrays):
            digest.update(part)
        with atomic_write(self._place(epoch)) as file:  # part by part: a copy of all would fill the memory
            file.write(digest.hexdigest().encode())
            for part in _parts(head, state.arrays):
                file.write(part)
        kept = [number for number in self._epochs() if number <= epoch][-_KEPT:]
        for other in self._epochs():
            if other not in kept:
                self._place(other).unlink(missing_ok=True)

    def latest(self) -> State | None:
        """Return the last sound state of this run; a damaged one is passed over, and said."""
        for epoch in reversed(self._epochs()):
            place = self._place(epoch)
            try:
                with place.open("rb") as file:
                    state = _read(file, run=self.run)
            except (OSError, ValueError, KeyError, TypeError) as err:
                log.warning("the checkpoint %s is damaged (%s) and is passed over", place, err or type(err).__name__)
                continue
            if state is not None:
                return state
            log.warning("the checkpoint %s is of other products, options or weights, and is passed over", place)
        return None

    def clear(self) -> None:
        """Remove all states."""
        for epoch in self._epochs():
            self._place(epoch).unlink(missing_ok=True)
        for part in self.folder.glob(f".{self.name}-*.part"):  # a kill while writing leaves it
            part.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _place(self, epoch: int) -> Path:
        return self.folder / f"{self.name}-{epoch:04}{_SUFFIX}"

    def _epochs(self) -> list[int]:
        numbers = (path.name.removeprefix(f"{self.name}-") for path in self.folder.glob(f"{self.name}-*{_SUFFIX}"))
        return sorted(int(text.removesuffix(_SUFFIX)) for text in numbers if text.removesuffix(_SUFFIX).isdecimal())


def _parts(head: bytes, arrays: Arrays) -> Iterator[bytes | memoryview]:
    """Yield the content of a file after its hash."""
    yield len(head).to_bytes(8, "little") + head
    for array in arrays.values():
        yield np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _read(file: IO[bytes], *, run: str) -> State | None:
    wanted, digest = file.read(_DIGEST), hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    if wanted != digest.hexdigest().encode():
        raise ValueError("its content does not match its hash")
    file.seek(_DIGEST)
    head: Mapping[str, Any] = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    if head["run"] != run:
        return None
    arrays: Arrays = {}
    for name, kind, shape in head["arrays"]:
        dtype = np.dtype(kind)
        data = bytearray(file.read(math.prod(shape) * dtype.itemsize))
        arrays[name] = np.frombuffer(data, dtype=dtype).reshape(shape)
    return State(arrays, dict(head["facts"]))


def remove_checkpoints(folder: Path) -> None:
    """Remove the states of all trainings that were kept in a folder; and the folder, if nothing else is in it."""
    for place in folder.glob(f"*{_SUFFIX}"):
        place.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()

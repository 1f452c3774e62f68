"""Training that a kill cannot undo: its state after each epoch, in files that say when they are damaged."""

import contextlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from aisle.files import sha256_bytes, write_bytes

log = logging.getLogger(__name__)

Arrays = dict[str, NDArray[Any]]

_KEPT = 2
_SUFFIX = ".checkpoint"
_DIGEST = 64


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
        data = save(state.arrays)
        head = json.dumps({"run": self.run, "facts": state.facts}).encode()
        body = len(head).to_bytes(8, "little") + head + data
        write_bytes(self._place(epoch), sha256_bytes(body).encode() + body)
        kept = [number for number in self._epochs() if number <= epoch][-_KEPT:]
        for other in self._epochs():
            if other not in kept:
                self._place(other).unlink(missing_ok=True)

    def latest(self) -> State | None:
        """Return the last sound state of this run; a damaged one is passed over, and said."""
        for epoch in reversed(self._epochs()):
            place = self._place(epoch)
            try:
                state = _read(place.read_bytes(), run=self.run)
            except (OSError, ValueError, KeyError, TypeError, SafetensorError) as err:
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


def _read(data: bytes, *, run: str) -> State | None:
    digest, body = data[:_DIGEST], data[_DIGEST:]
    if digest != sha256_bytes(body).encode():
        raise ValueError("its content does not match its hash")
    end = 8 + int.from_bytes(body[:8], "little")
    head: Mapping[str, Any] = json.loads(body[8:end])
    if head["run"] != run:
        return None
    return State({name: np.array(array) for name, array in load(body[end:]).items()}, dict(head["facts"]))


def remove_checkpoints(folder: Path) -> None:
    """Remove the states of all trainings that were kept in a folder; and the folder, if nothing else is in it."""
    for place in folder.glob(f"*{_SUFFIX}"):
        place.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()

"""Named tensors of a checkpoint, handed out with their shapes checked."""

import re
from collections.abc import Mapping

import numpy as np

from aisle.errors import WeightsError


class Checkpoint:
    """The tensors of one model, looked up by their published names.

    Parameters
    ----------
    tensors : mapping of str to ndarray
        As read from a weights file.
    source : str
        What to call the file in a message.
    prefixes : tuple of str
        Prefixes that some publishers put before every name, e.g. ``"bert."``; stripped where they occur.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], *, source: str, prefixes: tuple[str, ...] = ()) -> None:
        self._source = source
        self._tensors: dict[str, np.ndarray] = {}
        for name, array in tensors.items():
            prefix = next((p for p in prefixes if name.startswith(p)), "")
            self._tensors[name.removeprefix(prefix)] = array

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def get(self, *names: str, ndim: int | None = None) -> np.ndarray:
        """Return the first tensor that has one of the names, as float32.

        Raises
        ------
        WeightsError
            None is there, or its number of axes is another.
        """
        for name in names:
            if name in self._tensors:
                array = self._tensors[name]
                if ndim is not None and array.ndim != ndim:
                    raise WeightsError(
                        f"{self._source}: tensor {name!r} has shape {array.shape}, {ndim} axes are needed; "
                        "the file belongs to another model"
                    )
                return array.astype(np.float32, copy=False)
        raise WeightsError(
            f"{self._source}: there is no tensor {names[0]!r} among {len(self._tensors)}; "
            "the file belongs to another model"
        )

    def count(self, pattern: str) -> int:
        r"""Return how many consecutive numbers, from 0, stand at the group of a pattern.

        >>> zero = np.zeros(1)
        >>> Checkpoint({"layer.0.w": zero, "layer.1.w": zero}, source="x").count(r"layer\.(\d+)\.")
        2
        """
        found = {int(match[1]) for name in self._tensors if (match := re.match(pattern, name))}
        number = 0
        while number in found:
            number += 1
        return number

"""Embeddings of what was read lately: the same text or photo is encoded once."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from threading import Lock
from typing import Generic, TypeVar

_V = TypeVar("_V")


def content_key(data: bytes) -> bytes:
    """Return the name of a content, 16 bytes."""
    return blake2b(data, digest_size=16).digest()


class Memory(Generic[_V]):
    """Values by content; the least recently asked for go first. Several threads may ask.

    Parameters
    ----------
    most : int
        Values kept; with 0 none outlive the call that made them.
    """

    def __init__(self, most: int = 0) -> None:
        self._most = most
        self._values: OrderedDict[bytes, _V] = OrderedDict()
        self._lock = Lock()

    def read(self, keys: Sequence[bytes], make: Callable[[list[int]], Sequence[_V]]) -> list[_V]:
        """Return the value of each content.

        Parameters
        ----------
        keys : sequence of bytes
            What `content_key` says of each content.
        make : callable
            Is given the positions of contents that are not known, one of each, and returns their values.
        """
        found: dict[bytes, _V] = {}
        with self._lock:
            for key in keys:
                if key in self._values:
                    self._values.move_to_end(key)
                    found[key] = self._values[key]
        new = {key: place for place, key in reversed(list(enumerate(keys))) if key not in found}
        if new:
            places = sorted(new.values())
            made = {keys[place]: value for place, value in zip(places, make(places), strict=True)}
            found |= made
            self._keep(made)
        return [found[key] for key in keys]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()

    def _keep(self, made: dict[bytes, _V]) -> None:
        with self._lock:
            self._values |= made
            while len(self._values) > self._most:
                self._values.popitem(last=False)

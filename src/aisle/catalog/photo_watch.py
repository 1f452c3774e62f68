"""Who wants to know which photo is being decoded: a worker of a batch, whose time for one photo is limited."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

Photo = Path | bytes
Watch = Callable[[Photo], AbstractContextManager[None]]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_watch: Watch | None = None


def watch_photos(watch: Watch | None) -> None:
    """Have every photo of this process decoded inside of a context; None ends it.

    Parameters
    ----------
    watch : callable or None
        Takes a photo and returns the context to decode it in, on whatever thread. What that raises on entering should
        be a `PhotoError`: the photo then counts as one that cannot be decoded.
    """
    global _watch
    _watch = watch


def watched(decode: Callable[Concatenate[Photo, _P], _R]) -> Callable[Concatenate[Photo, _P], _R]:
    """Let whoever watches know of each photo that a function decodes."""

    @wraps(decode)
    def noted(photo: Photo, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        watch = _watch
        if watch is None:
            return decode(photo, *args, **kwargs)
        with watch(photo):
            return decode(photo, *args, **kwargs)

    return noted

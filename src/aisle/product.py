"""The values that every layer speaks of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

CategoryPath = tuple[str, ...]
"""A category as a path from the root of its taxonomy, e.g. ``("Watches", "Wrist Watches")``."""

PATH_SEPARATOR = " > "

_NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


def format_path(path: CategoryPath) -> str:
    """Write a category path the way people read it.

    >>> format_path(("Watches", "Wrist Watches"))
    'Watches > Wrist Watches'
    """
    return PATH_SEPARATOR.join(path)


@dataclass(frozen=True, kw_only=True)
class Product:
    """One product of a catalogue, or one that a seller is about to post.

    Attributes
    ----------
    title : str
        The name that sellers give it.
    description : str
        Free text.
    photo : Path, bytes or None
        A file, or the bytes of one. Not decoded here.
    id : str
        What the catalogue calls it; empty where there is no catalogue.
    attributes : mapping of str to str
        Brand, specifications and the like.
    category : tuple of str
        The path it is filed under; empty when unknown.
    """

    title: str = ""
    description: str = ""
    photo: Path | bytes | None = None
    id: str = ""
    attributes: Mapping[str, str] = field(default_factory=lambda: _NO_ATTRIBUTES)
    category: CategoryPath = ()

    def __post_init__(self) -> None:
        photo: object = self.photo  # callers without a type checker pass text
        if isinstance(photo, str):
            object.__setattr__(self, "photo", Path(photo))
        category: object = self.category
        if isinstance(category, str):
            raise TypeError(f"category is a tuple of names, not the string {category!r}")

    def label(self, level: int) -> str:
        """Return the category cut at a depth, as text; empty when unlabelled.

        >>> Product(category=("Watches", "Wrist Watches", "Acme")).label(2)
        'Watches > Wrist Watches'
        """
        return format_path(self.category[:level])

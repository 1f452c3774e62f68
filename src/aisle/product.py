"""The values that every layer speaks of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

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
        for name in ("title", "description", "id"):
            value: object = getattr(self, name)
            if value is None:
                object.__setattr__(self, name, "")
            elif not isinstance(value, str):
                raise TypeError(f"{name} is text, not {type(value).__name__}: {repr(value)[:60]}")
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


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A labelled product of the training catalogue that is like the one at hand.

    Attributes
    ----------
    id, title : str
        As the catalogue has them.
    category : tuple of str
        The path it is filed under.
    similarity : float
        Cosine, at most 1.
    """

    id: str
    title: str
    category: CategoryPath
    similarity: float


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a prediction rests on.

    Attributes
    ----------
    shares : mapping of str to float
        Modality to its share of the decision; they sum to 1, or there are none.
    terms : tuple of (str, float)
        Terms of the text that spoke for the answer, strongest first, with their weight.
    nearest : tuple of Neighbour
        The labelled products most like this one, the most similar first.
    """

    shares: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    terms: tuple[tuple[str, float], ...] = ()
    nearest: tuple[Neighbour, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Where a product belongs, how sure that is, and what it rests on.

    Attributes
    ----------
    id : str
        Of the product.
    path : tuple of str
        The answer: the deepest category that meets the asked precision; empty when a person should look.
    probability : float
        Of `path`; of `leaf` where there is no answer.
    decision : {"accept", "partial", "review"}
        Answered down to the leaf; answered with a category above it; not answered.
    leaf : tuple of str
        The most probable leaf, whatever the decision.
    alternatives : tuple of (tuple of str, float)
        The most probable leaves with their probabilities, the most probable first.
    modalities : tuple of str
        What was used: ``title``, ``description``, ``attributes``, ``photo``.
    evidence : Evidence
        What it rests on; empty where it was not asked for.
    reason : str
        Why it stopped above the leaf, or was not answered; empty when accepted.
    engine : str
        Fingerprint of the engine that said so.
    stage : {"terms", "texts", "all"}
        After what it was answered: the terms of the texts, the texts embedded, or everything that the product has.
    """

    id: str
    path: CategoryPath
    probability: float
    decision: Literal["accept", "partial", "review"]
    leaf: CategoryPath
    alternatives: tuple[tuple[CategoryPath, float], ...]
    modalities: tuple[str, ...]
    evidence: Evidence
    reason: str = ""
    engine: str = ""
    stage: Literal["terms", "texts", "all"] = "all"

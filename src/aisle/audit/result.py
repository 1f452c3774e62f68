"""What an audit finds."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from aisle.files import write_text
from aisle.product import CategoryPath, Neighbour, format_path

Kind = Literal["wrong label", "overlap", "unclear"]
KINDS: tuple[Kind, ...] = ("wrong label", "overlap", "unclear")

_DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What one modality says of a product by itself.

    Attributes
    ----------
    modality : str
        ``text`` or ``photo``.
    says : tuple of str
        The category it finds most probable, at the depth where label and suggestion part.
    probability : float
        Of that category.
    for_given : float
        The probability it leaves to the label.
    against : bool
        Whether it contradicts the label.
    """

    modality: str
    says: CategoryPath
    probability: float
    for_given: float
    against: bool


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A product whose label looks wrong.

    Attributes
    ----------
    rank : int
        From 1, the most suspicious first.
    id, title : str
        As the catalogue has them.
    photo : Path, bytes or None
    given : tuple of str
        The label, cut at the level of the audit.
    suggested : tuple of str
        Where the product seems to belong.
    score : float
        How probable it is, from what is seen of the product, that the label does not hold. Falls with the rank.
    suggested_probability : float
        Of `suggested`.
    kind : {"wrong label", "overlap", "unclear"}
        The label is contradicted; the two categories overlap in this catalogue; nothing is sure.
    opinions : tuple of Opinion
        Of the text and of the photo.
    duplicate_group : int or None
        Number of the group of near-duplicates that it is in.
    twins : tuple of Neighbour
        Near-duplicates that are filed under something that contradicts the label, at most three.
    nearest : tuple of Neighbour
        The labelled products most like it.
    reason : str
        Why, in words.
    """

    rank: int
    id: str
    title: str
    photo: Path | bytes | None = field(repr=False)
    given: CategoryPath
    suggested: CategoryPath
    score: float
    suggested_probability: float
    kind: Kind
    opinions: tuple[Opinion, ...]
    duplicate_group: int | None
    twins: tuple[Neighbour, ...]
    nearest: tuple[Neighbour, ...]
    reason: str

    @property
    def against(self) -> tuple[str, ...]:
        """The modalities that contradict the label."""
        return tuple(opinion.modality for opinion in self.opinions if opinion.against)

    def row(self) -> dict[str, Any]:
        """Return it as plain data, one value a column: what audit.csv holds."""
        return {
            "rank": self.rank,
            "id": self.id,
            "title": self.title,
            "given": format_path(self.given),
            "suggested": format_path(self.suggested),
            "score": round(self.score, _DIGITS),
            "kind": self.kind,
            "against": " + ".join(self.against),
            "suggested_probability": round(self.suggested_probability, _DIGITS),
            "duplicate_group": self.duplicate_group,
            "reason": self.reason,
        }


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Two categories whose products are hard to tell apart, in both directions.

    Attributes
    ----------
    first, second : tuple of str
        The categories, where their paths part.
    first_size, second_size : int
        Products filed under each.
    first_torn, second_torn : int
        How many of the first could as well be in the second, and the other way round.
    first_moved, second_moved : int
        How many of the first seem to be the second's rather, and the other way round.
    first_examples, second_examples : tuple of Neighbour
        Products of each that could be the other's, the most probable first; `similarity` is that probability.
    """

    first: CategoryPath
    second: CategoryPath
    first_size: int
    second_size: int
    first_torn: int
    second_torn: int
    first_moved: int
    second_moved: int
    first_examples: tuple[Neighbour, ...]
    second_examples: tuple[Neighbour, ...]


@dataclass(frozen=True, kw_only=True)
class DuplicateGroup:
    """Products that are nearly the same.

    Attributes
    ----------
    number : int
        From 1: groups with conflicting labels first, then the largest.
    alike : tuple of str
        By what: ``text``, ``photo``.
    members : tuple of Neighbour
        In the order of the catalogue; `similarity` is 1.
    labels : mapping of str to int
        How many are filed under what.
    conflicting : bool
        Whether two of the labels contradict each other.
    """

    number: int
    alike: tuple[str, ...]
    members: tuple[Neighbour, ...]
    labels: Mapping[str, int]
    conflicting: bool


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What an audit found in a catalogue.

    Attributes
    ----------
    source : str
        The catalogue.
    level : int
        The depth at which category paths were cut.
    rows, quarantined, products, unlabelled, unjudged, seen : int
        Rows of the catalogue, those set aside, labelled products, products without a category, labelled products of
        which nothing can be read, labelled products that an encoder has learned from, which are not judged.
    categories : mapping of str to int
        Labelled products of each category at that depth.
    suspects : tuple of Suspect
        The most suspicious first.
    overlaps : tuple of Overlap
        The pair with most torn products first.
    duplicates : tuple of DuplicateGroup
        Those with conflicting labels first.
    photos : mapping of str to (Path or bytes)
        Product id to photo, for the page.
    threads : int
        Decoders of photos at work when the page is made.
    """

    source: str
    level: int
    rows: int
    quarantined: int
    products: int
    unlabelled: int
    unjudged: int
    categories: Mapping[str, int]
    suspects: tuple[Suspect, ...] = field(repr=False)
    overlaps: tuple[Overlap, ...] = field(repr=False)
    duplicates: tuple[DuplicateGroup, ...] = field(repr=False)
    photos: Mapping[str, Path | bytes] = field(repr=False)
    threads: int = 1
    seen: int = 0

    def to_rows(self) -> list[dict[str, Any]]:
        """Return the suspects as plain rows, e.g. for ``pandas.DataFrame``."""
        return [suspect.row() for suspect in self.suspects]

    def summary(self, *, top: int | None = None) -> dict[str, Any]:
        """Return everything as plain data that JSON can hold; `top` suspects, or all."""
        kinds = Counter(suspect.kind for suspect in self.suspects)
        return {
            "source": self.source,
            "level": self.level,
            "rows": self.rows,
            "quarantined": self.quarantined,
            "products": self.products,
            "unlabelled": self.unlabelled,
            "unjudged": self.unjudged,
            "seen": self.seen,
            "categories": dict(self.categories),
            "suspects_found": len(self.suspects),
            "kinds": {kind: kinds[kind] for kind in KINDS},
            "suspects": [_suspect(suspect) for suspect in self.suspects[:top]],
            "overlaps": [_plain(asdict(overlap)) for overlap in self.overlaps],
            "duplicates": [_plain(asdict(group)) for group in self.duplicates],
        }

    def save(self, folder: str | Path, *, top: int | None = 100) -> dict[str, Path]:
        """Write audit.json, audit.csv and audit.html.

        Parameters
        ----------
        folder : path
            Made if need be.
        top : int or None
            How many suspects; None: all of them.

        Returns
        -------
        dict of str to Path
            What was written, by kind.

        Raises
        ------
        MissingExtraError
            Jinja2 is not installed.
        DiskFullError
            There is no room.
        """
        from aisle.audit.report import render_audit, write_table  # the page needs an extra

        place = Path(folder)
        page = render_audit(self, top=top)
        written = {"page": place / "audit.html", "table": place / "audit.csv", "data": place / "audit.json"}
        write_text(written["data"], json.dumps(self.summary(top=top), ensure_ascii=True, indent=1) + "\n")
        write_table(written["table"], self.suspects[:top])
        write_text(written["page"], page)
        return written


def _suspect(suspect: Suspect) -> dict[str, Any]:
    found = suspect.row() | {
        "given": list(suspect.given),
        "suggested": list(suspect.suggested),
        "against": list(suspect.against),
    }
    for name in ("opinions", "twins", "nearest"):
        found[name] = [_plain(asdict(part)) for part in getattr(suspect, name)]
    return found


def _plain(value: Any) -> Any:
    """Return data as JSON will give it back: lists for tuples, probabilities cut."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    return round(value, _DIGITS) if isinstance(value, float) else value

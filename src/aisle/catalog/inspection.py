"""What is in a catalogue and what is wrong with it, as figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from aisle.catalog.catalog import Catalog
from aisle.catalog.columns import Columns
from aisle.catalog.concerns import Concern, find_concerns
from aisle.catalog.duplicates import Ids, exact_duplicates, near_duplicate_groups
from aisle.catalog.photo_hash import HASH_SHAPE, perceptual_hash
from aisle.catalog.photos import decode_all
from aisle.catalog.quarantine import BadRow
from aisle.errors import PhotoError
from aisle.product import Product

_EXAMPLES = 20


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """How long the texts of one kind are, in characters.

    Attributes
    ----------
    present : int
        Products that have one; the quantiles are of these.
    shortest, median, long, longest : int
        The quantiles 0, 0.5, 0.95 and 1.
    """

    present: int
    shortest: int = 0
    median: int = 0
    long: int = 0
    longest: int = 0


@dataclass(frozen=True, kw_only=True)
class BrokenPhoto:
    """A photo file that cannot be decoded.

    Attributes
    ----------
    id : str
        The product's.
    code : str
        Of the `PhotoError`.
    message : str
        What is wrong, for a person.
    """

    id: str
    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Photos:
    """The photos of a catalogue.

    Attributes
    ----------
    named : int
        Products whose row names a photo.
    present : int
        Products with a photo file, good or broken.
    missing : int
        Products without one.
    missing_ids : tuple of str
        The first of them.
    decoded : bool
        Whether the files were opened; if not, `broken` is empty because nobody looked.
    broken : tuple of BrokenPhoto
        Files that cannot be decoded.
    """

    named: int
    present: int
    missing: int
    missing_ids: tuple[str, ...]
    decoded: bool
    broken: tuple[BrokenPhoto, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Groups of products that are the same, or nearly.

    Attributes
    ----------
    groups, products, largest : int
        Groups of two or more, the products in them, and the size of the largest.
    mixed : int
        Groups whose members are filed under different categories: often a wrong label.
    """

    groups: int = 0
    products: int = 0
    largest: int = 0
    mixed: int = 0


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What `inspect_catalog` found.

    Attributes
    ----------
    source : str
        The catalogue.
    level : int
        The depth at which categories are counted.
    products : int
        Good rows.
    bad_rows : tuple of BadRow
        Rows set aside.
    columns : Columns
        Which column plays which part.
    notes : tuple of str
        What the reader remarked, e.g. a guessed encoding.
    titles, descriptions : Lengths
        How long they are.
    photos : Photos
        How many are there and can be decoded.
    categories : mapping of str to int
        Products by category at `level`, largest first.
    unlabelled : int
        Products without a category.
    depths : mapping of int to int
        Labelled products by the depth of their path, shallowest first.
    same : Alike
        Products with the same text and the same photo file.
    alike_text, alike_photo : Alike
        Near-duplicates; by photo only where photos were decoded.
    concerns : tuple of Concern
        What a person should look at before going on.
    """

    source: str
    level: int
    products: int
    bad_rows: tuple[BadRow, ...]
    columns: Columns
    notes: tuple[str, ...]
    titles: Lengths
    descriptions: Lengths
    photos: Photos
    categories: Mapping[str, int]
    unlabelled: int
    depths: Mapping[int, int]
    same: Alike
    alike_text: Alike
    alike_photo: Alike
    concerns: tuple[Concern, ...]

    @property
    def rows(self) -> int:
        """Rows in the source, good and bad."""
        return self.products + len(self.bad_rows)

    def smaller_than(self, products: int) -> int:
        """Count the categories that hold fewer products than that."""
        return sum(count < products for count in self.categories.values())

    def summary(self) -> dict[str, object]:
        """Return everything as plain values that JSON can hold; long lists keep their first entries."""
        codes = Counter(bad.code for bad in self.bad_rows)
        broken = Counter(photo.code for photo in self.photos.broken)
        photos = asdict(self.photos) | {
            "broken": dict(broken.most_common()),
            "broken_examples": [asdict(photo) for photo in self.photos.broken[:_EXAMPLES]],
        }
        return {
            "source": self.source,
            "rows": self.rows,
            "products": self.products,
            "quarantined": len(self.bad_rows),
            "quarantined_by_code": dict(codes.most_common()),
            "quarantined_examples": [asdict(bad) for bad in self.bad_rows[:_EXAMPLES]],
            "columns": {role: list(names) for role, names in self.columns.by_role.items()},
            "unused_columns": list(self.columns.unused),
            "notes": list(self.notes),
            "titles": asdict(self.titles),
            "descriptions": asdict(self.descriptions),
            "photos": photos,
            "level": self.level,
            "categories": dict(self.categories),
            "categories_below_10": self.smaller_than(10),
            "categories_below_2": self.smaller_than(2),
            "unlabelled": self.unlabelled,
            "depths": {str(depth): count for depth, count in self.depths.items()},
            "exact_duplicates": asdict(self.same),
            "near_duplicates_by_text": asdict(self.alike_text),
            "near_duplicates_by_photo": asdict(self.alike_photo),
            "concerns": [asdict(concern) for concern in self.concerns],
        }


def inspect_catalog(catalog: Catalog, *, level: int = 1, photos: bool = True, threads: int = 1) -> Inspection:
    """Look at everything in a catalogue that a person should know before a study.

    Parameters
    ----------
    catalog : Catalog
        As `read_catalog` returns it.
    level : int
        The depth at which categories are counted, from 1.
    photos : bool
        Whether to decode every photo; without, broken and look-alike photos are not found.
    threads : int
        Decoders at work.
    """
    products = catalog.products
    pictures, hashes = _look_at_photos(catalog, photos=photos, threads=threads)
    labels = [product.label(level) for product in products]
    texts = [f"{product.title} {product.description}".strip() for product in products]
    files = [product.photo for product in products] if photos else None
    depths = Counter(len(product.category) for product in products if product.category)
    return Inspection(
        source=catalog.source,
        level=level,
        products=len(products),
        bad_rows=catalog.bad_rows,
        columns=catalog.columns,
        notes=catalog.notes,
        titles=_lengths([product.title for product in products]),
        descriptions=_lengths([product.description for product in products]),
        photos=pictures,
        categories=catalog.categories(level=level),
        unlabelled=sum(not product.category for product in products),
        depths=dict(sorted(depths.items())),
        same=_count_alike(exact_duplicates(texts, files), labels),
        alike_text=_count_alike(near_duplicate_groups(texts), labels),
        alike_photo=_count_alike(near_duplicate_groups([""] * len(texts), photo_hashes=hashes), labels),
        concerns=find_concerns(catalog, level=level),
    )


def _look_at_photos(catalog: Catalog, *, photos: bool, threads: int) -> tuple[Photos, list[int | None]]:
    """Decode every photo once, small: what fails is broken, and what does not gets its perceptual hash."""
    products: Sequence[Product] = catalog.products
    hashes: list[int | None] = [None] * len(products)
    broken: list[BrokenPhoto] = []
    if photos:
        files = [product.photo for product in products]
        results = decode_all(files, shape=HASH_SHAPE, threads=threads, label="looking at photos")
        for position, result in results:
            if isinstance(result, PhotoError):
                broken.append(BrokenPhoto(id=products[position].id, code=result.code, message=str(result)))
            elif result is not None:
                hashes[position] = perceptual_hash(result)
    missing = catalog.photos_missing
    return (
        Photos(
            named=catalog.photos_named,
            present=len(products) - len(missing),
            missing=len(missing),
            missing_ids=missing[:_EXAMPLES],
            decoded=photos,
            broken=tuple(broken),
        ),
        hashes,
    )


def _lengths(texts: Sequence[str]) -> Lengths:
    lengths = [len(text) for text in texts if text]
    if not lengths:
        return Lengths(present=0)
    shortest, median, long, longest = np.quantile(lengths, [0, 0.5, 0.95, 1], method="nearest").tolist()
    return Lengths(present=len(lengths), shortest=shortest, median=median, long=long, longest=longest)


def _count_alike(groups: Ids, labels: Sequence[str]) -> Alike:
    sizes = np.bincount(groups)
    several = sizes > 1
    if not several.any():
        return Alike()
    names: dict[int, set[str]] = {}
    for group, label in zip(groups.tolist(), labels, strict=True):
        if several[group] and label:
            names.setdefault(group, set()).add(label)
    return Alike(
        groups=int(several.sum()),
        products=int(sizes[several].sum()),
        largest=int(sizes.max()),
        mixed=sum(len(found) > 1 for found in names.values()),
    )

"""What a person should look at in a catalogue before building on it."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aisle.catalog.catalog import Catalog
from aisle.catalog.tables import PHOTO_SUFFIXES
from aisle.product import PATH_SEPARATOR, Product

FEWEST_PRODUCTS = 10
_MOST = 0.5
_MANY = 0.1
_FEW_SINGLETONS = 3
_SHOWN = 3
_WIDTH = 40
_OTHER_SEPARATORS = ("|", "/", "\\", "»", "›", "→", "::", ";")  # noqa: RUF001

_SUFFIX = "|".join(re.escape(suffix) for suffix in sorted(PHOTO_SUFFIXES))
_FILE_NAME = re.compile(rf"\S*({_SUFFIX})|(https?://|[A-Za-z]:\\|\.{{0,2}}/)\S+|[\w.-]+([/\\][\w.-]+){{2,}}", re.I)


@dataclass(frozen=True)
class Concern:
    """One thing to look at.

    Attributes
    ----------
    code : str
        A stable word.
    message : str
        What it is and what to do, for a person.
    """

    code: str
    message: str


def find_concerns(catalog: Catalog, *, level: int) -> tuple[Concern, ...]:
    """Return what would spoil a study of this catalogue, or surprise who reads it.

    Parameters
    ----------
    catalog : Catalog
        The catalogue.
    level : int
        The depth at which its categories will be used.
    """
    rules = (_rows(catalog), _texts(catalog), _photos(catalog), _labels(catalog, level))
    return tuple(Concern(code, message) for rule in rules for code, message in rule)


def _rows(catalog: Catalog) -> Iterator[tuple[str, str]]:
    products, bad = len(catalog.products), len(catalog.bad_rows)
    if products < FEWEST_PRODUCTS:
        yield "few_products", f"only {products} products: too few to learn or to measure anything"
    if bad > _MANY * catalog.rows:
        yield (
            "many_bad_rows",
            f"{bad} of {catalog.rows} rows were set aside: is the file of another kind than its name says, "
            "or damaged on its way?",
        )


def _texts(catalog: Catalog) -> Iterator[tuple[str, str]]:
    titles = [product.title for product in catalog.products if product.title]
    texts = sum(bool(product.title or product.description) for product in catalog.products)
    if not texts:
        yield "no_text", "no product has a title or a description: only photos can tell them apart"
    if len(titles) > 1 and len(set(titles)) == 1:
        yield "same_titles", f"all titles are {titles[0][:60]!r}: map another column with --map title=COLUMN"
    names = [title for title in titles if _FILE_NAME.fullmatch(title)]
    if len(names) > _MOST * len(titles):
        yield (
            "file_name_titles",
            f"titles look like file names or addresses ({names[0][:60]!r}): map another column with --map title=COLUMN",
        )


def _photos(catalog: Catalog) -> Iterator[tuple[str, str]]:
    missing, products = len(catalog.photos_missing), len(catalog.products)
    if missing == products and not catalog.photos_named:
        yield "no_photos", "no row names a photo and no photo file bears a product's id: only text counts"
    elif missing > _MOST * products:
        yield (
            "photos_missing",
            f"{missing} of {products} products have no photo file: photos lie beside the table or up to two "
            "folders below it, and are never downloaded",
        )


def _labels(catalog: Catalog, level: int) -> Iterator[tuple[str, str]]:
    labelled = [product for product in catalog.products if product.category]
    unlabelled = len(catalog.products) - len(labelled)
    if not labelled:
        remedy = (
            f"the column {catalog.columns.name('category')!r} is empty"
            if "category" in catalog.columns.by_role
            else "no column is known to hold them; say which does with --map category=COLUMN"
        )
        yield "no_labels", f"no product has a category: {remedy}"
        return
    if unlabelled > _MANY * len(catalog.products):
        yield "unlabelled", f"{unlabelled} of {len(catalog.products)} products have no category"
    yield from _category_names(catalog.categories(level=level))
    yield from _depths(labelled, level)


def _category_names(categories: dict[str, int]) -> Iterator[tuple[str, str]]:
    if len(categories) == 1:
        yield "one_category", f"all are in one category, {next(iter(categories))!r}: try a deeper --level"
    singletons = [name for name, count in categories.items() if count == 1]
    if len(singletons) >= max(_FEW_SINGLETONS, _MANY * len(categories)):
        yield (
            "singletons",
            f"{len(singletons)} of {len(categories)} categories hold a single product ({_some(singletons)}): "
            "brands, or whole titles, in the place of a category?",
        )
    yield from _separators(categories)
    cut = [name for name in categories if name.endswith(("...", "…"))]
    if cut:
        yield "cut_names", f"{_count(cut)} cut off ({_some(cut)}): different ones may look the same"
    spellings = Counter(" ".join(name.casefold().split()) for name in categories)
    twins = [name for name in categories if spellings[" ".join(name.casefold().split())] > 1]
    if twins:
        yield "spellings", f"{len(twins)} category names differ only in capitals ({_some(sorted(twins))})"


def _separators(categories: dict[str, int]) -> Iterator[tuple[str, str]]:
    flat = [name for name in categories if PATH_SEPARATOR not in name]
    for mark in _OTHER_SEPARATORS:
        having = [name for name in flat if mark in name.strip(mark)]
        if len(having) > _MOST * len(categories):
            yield (
                "separator",
                f"{len(having)} of {len(categories)} categories hold {mark!r} ({_some(having)}): "
                f"if it stands between the names of a path, add --separator '{mark}'",
            )


def _depths(labelled: Sequence[Product], level: int) -> Iterator[tuple[str, str]]:
    shallow = sum(len(product.category) < level for product in labelled)
    if shallow:
        yield (
            "mixed_depth",
            f"{shallow} of {len(labelled)} paths end above level {level}: inner nodes stand beside leaves",
        )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(repr(_short(name)) for name in names[:_SHOWN])
    return f"{shown}, ..." if len(names) > _SHOWN else shown


def _short(name: str) -> str:
    """Cut the middle out of a name: its end says whether it was cut before."""
    return name if len(name) <= _WIDTH else f"{name[: _WIDTH // 2]} … {name[-_WIDTH // 4 :]}"


def _count(names: Sequence[str]) -> str:
    return "1 category name is" if len(names) == 1 else f"{len(names)} category names are"

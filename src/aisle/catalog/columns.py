"""Which column plays which part."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aisle.errors import CatalogError

_KNOWN_NAMES: dict[str, tuple[str, ...]] = {
    "id": (
        "id", "uniq_id", "unique_id", "product_id", "productid", "item_id", "listing_id", "sku", "asin",
        "handle", "uid", "uuid", "pid", "gtin", "ean", "reference",
    ),
    "title": (
        "title", "product_title", "product_name", "productname", "item_name", "name", "designation",
        "titre", "nom", "libelle", "nom_produit", "listing_title",
    ),
    "description": (
        "description", "product_description", "item_description", "body", "body_html", "long_description",
        "text", "details", "descriptif", "about_product",
    ),
    "photo": (
        "photo", "image", "image_path", "photo_path", "image_file", "photo_file", "image_name", "filename",
        "file_name", "picture", "img", "images", "image_src", "image_link", "main_image", "image_url",
    ),
    "category": (
        "category_path", "category", "product_category_tree", "category_tree", "product_category",
        "google_product_category", "taxonomy", "product_type", "categories", "categorie", "category_name",
        "label", "class", "rubrique",
    ),
    "brand": ("brand", "brand_name", "manufacturer", "vendor", "marque"),
    "specifications": ("specifications", "product_specifications", "attributes", "specs", "features"),
}  # fmt: skip

ROLES = tuple(_KNOWN_NAMES)


@dataclass(frozen=True)
class Columns:
    """The part that each column of a catalogue plays.

    Attributes
    ----------
    by_role : mapping of str to tuple of str
        Role to column names; only a category may have several, from the root down.
    unused : tuple of str
        Columns that play no part.
    """

    by_role: Mapping[str, tuple[str, ...]]
    unused: tuple[str, ...]

    def name(self, role: str) -> str:
        """Return the column that plays a role, or the role itself when none does (for messages)."""
        return self.by_role[role][0] if role in self.by_role else role


def recognise_columns(names: Sequence[str], *, mapping: Mapping[str, str] | None = None) -> Columns:
    """Find out which column plays which part, by name.

    Parameters
    ----------
    names : sequence of str
        The catalogue's columns, as written.
    mapping : mapping of str to str, optional
        Role to column, which wins over recognition. A category may name several columns, joined by commas,
        from the root down.

    Raises
    ------
    CatalogError
        The mapping names an unknown role or column, or no column holds a title, a description or a photo.
    """
    by_role = _explicit(names, mapping or {})
    taken = {name for columns in by_role.values() for name in columns}
    simple = {_simplify(name): name for name in reversed(names)}
    for role, known in _KNOWN_NAMES.items():
        if role in by_role:
            continue
        for candidate in known:
            name = simple.get(candidate)
            if name is not None and name not in taken:
                by_role[role] = (name,)
                taken.add(name)
                break
    if not {"title", "description", "photo"} & set(by_role):
        raise CatalogError(
            f"no column of {_listing(names)} is known to hold a title, a description or a photo; "
            f"say which one does, e.g. --map title={names[0][:40] if names else 'NAME'}; "
            "a table begins with a line that names its columns"
        )
    return Columns(by_role=by_role, unused=tuple(name for name in names if name not in taken))


def _explicit(names: Sequence[str], mapping: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    by_role: dict[str, tuple[str, ...]] = {}
    for role, value in mapping.items():
        if role not in ROLES:
            raise CatalogError(f"--map {role}={value}: unknown role {role!r}; known: {', '.join(ROLES)}")
        wanted = (value,) if value in names or role != "category" else tuple(value.split(","))
        for column in wanted:
            if column not in names:
                raise CatalogError(f"--map {role}={value}: there is no column {column!r}; there are {_listing(names)}")
        by_role[role] = wanted
    return by_role


def _simplify(name: str) -> str:
    """Spell a name without capitals and accents: ``productName`` and ``Product name`` are ``product_name``.

    >>> _simplify("imageURL"), _simplify("Catégorie")
    ('image_url', 'categorie')
    """
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    return re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")


def _listing(names: Sequence[str]) -> str:
    shown = ", ".join(name if len(name) <= 40 else f"{name[:39]}…" for name in names[:20])
    return f"{shown} and {len(names) - 20} more" if len(names) > 20 else shown or "an empty header"

"""An audit from a catalogue to what it finds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.audit.alike import group_by_likeness
from aisle.audit.findings import Findings
from aisle.audit.kinship import Kinship
from aisle.audit.result import Audit
from aisle.audit.second_look import judge
from aisle.catalog import Catalog, read_catalog
from aisle.engine.gather import DEFAULT_ENCODERS, Encoders, gather, with_near_duplicates
from aisle.errors import AuditError
from aisle.heads.tree import CategoryTree
from aisle.product import Product
from aisle.progress import bar
from aisle.settings import Settings

LEAST_PRODUCTS = 20


def audit_catalog(
    source: Any,
    *,
    level: int = 1,
    seed: int = 0,
    encoders: Encoders = DEFAULT_ENCODERS,
    columns: Mapping[str, str] | None = None,
    separator: str | None = None,
    settings: Settings | None = None,
) -> Audit:
    """Find labels that look wrong, categories that overlap, and near-duplicates.

    Parameters
    ----------
    source : path, data frame, list of dict or Catalog
        See `aisle.read_catalog`.
    level : int
        The depth at which category paths are cut, from 1.
    seed : int
        Of everything that is drawn.
    encoders : Encoders
        What reads texts and photos; see `aisle.engine.gather.find_encoders`. Labels of products that one of them has
        learned from are not judged.
    columns, separator
        See `aisle.read_catalog`.
    settings : Settings, optional
        This machine's by default.

    Raises
    ------
    CatalogError
        The catalogue cannot be read.
    AuditError
        There are fewer than 20 labelled products, one category, or nothing to tell by; or too few that no encoder has
        seen.
    EncoderFolderError
        An encoder lies in a folder that cannot be used.
    WeightsNotReachableError
        The weights of an encoder are not in the cache and cannot be fetched.

    Examples
    --------
    >>> import aisle
    >>> found = aisle.audit_catalog("products.csv")  # doctest: +SKIP
    >>> found.suspects[0].reason  # doctest: +SKIP
    """
    settings = settings or Settings.load()
    catalog = source if isinstance(source, Catalog) else read_catalog(source, columns=columns, separator=separator)
    labelled = [product for product in catalog.products if product.category]
    tree = _grow(labelled, level)
    terminals = np.array([tree.terminal(product.category) for product in labelled], dtype=np.int64)
    kinship = Kinship.of_tree(tree)
    groups = group_by_likeness(labelled, threads=settings.threads)
    seen = with_near_duplicates(encoders.have_seen(labelled), groups.by_either)
    _check_unseen(seen, terminals)
    fields = gather(labelled, settings=settings, encoders=encoders).fields
    with bar(label="auditing", total=None, unit="step") as progress:

        def step(name: str) -> None:
            progress.set_postfix_str(name)
            progress.update()

        opinions = judge(
            fields,
            terminals,
            tree=tree,
            kinship=kinship,
            groups=groups.by_either,
            unseen=~seen,
            seed=seed,
            step=step,
        )
    if opinions is None:
        raise AuditError("fewer than 20 labelled products have a title, a description, attributes or a photo")
    findings = Findings(labelled, fields, terminals, tree=tree, kinship=kinship, opinions=opinions, groups=groups)
    return Audit(
        source=catalog.source,
        level=level,
        rows=catalog.rows,
        quarantined=len(catalog.bad_rows),
        products=len(labelled),
        unlabelled=len(catalog.products) - len(labelled),
        unjudged=int((~findings.judged & ~seen).sum()),
        seen=int(seen.sum()),
        categories=catalog.categories(level=level),
        suspects=findings.suspects(level=level, seed=seed),
        overlaps=findings.overlaps(),
        duplicates=findings.duplicates(level=level),
        photos={product.id: product.photo for product in labelled if product.photo is not None},
        threads=settings.threads,
    )


def _check_unseen(seen: NDArray[np.bool_], terminals: NDArray[np.int64]) -> None:
    left = int((~seen).sum())
    if seen.any() and (left < LEAST_PRODUCTS or len(np.unique(terminals[~seen])) < 2):
        raise AuditError(
            f"the encoders have learned from {seen.sum():,} of {len(seen):,} labelled products, whose labels they "
            f"cannot judge; {left:,} are left, and an audit needs at least {LEAST_PRODUCTS} of two categories. Take "
            "encoders that were not tuned on this catalogue"
        )


def _grow(labelled: Sequence[Product], level: int) -> CategoryTree:
    if len(labelled) < LEAST_PRODUCTS:
        raise AuditError(
            f"{len(labelled)} products have a category; an audit needs at least {LEAST_PRODUCTS}. If the category "
            "column was not recognised, name it with --map category=COLUMN"
        )
    tree = CategoryTree.grow([product.category for product in labelled], level=level)
    if not Kinship.of_tree(tree).against.any():
        raise AuditError(
            f"at level {level} all products are in one category, {' > '.join(tree.paths[0])}: there is nothing that a "
            "label could be mistaken for. Try a deeper level"
        )
    return tree

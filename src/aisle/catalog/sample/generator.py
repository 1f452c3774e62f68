"""Draws the sample catalogue: a folder with rows, photos and the truth about them."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aisle.catalog.sample.encodings import encode_photo
from aisle.catalog.sample.items import Item, draw_photo, make_items, names_photo
from aisle.catalog.sample.plan import FEWEST_PRODUCTS, PHOTO_KINDS, Plan, draw_plan
from aisle.catalog.sample.table import bad_row_truth, write_rows
from aisle.errors import CatalogError
from aisle.files import disk_errors, write_bytes, write_text
from aisle.product import format_path
from aisle.progress import track

CATALOG_NAME, PHOTO_FOLDER, TRUTH_NAME = "catalog.csv", "photos", "truth.json"
TRUTH_VERSION = 1
_OWN_PHOTO = re.compile(r"A\d+\.(jpg|png|webp)")


@dataclass(frozen=True)
class SampleSummary:
    """What `draw_sample` wrote.

    Attributes
    ----------
    folder, catalog, truth : Path
        The folder, its table and its truth.
    products, rows : int
        Good products; rows, the bad ones included.
    wrong_labels : int
        Products filed under a wrong category.
    near_duplicates : int
        Groups of products that show the same item.
    photo_trouble : mapping of str to int
        Special photo files by kind.
    bad_rows : int
        Rows that no product can be made of.
    """

    folder: Path
    catalog: Path
    truth: Path
    products: int
    rows: int
    wrong_labels: int
    near_duplicates: int
    photo_trouble: Mapping[str, int]
    bad_rows: int


def draw_sample(folder: Path, *, products: int = 420, seed: int = 0) -> SampleSummary:
    """Draw a sample catalogue of seven categories, with known trouble in it.

    The same seed gives the same files, byte for byte, with the same versions of numpy and Pillow. The truth
    is written first and the table last, so that a run that was stopped leaves a folder that the next one
    replaces.

    Parameters
    ----------
    folder : Path
        Where to; made when it does not exist. An earlier sample is replaced, anything else is refused.
    products : int
        Good products, 14 at least; bad rows come on top. From 60 on there is trouble of every kind.
    seed : int
        Not negative.

    Returns
    -------
    SampleSummary
        Where it lies and what was planted.

    Raises
    ------
    CatalogError
        Too few products, a negative seed, or a folder that holds something else.
    """
    if products < FEWEST_PRODUCTS:
        raise CatalogError(
            f"a sample of {products} products is too small: ask for {FEWEST_PRODUCTS} or more, "
            "two for each of the seven categories"
        )
    if seed < 0:
        raise CatalogError(f"seed {seed} is negative; choose 0 or more")
    folder = Path(folder)
    _clear(folder)
    plan = draw_plan(products, rng=np.random.default_rng([seed, products]))
    items = make_items(plan, seed=seed)
    truth = _truth(plan, items, seed=seed)
    write_text(folder / TRUTH_NAME, json.dumps(truth, ensure_ascii=False, indent=1) + "\n")
    photos = _write_photos(folder / PHOTO_FOLDER, items, seed=seed)
    write_bytes(folder / CATALOG_NAME, write_rows(plan, items, photos, seed=seed))
    return SampleSummary(
        folder=folder,
        catalog=folder / CATALOG_NAME,
        truth=folder / TRUTH_NAME,
        products=products,
        rows=products + len(plan.bad_rows),
        wrong_labels=len(plan.wrong_labels),
        near_duplicates=len(plan.duplicate_groups()),
        photo_trouble={kind: len(ids) for kind, ids in truth["photos"].items()},
        bad_rows=len(plan.bad_rows),
    )


def _clear(folder: Path) -> None:
    """Make room: remove the files of an earlier sample, and nothing else."""
    if folder.exists() and not folder.is_dir():
        raise CatalogError(f"{folder} is a file; name a folder for the sample")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not _is_sample(folder):
        raise CatalogError(
            f"{folder} is not empty and holds no earlier sample ({TRUTH_NAME}); "
            "name a new folder, or empty this one first"
        )
    photos = folder / PHOTO_FOLDER
    old = [path for path in photos.iterdir() if _OWN_PHOTO.fullmatch(path.name)] if photos.is_dir() else []
    for path in (folder / CATALOG_NAME, *old):
        path.unlink(missing_ok=True)


def _is_sample(folder: Path) -> bool:
    try:
        truth = json.loads((folder / TRUTH_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(truth, dict) and {"seed", "version", "near_duplicates"} <= truth.keys()


def _write_photos(folder: Path, items: Sequence[Item], *, seed: int) -> dict[str, str]:
    """Draw and write the photos; return what each row names, as a path relative to the catalogue."""
    named = {}
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for item in track(items, label="drawing", total=len(items), unit="photo"):
            if not names_photo(item):
                continue
            if item.trouble == "missing":
                named[item.id] = f"{PHOTO_FOLDER}/{item.id}.jpg"
                continue
            rng = np.random.default_rng([seed, 5, item.number])
            suffix, content = encode_photo(draw_photo(item, seed=seed), item.trouble, rng=rng)
            (folder / f"{item.id}{suffix}").write_bytes(content)
            named[item.id] = f"{PHOTO_FOLDER}/{item.id}{suffix}"
    return named


def _truth(plan: Plan, items: Sequence[Item], *, seed: int) -> dict[str, Any]:
    categories = Counter(format_path(item.good.path) for item in items)
    return {
        "version": TRUTH_VERSION,
        "seed": seed,
        "products": len(items),
        "rows": len(items) + len(plan.bad_rows),
        "categories": dict(sorted(categories.items())),
        "wrong_labels": [
            {"id": item.id, "given": format_path(item.filed.path), "true": format_path(item.good.path)}
            for item in items
            if item.filed is not item.good
        ],
        "near_duplicates": [[items[number].id for number in group] for group in plan.duplicate_groups()],
        "photos": {kind: [item.id for item in items if item.trouble == kind] for kind in PHOTO_KINDS},
        "without_photo": [item.id for item in items if not names_photo(item)],
        "boxed_photos": [item.id for item in items if item.shot.boxed],
        "vague_titles": [item.id for item in items if item.text.vague],
        "french": [item.id for item in items if item.text.french],
        "bad_rows": list(bad_row_truth(plan)),
    }

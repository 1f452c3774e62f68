"""A labelled catalogue as what a network is trained on: labels at each depth, tokens, pixels, and who validates."""

import errno
import math
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.photo_pixels import PixelShape
from aisle.catalog.photos import decode_all
from aisle.errors import TrainingError
from aisle.files import disk_errors
from aisle.finetune.losses import IGNORED
from aisle.heads.folds import deal_folds
from aisle.heads.tree import MIN_EXAMPLES, CategoryTree
from aisle.product import CategoryPath, Product

Ids = NDArray[np.int64]

LEAST_PRODUCTS = 20
"""Labelled products that have what a network reads; fewer teach it nothing."""

MOST_FOLDS = 10
"""Of how many folds some are joined to be held out; the more there are, the less even are small categories."""

MARGIN = 1.15
"""Photos are kept this much larger than the network reads them, so that crops stay sharp."""


@dataclass(frozen=True, eq=False)
class Labels:
    """The categories of products at each depth.

    Attributes
    ----------
    names : tuple of tuple of path
        The categories that are told apart at each depth, the top first.
    columns : ndarray of int64, shape (n, depths)
        The number of each product's category; `IGNORED` where it has none at that depth.
    """

    names: tuple[tuple[CategoryPath, ...], ...]
    columns: Ids

    @classmethod
    def of(cls, paths: Sequence[CategoryPath], *, least: int = MIN_EXAMPLES) -> "Labels":
        """Give the categories of products numbers; below the top those of fewer than `least` products have none."""
        names, columns = [], []
        for depth in range(1, max(map(len, paths)) + 1):
            found = [path[:depth] if len(path) >= depth else None for path in paths]
            sizes = Counter(path for path in found if path is not None)
            known = tuple(sorted(path for path, size in sizes.items() if depth == 1 or size >= least))
            if len(known) < 2:
                break
            numbers = {path: number for number, path in enumerate(known)}
            names.append(known)
            columns.append([IGNORED if path is None else numbers.get(path, IGNORED) for path in found])
        return cls(tuple(names), np.array(columns, dtype=np.int64).T.reshape(len(paths), len(names)))


@dataclass(frozen=True, eq=False)
class Split:
    """Who is learned from, and who is held out to see when to stop."""

    train: Ids
    validation: Ids


def split_products(products: Sequence[Product], *, groups: Ids, share: float, seed: int) -> Split:
    """Hold out about a share of labelled products, near-duplicates on one side, every top category in proportion.

    Raises
    ------
    TrainingError
        There is one category only, or too few products to hold any out.
    """
    if len(products) < LEAST_PRODUCTS:
        raise TrainingError(f"{len(products)} products have a category; fine-tuning needs at least {LEAST_PRODUCTS}")
    tree = CategoryTree.grow([product.category[:1] for product in products])
    if len(tree) < 2:
        raise TrainingError(f"all products are in one category, {tree.paths[0][0]}; there is nothing to tell apart")
    terminals = np.array([tree.terminal(product.category[:1]) for product in products], dtype=np.int64)
    part = _nearest_part(share)
    folds = deal_folds(terminals, tree=tree, groups=groups, seed=seed, folds=part.denominator)
    for joined in (part.numerator, 1):  # of very few groups of near-duplicates several folds may be all
        held_out = folds < joined
        if held_out.any() and not held_out.all():
            return Split(np.flatnonzero(~held_out), np.flatnonzero(held_out))
    raise TrainingError("all products are near-duplicates of each other: none can be held out to see when to stop")


def _nearest_part(share: float) -> Fraction:
    """Return the fraction of at most `MOST_FOLDS` folds, or the one fold of many, that is nearest to a share."""
    one = Fraction(1, max(2, round(1 / share)))
    joined = min(Fraction(share).limit_denominator(MOST_FOLDS), Fraction(MOST_FOLDS - 1, MOST_FOLDS))
    return min(one, joined or one, key=lambda part: abs(part - Fraction(share)))


class PhotoShelf:
    """Decoded photos in a file of their own, so that a catalogue larger than memory can be trained on.

    Parameters
    ----------
    products : sequence of Product
    size : int
        Height and width that the network reads; photos are kept a little larger.
    folder : Path
        On whose disk they are kept; the file goes away with the process.
    threads : int

    Raises
    ------
    DiskFullError
        There is no room for them.
    """

    def __init__(self, products: Sequence[Product], *, size: int, folder: Path, threads: int) -> None:
        side = round(size * MARGIN)
        shape = PixelShape(width=side, height=side, fit="stretch", resample="bicubic")
        self.present = np.zeros(len(products), dtype=np.bool_)
        having = np.array([product.photo is not None for product in products], dtype=np.bool_)
        count = int(having.sum())
        self._places = np.where(having, np.cumsum(having) - 1, max(1, count))  # of a product without one: no place
        self._pixels = _reserve(folder, (max(1, count), side, side, 3))
        photos = [product.photo for product in products]
        for row, pixels in decode_all(photos, shape=shape, threads=threads, label="decoding photos"):
            if isinstance(pixels, np.ndarray):
                self._pixels[self._places[row]] = pixels
                self.present[row] = True

    def take(self, rows: Ids) -> NDArray[np.uint8]:
        """Return the photos of some products, shape (len(rows), side, side, 3).

        Raises
        ------
        IndexError
            One has no photo.
        """
        return np.asarray(self._pixels[self._places[rows]])


def _reserve(folder: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Map a file without a name, which goes away with its mapping; a full disk says so now, not at the last photo."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            _allocate(file, math.prod(shape), folder=folder)
            return np.memmap(file, dtype=np.uint8, mode="r+", shape=shape)


def _allocate(file: IO[Any], size: int, *, folder: Path) -> None:
    """Take room on the disk; where a system or a file system cannot promise it, see that there is enough."""
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except AttributeError:  # macOS, Windows
        pass
    except OSError as err:
        if err.errno not in (errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS):
            raise
    else:
        return
    if shutil.disk_usage(folder).free < size:  # a write to the mapping would end the process without a word
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    file.truncate(size)

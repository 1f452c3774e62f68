"""``aisle sample``: a catalogue to try things on, with known truth."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aisle.catalog.sample import SampleSummary

_TROUBLE = {
    "missing": "named but not there",
    "truncated": "cut off",
    "wrong_extension": "of another format than their name says",
    "exif_rotated": "turned by EXIF",
    "not_an_image": "no picture at all",
    "empty": "empty files",
    "bomb": "far too many pixels",
    "cmyk": "in CMYK",
    "sixteen_bit": "with 16 bits a channel",
    "alpha": "transparent",
    "palette": "with a palette",
}


def sample(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; new, empty, or an earlier sample.")],
    products: Annotated[int, typer.Option(metavar="N", help="Good products; bad rows come on top.")] = 420,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same files.")] = 0,
) -> None:
    """Draw a sample catalogue with known truth: bad rows, broken photos and wrong labels included."""
    from aisle.catalog.sample import draw_sample

    _print_summary(draw_sample(folder, products=products, seed=seed))


def _print_summary(drawn: "SampleSummary") -> None:
    print(f"Drew {drawn.products} products in 7 categories, {drawn.rows} rows with the bad ones.")
    print()
    print("Planted on purpose")
    print(f"  {drawn.wrong_labels:4} wrong labels")
    print(f"  {drawn.near_duplicates:4} groups of near-duplicates")
    print(f"  {drawn.bad_rows:4} rows that no product can be made of")
    for kind, count in drawn.photo_trouble.items():
        if count:
            print(f"  {count:4} photos: {_TROUBLE.get(kind, kind)}")
    print()
    print("Written")
    print(f"  {drawn.catalog}")
    print(f"  {drawn.truth}  (the answers)")
    print()
    print("Next")
    print(f"  aisle check {shlex.quote(str(drawn.folder))}")

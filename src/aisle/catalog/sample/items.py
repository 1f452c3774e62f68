"""One product of the sample: its look, its text, the way its photo is taken."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from aisle.catalog.sample.encodings import edit_copy
from aisle.catalog.sample.model import COLOURS, PATTERNS, Colour, Good, Look
from aisle.catalog.sample.plan import NO_PHOTO, Plan
from aisle.catalog.sample.scene import Shot, photograph, pick_shot
from aisle.catalog.sample.wording import BRANDS, Text, reword, write_text

# Streams of random numbers: a change in how photos are drawn must not change the texts.
_TEXT, _PHOTO, _COPY = 1, 2, 3


@dataclass(frozen=True)
class Item:
    """One product, ready to be drawn and written.

    Attributes
    ----------
    number, source : int
        Its own number and that of the product whose photo it shows: its own, but for a near-duplicate.
    id, brand, price : str
        Cells; the brand may be empty.
    good, filed : Good
        What it is, and what it is filed under.
    look : Look
        What it looks like.
    text : Text
        What the seller writes.
    shot : Shot
        How the photo is taken.
    trouble : str
        The kind of trouble of the photo file, or empty.
    """

    number: int
    source: int
    id: str
    brand: str
    price: str
    good: Good
    filed: Good
    look: Look
    text: Text
    shot: Shot
    trouble: str


def make_items(plan: Plan, *, seed: int) -> list[Item]:
    """Make the products of a plan, in the order of their rows."""
    items: list[Item] = []
    for number, good in enumerate(plan.goods):
        item = make_item(good, number, seed=seed)
        if number in plan.copies:
            item = _repeat(items[plan.copies[number]], item, seed=seed)
        filed = plan.wrong_labels.get(number, good)
        items.append(replace(item, filed=filed, trouble=plan.photos.get(number, "")))
    return items


def make_item(good: Good, number: int, *, seed: int) -> Item:
    """Make one product of a kind; the same number and seed give the same product."""
    rng = np.random.default_rng([seed, _TEXT, number])
    look = _pick_look(good, rng)
    low, high = good.price
    price = f"{low * (high / low) ** rng.random():.2f}"
    return Item(
        number=number,
        source=number,
        id=f"A{10001 + number}",
        brand="" if rng.random() < 0.12 else look.brand,
        price=price,
        good=good,
        filed=good,
        look=look,
        text=write_text(good, look, rng=rng),
        shot=pick_shot(rng, boxed=bool(rng.random() < 0.025)),
        trouble="",
    )


def draw_photo(item: Item, *, seed: int) -> Image.Image:
    """Draw the photo of a product; that of a near-duplicate is its original's, edited."""
    photo = photograph(item.good, item.look, item.shot, rng=np.random.default_rng([seed, _PHOTO, item.source]))
    if item.source != item.number:
        photo = edit_copy(photo, rng=np.random.default_rng([seed, _COPY, item.number]))
    return photo


def names_photo(item: Item) -> bool:
    """Tell whether the row of a product names a photo at all."""
    return item.trouble != NO_PHOTO


def _repeat(original: Item, item: Item, *, seed: int) -> Item:
    rng = np.random.default_rng([seed, _TEXT, item.number])
    text = reword(original.text, original.look.brand, rng=rng)
    return replace(original, number=item.number, source=original.source, id=item.id, text=text)


def _pick_look(good: Good, rng: np.random.Generator) -> Look:
    colour = COLOURS[good.colours[int(rng.integers(len(good.colours)))]]
    contrasting = [other for other in COLOURS.values() if _distance(colour, other) > 95]
    count = int(rng.integers(2, good.most + 1)) if good.most > 1 and rng.random() < 0.3 else 1
    return Look(
        colour=colour,
        accent=contrasting[int(rng.integers(len(contrasting)))],
        pattern=PATTERNS[good.patterns[int(rng.integers(len(good.patterns)))]],
        variant=good.variants[int(rng.integers(len(good.variants)))],
        material=good.materials[int(rng.integers(len(good.materials)))],
        brand=BRANDS[int(rng.integers(len(BRANDS)))],
        count=count,
    )


def _distance(first: Colour, second: Colour) -> float:
    return float(np.linalg.norm(np.subtract(first.rgb, second.rgb)))

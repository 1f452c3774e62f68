"""The vocabulary of the sample: colours, words, kinds of goods, and one item of a kind."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from aisle.catalog.sample.canvas import Canvas, Rgb, Texture
from aisle.catalog.sample.surfaces import checks, dots, flowers, lattice, stars, stripes, zigzag
from aisle.product import CategoryPath


class Word(NamedTuple):
    """A word, or a sentence, in English and in French."""

    en: str
    fr: str


class Colour(NamedTuple):
    """A colour with its name."""

    name: Word
    rgb: Rgb


class Pattern(NamedTuple):
    """A pattern with its name; plain where there is no texture."""

    name: Word
    texture: Callable[[Rgb, Rgb, float], Texture] | None


@dataclass(frozen=True)
class Look:
    """What one item is like: the photo is drawn and the text is written from the same look.

    Attributes
    ----------
    colour, accent : Colour
        The main colour and a second one.
    pattern : Pattern
        The pattern of cloth, or of a print.
    variant : Word
        The model within its kind, e.g. round or square.
    material : Word
        What it is made of.
    brand : str
        An invented brand.
    count : int
        Pieces shown in the photo.
    """

    colour: Colour
    accent: Colour
    pattern: Pattern
    variant: Word
    material: Word
    brand: str
    count: int = 1

    def cloth(self, pitch: float) -> Rgb | Texture:
        """Return the surface of the item: its colour, or its pattern in both colours."""
        if self.pattern.texture is None:
            return self.colour.rgb
        return self.pattern.texture(self.colour.rgb, self.accent.rgb, pitch)


Draw = Callable[[Canvas, Look, np.random.Generator], None]


@dataclass(frozen=True, kw_only=True)
class Good:
    """A kind of goods: how it is drawn and what sellers write about it.

    Attributes
    ----------
    path : tuple of str
        Its category.
    draw : callable
        Draws one item of a look on a canvas.
    nouns, variants, materials, users : tuple of Word
        What titles are made of.
    facts : tuple of Word
        Sentences that descriptions are made of.
    sizes : tuple of str
        Sizes as sellers give them.
    colours, patterns : tuple of str
        English names from `COLOURS` and `PATTERNS`.
    pose : {"standing", "flat", "hung"}
        How it is photographed: on a floor, from above, or on a wall.
    lying : tuple of str
        Variants that lie flat although the others stand.
    most : int
        The most pieces that are sold as one set.
    price : tuple of float
        From, to, in euros.
    """

    path: CategoryPath
    draw: Draw
    nouns: tuple[Word, ...]
    variants: tuple[Word, ...]
    materials: tuple[Word, ...]
    users: tuple[Word, ...]
    facts: tuple[Word, ...]
    sizes: tuple[str, ...]
    colours: tuple[str, ...]
    patterns: tuple[str, ...] = ("plain",)
    pose: str = "standing"
    lying: tuple[str, ...] = ()
    most: int = 1
    price: tuple[float, float] = (9.0, 60.0)

    def pose_of(self, look: Look) -> str:
        """Return how an item of this look is photographed."""
        return "flat" if look.variant.en in self.lying else self.pose


def words(entries: Iterable[str]) -> tuple[Word, ...]:
    """Read words written ``english = french``; a lone word is the same in both.

    >>> words(["mug = tasse", "Premium"])
    (Word(en='mug', fr='tasse'), Word(en='Premium', fr='Premium'))
    """
    pairs = (entry.partition("=") for entry in entries)
    return tuple(Word(en.strip(), (fr or en).strip()) for en, _, fr in pairs)


COLOURS = {
    name: Colour(Word(name, french), (red, green, blue))
    for name, french, red, green, blue in (
        ("black", "noir", 38, 38, 42),
        ("white", "blanc", 243, 242, 238),
        ("grey", "gris", 138, 142, 148),
        ("silver", "argent", 196, 199, 204),
        ("gold", "doré", 212, 172, 88),
        ("rose gold", "or rose", 216, 160, 142),
        ("brown", "marron", 122, 78, 48),
        ("tan", "camel", 184, 132, 84),
        ("beige", "beige", 218, 198, 166),
        ("cream", "crème", 240, 230, 206),
        ("red", "rouge", 194, 42, 44),
        ("burgundy", "bordeaux", 112, 26, 46),
        ("coral", "corail", 236, 118, 98),
        ("orange", "orange", 232, 128, 40),
        ("mustard", "moutarde", 214, 166, 46),
        ("yellow", "jaune", 244, 210, 82),
        ("green", "vert", 62, 128, 78),
        ("mint", "menthe", 166, 214, 190),
        ("olive", "olive", 112, 116, 62),
        ("turquoise", "turquoise", 56, 164, 166),
        ("sky blue", "bleu ciel", 138, 186, 224),
        ("blue", "bleu", 46, 92, 168),
        ("navy", "bleu marine", 32, 46, 92),
        ("purple", "violet", 118, 74, 142),
        ("lilac", "lilas", 196, 174, 216),
        ("pink", "rose", 236, 164, 182),
        ("fuchsia", "fuchsia", 206, 52, 118),
    )
}

PATTERNS = {
    name: Pattern(Word(name, french), texture)
    for name, french, texture in (
        ("plain", "uni", None),
        ("striped", "à rayures", stripes),
        ("checked", "à carreaux", checks),
        ("polka dot", "à pois", dots),
        ("floral", "à fleurs", flowers),
        ("stars", "à étoiles", stars),
        ("zigzag", "à chevrons", zigzag),
        ("damask", "damassé", lattice),
    )
}

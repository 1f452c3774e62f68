"""Titles, descriptions and specifications, as sellers write them, in English and in French."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from aisle.catalog.sample.model import Good, Look, Word, words

_T = TypeVar("_T")

BRANDS = (
    "Norvik", "Aurélis", "Kestrane", "Molvena", "Tavano", "Brixelle", "Ondaro", "Quillby", "Zefrino",
    "Halvera", "Pomelune", "Sorrelwood", "Vantique", "Lumeko", "Ferndal", "Opaline & Co", "Gribaldi",
    "Maruvo", "Tindrel", "Yolane",
)  # fmt: skip

_ADJECTIVES = words([
    "classic = classique", "modern = moderne", "stylish = tendance", "premium = premium",
    "elegant = élégant", "designer = design", "handcrafted = artisanal",
    "original = original", "compact = compact", "vintage = vintage",
])  # fmt: skip

# {a} adjective, {b} brand, {c} colour, {k} code, {m} material, {n} noun, {p} pattern, {s} size,
# {t} variant, {u} user
_TITLES = Word(
    "{b} {k} {n} - {u}|{b} {a} {m} {n} ({c}, {s})|{p} {c} {m} {n}, {s}|{a} {n} {u} by {b}|{b} {t} {n} {c}"
    "|{n} {s} {c} {p}|{b} {m} {n} {u} ({c})|{a} {t} {n}, {c} {m}, {s}",
    "{n} {b} {k} - {u}|{n} {a} {b} en {m} ({c}, {s})|{n} {p} {c}, {m}, {s}|{b} {n} {a} {u}|{n} {t} {b}, {c}"
    "|{n} {s} {c} {p}|{b} : {n} {u}, {m} ({c})|{n} {t}, coloris {c}, {s}",
)
_VAGUE_TITLES = Word(
    "Gift set of {q}, {c}|{b} {k}|New arrival, {c}, {s}|{b} {a} collection|Best seller by {b}, free delivery"
    "|Combo pack of {q} ({c})|{a} {m} {u}|Pack of {q}, {m}",
    "Coffret de {q}, {c}|{b} {k}|Nouveauté {c}, {s}|Collection {b}|Meilleure vente {b}, livraison offerte"
    "|Lot de {q} ({c})|{a} en {m} {u}|Idée cadeau {u}",
)
_OPENINGS = Word(
    "Buy {title} online at the best price.|{b} presents this {a} {n}.|A {c} {n} in {m}, made to last."
    "|Meet the {a} {n} from {b}.|Key features of {title}:",
    "Achetez {title} au meilleur prix.|{b} présente ce modèle : {n}, {a}."
    "|{n} en {m}, coloris {c}, une pièce faite pour durer."
    "|Découvrez {n} de {b}.|Les points forts de {title} :",
)
_CLOSINGS = Word(
    "Free shipping, cash on delivery and 30 day returns.|100% genuine product."
    "|A great gift for every occasion.|Colours may differ slightly from the photo."
    "|Easy to clean, easy to love.|Only a few left in stock!"
    "|Warranty: 1 year against manufacturing defects.",
    "Livraison offerte et retour sous 30 jours.|Produit 100 % authentique."
    "|Un beau cadeau pour toutes les occasions.|La couleur peut varier légèrement de la photo."
    "|Facile à entretenir.|Plus que quelques pièces en stock !"
    "|Garantie 1 an contre les défauts de fabrication.",
)
_KEYS = words(
    [
        "Brand = Marque",
        "Colour = Couleur",
        "Material = Matière",
        "Size = Taille",
        "Pattern = Motif",
        "Model = Modèle",
    ]
)


@dataclass(frozen=True)
class Text:
    """What a seller writes about one item.

    Attributes
    ----------
    title, description, specifications : str
        Description and specifications may be empty.
    french : bool
        French rather than English.
    vague : bool
        The title does not say what the item is.
    """

    title: str
    description: str
    specifications: str
    french: bool
    vague: bool


def write_text(good: Good, look: Look, *, rng: np.random.Generator) -> Text:
    """Write title, description and specifications of one item."""
    french, vague = bool(rng.random() < 0.2), bool(rng.random() < 0.1)
    tongue = int(french)
    parts = _parts(good, look, tongue, rng=rng)
    title = _tidy(_one((_VAGUE_TITLES if vague else _TITLES)[tongue].split("|"), rng).format_map(parts))
    parts["title"] = title
    description = "" if rng.random() < (0.3 if vague else 0.07) else _describe(good, parts, tongue, rng=rng)
    values = (look.brand, parts["c"], parts["m"], parts["s"], look.pattern.name[tongue], parts["k"])
    pairs = [f"{key[tongue]}: {value}" for key, value in zip(_KEYS, values, strict=True) if rng.random() < 0.6]
    return Text(title, description, "; ".join(pairs) if rng.random() < 0.7 else "", french, vague)


def reword(text: Text, brand: str, *, rng: np.random.Generator) -> Text:
    """Write the same offer a second time, as sellers do who list an item twice."""
    plain = text.title.replace(f"{brand} ", "", 1)
    suffix = " - Nouveau" if text.french else " - New"
    offers = (
        f"{text.title}{suffix}",
        text.title.upper(),
        f"{plain} {brand}",
        text.title.replace(",", " -"),
        f"{text.title}.",
    )
    title = _one([offer for offer in offers if offer != text.title], rng)
    sentences = text.description.split(". ")
    shorter = ". ".join(sentences[:-1]) + "." if len(sentences) > 2 else text.description
    description = shorter if rng.random() < 0.5 else text.description
    return Text(title, description, text.specifications, text.french, text.vague)


def _parts(good: Good, look: Look, tongue: int, *, rng: np.random.Generator) -> dict[str, str]:
    code = f"{chr(65 + rng.integers(26))}{chr(65 + rng.integers(26))}{rng.integers(100, 9999)}"
    return {
        "a": _one(_ADJECTIVES, rng)[tongue],
        "b": look.brand,
        "c": look.colour.name[tongue],
        "k": code,
        "m": look.material[tongue],
        "n": _one(good.nouns, rng)[tongue],
        # Sellers seldom say "plain".
        "p": "" if look.pattern.texture is None else look.pattern.name[tongue],
        "q": str(max(2, look.count)),
        "s": _one(good.sizes, rng),
        "t": look.variant[tongue],
        "u": _one(good.users, rng)[tongue],
    }


def _describe(good: Good, parts: dict[str, str], tongue: int, *, rng: np.random.Generator) -> str:
    known = {"material": parts["m"], "size": parts["s"]}
    facts = [fact[tongue].format_map(known) for fact in good.facts]
    wanted = int(rng.integers(1, 6))
    sentences = [facts[index] for index in rng.permutation(len(facts))[: min(wanted, 1 + int(rng.integers(3)))]]
    if wanted > 1 and rng.random() < 0.75:
        sentences.insert(0, _one(_OPENINGS[tongue].split("|"), rng).format_map(parts))
    closings = _CLOSINGS[tongue].split("|")
    order = rng.permutation(len(closings))
    sentences += [closings[index] for index in order[: max(0, wanted - len(sentences))]]
    if rng.random() < 0.12:  # boilerplate and nothing else
        sentences = [closings[index] for index in order[:2]]
    sentences = [sentence[0].upper() + sentence[1:] for sentence in sentences]
    # Some sellers write lists: a cell with line breaks, commas and quotes is still one row.
    if len(sentences) > 2 and rng.random() < 0.12:
        return "\n".join([f'"{parts["title"]}"', *(f"- {sentence}" for sentence in sentences[1:])])
    return " ".join(sentences)


def _tidy(title: str) -> str:
    clean = " ".join(title.split()).replace(" ,", ",").replace("( ", "(").strip(" ,")
    return clean[0].upper() + clean[1:]


def _one(options: Sequence[_T], rng: np.random.Generator) -> _T:
    return options[int(rng.integers(len(options)))]

"""What the contestants of `speed.py` read: rows with photos, and networks laid out as each opens them."""

import random
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image
from transformers import logging

import aisle
from aisle.encode import ENCODERS
from aisle.encode.seen import seen_rows
from aisle.product import Product
from aisle.settings import Settings
from aisle.weights import fetch, fetch_all

from .minilm_torch import write_folder, write_sentence_transformer

SEED = 0

Row = dict[str, Any]


def draw_rows(products: Sequence[Product], *, engine: aisle.Engine, originals: Path | None) -> list[Row]:
    """Return the labelled products with a photo in a random order, those that the engine has learned from last.

    Where there is an original of a photo, the product has that.
    """
    larger = {} if originals is None else {path.name: path for path in originals.iterdir()}
    rows = []
    for product, learned in zip(products, seen_rows(products, engine.knowledge.references.seen).tolist(), strict=True):
        if isinstance(product.photo, Path) and product.photo.is_file() and product.category:
            photo = larger.get(product.photo.name, product.photo)
            row = {"title": product.title, "description": product.description, "label": product.category[0]}
            row |= {"attributes": dict(product.attributes), "photo": str(photo.resolve()), "learned": learned}
            rows.append(row)
    random.Random(SEED).shuffle(rows)  # noqa: S311 - an order
    return sorted(rows, key=lambda row: row["learned"])


def resize_photos(rows: Sequence[Row], folder: Path, *, megapixels: float) -> None:
    """Bring every photo to one size, as a JPEG of quality 90 that takes the place of its own."""
    for number, row in enumerate(rows):
        with Image.open(row["photo"]) as image:
            upright = image.convert("RGB")
        ratio = (1e6 * megapixels / (upright.width * upright.height)) ** 0.5
        size = (round(upright.width * ratio), round(upright.height * ratio))
        row["photo"] = str(folder / f"{number}.jpg")
        upright.resize(size, Image.Resampling.BICUBIC).save(row["photo"], quality=90)


def lay_out(folder: Path, *, engine: aisle.Engine, settings: Settings) -> dict[str, Any]:
    """Write what the contestants open: the networks that the engine carries, and the published ones for torch.

    Raises
    ------
    SystemExit
        The engine carries others than `aisle train` takes by default.
    """
    carried = engine.knowledge.encoders
    names = {name: each.about["name"] for name, each in carried.items()}
    text, photo = ENCODERS["minilm"], ENCODERS["efficientnet-lite0-avg"]
    if names != {"text": text.name, "photo": photo.name}:
        raise SystemExit(f"the engine carries {names}; the peers have {text.name} and {photo.name}")
    logging.disable_progress_bar()
    weights, tokenizer = fetch_all([text.files[name] for name in ("weights", "tokenizer")], settings=settings)
    bare, sentence = folder / "minilm", folder / "sentence-transformer"
    write_folder(bare, weights=weights, tokenizer=tokenizer)
    if find_spec("sentence_transformers"):
        write_sentence_transformer(sentence, bare=bare)
    for name, encoder in carried.items():
        (folder / f"{name}.onnx").write_bytes(encoder.graph)
    (folder / "tokenizer.json").write_bytes(carried["text"].tokenizer)
    found = {
        "text graph": folder / "text.onnx",
        "photo graph": folder / "photo.onnx",
        "tokenizer": folder / "tokenizer.json",
        "minilm": bare,
        "sentence-transformer": sentence,
        "lite0": fetch(photo.files["weights"], settings=settings),
    }
    return {name: str(path) for name, path in found.items()} | {"max_tokens": carried["text"].about["max_tokens"]}

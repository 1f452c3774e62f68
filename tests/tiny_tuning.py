"""A shop that tiny networks can learn, and those networks in the place of the published ones: files, rows and all."""

import io
import json
from dataclasses import replace

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

from aisle.product import Product

from .finetune.conftest import bert, lite, tokenizer

CATEGORIES = (("Lamps", "Desk"), ("Cups", "Tea"), ("Toys",))
COLOURS = ((200, 60, 60), (60, 80, 200), (70, 170, 70))


def picture(colour, seed):
    pixels = np.clip(np.random.default_rng(seed).normal(colour, 45, (12, 12, 3)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def make_shop(*, count=48, texts=True, photos=True, seed=0):
    """Products whose words and colours say the category, among words that say nothing."""
    rng = np.random.default_rng(seed)
    shop = []
    for number in range(count):
        kind = number % len(CATEGORIES)
        telling = [f"word{4 * kind + other}" for other in rng.choice(4, 2, replace=False)]
        noise = [f"word{other}" for other in rng.choice(np.arange(12, 40), 3, replace=False)]
        own = [f"x{seed}y{number}z{part}" for part in range(3)]  # or they would be near-duplicates of each other
        shop.append(
            Product(
                id=f"p{number}",
                title=" ".join(rng.permutation([*telling, *noise, *own])) if texts else "",
                description=f"{telling[0]} {noise[0]} d{seed}e{number}" if texts and number % 4 else "",
                photo=picture(COLOURS[kind], 1000 * seed + number) if photos else None,
                category=CATEGORIES[kind],
            )
        )
    return shop


def write_shop(folder, shop):
    """Write products as a catalogue of a table and photos."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for product in shop:
        row = {"id": product.id, "title": product.title, "description": product.description}
        row["category"] = " > ".join(product.category)
        if product.photo is not None:
            row["image"] = f"{product.id}.png"
            (folder / row["image"]).write_bytes(product.photo)
        lines.append(json.dumps(row))
    (folder / "products.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def put_networks(monkeypatch, folder):
    """Let the default rows of the table stand for tiny networks, whose first blocks alone stay as they are."""
    from aisle.encode.table import ENCODERS
    from aisle.engine import gather
    from aisle.finetune import loop, run  # they import torch
    from aisle.weights import LocalFile

    folder.mkdir(parents=True, exist_ok=True)
    save_file(bert(), folder / "bert.safetensors")
    save_file(lite(), folder / "lite.safetensors")
    (folder / "tokenizer.json").write_bytes(tokenizer())
    files = {name: LocalFile(path=folder / name) for name in ("bert.safetensors", "lite.safetensors", "tokenizer.json")}
    text = {"weights": files["bert.safetensors"], "tokenizer": files["tokenizer.json"]}
    monkeypatch.setitem(ENCODERS, "minilm", replace(ENCODERS["minilm"], files=text, max_tokens=16))
    for pooling in ("avg", "max"):
        name = f"efficientnet-lite0-{pooling}"
        photo = replace(ENCODERS[name], files={"weights": files["lite.safetensors"]})
        monkeypatch.setitem(ENCODERS, name, photo)
    tiny = gather.Encoders(text=ENCODERS["minilm"], photo=ENCODERS["efficientnet-lite0-avg"])
    monkeypatch.setattr(gather, "DEFAULT_ENCODERS", tiny)
    for name, value in (("FROZEN_BLOCKS", 1), ("TEXT_RATE", 5e-3), ("PHOTO_RATE", 1e-3)):
        monkeypatch.setattr(run, name, value)
    monkeypatch.setattr(loop, "BLENDS", ())  # so few products might as well say that all was in vain
    return tiny

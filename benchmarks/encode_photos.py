"""Photos decoded and embedded per second: Aisle, and the same work with Pillow and torch.

Both read the same files and compute EfficientNet-Lite0's averaged features; they take turns, so that a busy machine
slows both. The peer decodes in as many threads as there are cores, while torch computes batches of 32 on all cores.
"""

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from PIL import Image

from aisle.encode import ENCODERS, embed_photos, open_spec, photo_keys
from aisle.settings import Settings
from aisle.weights import fetch

ROW = ENCODERS["efficientnet-lite0-avg"]
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
BATCH = 32

Features = NDArray[np.float32]


def embed_with_aisle(photos: list[Path], settings: Settings) -> Features:
    """Embed with Aisle, into an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        encoder = open_spec(ROW, settings=settings)
        empty = replace(settings, cache_dir=Path(folder))
        keys = photo_keys(photos)
        return embed_photos(encoder, photos, keys=keys, photo_filter="none", settings=empty).matrix


def decode_with_pillow(photo: Path) -> NDArray[np.uint8]:
    """Decode as everybody does: whole photo, then one resize onto white."""
    with Image.open(photo) as image:
        upright = image.convert("RGB")
    ratio = 224 / max(upright.size)
    small = upright.resize([max(1, round(side * ratio)) for side in upright.size], Image.Resampling.BICUBIC)
    sheet = Image.new("RGB", (224, 224), "white")
    sheet.paste(small, ((224 - small.width) // 2, (224 - small.height) // 2))
    return np.asarray(sheet)


def batched(items: Iterator[NDArray[np.uint8]]) -> Iterator[list[NDArray[np.uint8]]]:
    """Cut into batches, as itertools does from Python 3.12 on."""
    while batch := list(islice(items, BATCH)):
        yield batch


def embed_with_torch(photos: list[Path], module: torch.nn.Module) -> Features:
    """Embed with the publisher's module in torch."""
    rows = []
    with ThreadPoolExecutor(os.cpu_count()) as pool, torch.inference_mode():
        for batch in batched(pool.map(decode_with_pillow, photos)):
            planes = torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2).float()
            maps = module.extract_features((planes - 127) / 128)  # type: ignore[operator]
            rows.append(maps.mean((2, 3)).numpy())
    return np.concatenate(rows)


def measure(work: Callable[[], Features], photos: int) -> tuple[Features, float]:
    """Run once; return the features and photos per second."""
    started = time.perf_counter()
    found = work()
    return found, photos / (time.perf_counter() - started)


def main() -> None:
    """Take turns and print the best of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="photos, also in folders below")
    parser.add_argument("--photos", type=int, default=400, help="how many, drawn at random")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    photos = random.Random(0).sample(found, min(options.photos, len(found)))  # noqa: S311 - a sample
    settings = Settings.load()
    weights = fetch(ROW.files["weights"], settings=settings)
    module = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(weights)).eval()
    embed_with_aisle(photos[:BATCH], settings)
    embed_with_torch(photos[:BATCH], module)
    rates: dict[str, list[float]] = {"aisle": [], "torch": []}
    for _ in range(options.rounds):
        ours, rate = measure(lambda: embed_with_aisle(photos, settings), len(photos))
        rates["aisle"].append(rate)
        theirs, rate = measure(lambda: embed_with_torch(photos, module), len(photos))
        rates["torch"].append(rate)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    print(f"{len(photos)} photos, {settings.threads} threads, {options.rounds} rounds in turn")
    for name, values in rates.items():
        print(f"{name:6} {max(values):6.1f} photos/s   (rounds: {', '.join(f'{v:.1f}' for v in values)})")
    print(f"ratio  {max(rates['aisle']) / max(rates['torch']):6.2f}")
    print(f"cosine of the two, least: {((ours * theirs).sum(axis=1) / lengths).min():.5f}")


if __name__ == "__main__":
    main()

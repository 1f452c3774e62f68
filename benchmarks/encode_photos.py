"""Photos decoded and embedded per second: Aisle, and the same work with Pillow and torch.

All read the same files and compute EfficientNet-Lite0's averaged features. They take turns, so that a busy
machine slows each of them.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

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
CORES = Settings().threads

T = TypeVar("T")

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


def batched(items: Iterator[T], *, size: int) -> Iterator[list[T]]:
    """Cut into batches, as itertools does from Python 3.12 on."""
    while batch := list(islice(items, size)):
        yield batch


def embed_with_torch(photos: list[Path], module: torch.nn.Module) -> Features:
    """Embed with the publisher's module in torch, left as it comes: batches of 32, each on all cores."""
    torch.set_num_threads(CORES)
    module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    with ThreadPoolExecutor(CORES) as pool:
        batches = batched(pool.map(decode_with_pillow, photos), size=BATCH)
        return np.concatenate([features(module, batch) for batch in batches])


def embed_with_tuned_torch(photos: list[Path], module: torch.nn.Module) -> Features:
    """Embed as Aisle does it: four photos at a time per core, channels last."""
    torch.set_num_threads(1)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def embed(part: list[Path]) -> Features:
        return features(module, [decode_with_pillow(photo) for photo in part])

    with ThreadPoolExecutor(CORES) as pool:
        return np.concatenate(list(pool.map(embed, batched(iter(photos), size=4))))


def features(module: torch.nn.Module, pixels: list[NDArray[np.uint8]]) -> Features:
    """Compute the averaged features of decoded photos."""
    with torch.inference_mode():
        planes = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float()
        maps = module.extract_features((planes - 127) / 128)  # type: ignore[operator]
        return np.asarray(maps.mean((2, 3)).numpy())


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
    contestants: dict[str, Callable[[list[Path]], Features]] = {
        "aisle": lambda part: embed_with_aisle(part, settings),
        "torch": lambda part: embed_with_torch(part, module),
        "torch, tuned": lambda part: embed_with_tuned_torch(part, module),
    }
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    results = {name: embed(photos[:BATCH]) for name, embed in contestants.items()}
    for _ in range(options.rounds):
        for name, embed in contestants.items():
            started = time.perf_counter()
            results[name] = embed(photos)
            rates[name].append(len(photos) / (time.perf_counter() - started))
    print(f"{len(photos)} photos, {CORES} threads, {options.rounds} rounds in turn, the best of each:")
    ours, best = results["aisle"], max(rates["aisle"])
    for name, values in rates.items():
        lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(results[name], axis=1)
        alike = ((ours * results[name]).sum(axis=1) / lengths).min()
        print(
            f"{name:12}  {max(values):6.1f} photos/s   aisle / {name}: {best / max(values):5.2f}   "
            f"least cosine with aisle: {alike:.5f}"
        )


if __name__ == "__main__":
    main()

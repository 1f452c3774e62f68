"""The script that one would write first, a contestant of `speed.py`: Pillow, torch, scikit-learn.

Photos are opened one after another, texts and photos go through torch in batches of 32 as they come, torch has the
threads that it takes, and a logistic regression answers from both vectors side by side.
"""

from pathlib import Path
from typing import Any

import numpy as np
import timed
import torch
from efficientnet_lite_pytorch import EfficientNet
from minilm_torch import TorchMiniLM
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression

BATCH, SIDE = 32, 224

Array = NDArray[np.float32]


def open_contestant(inputs: dict[str, Any], warm: list[timed.Row]) -> dict[str, timed.Work]:
    """Open both networks, and learn a classifier; what it says is not looked at, so a few rows are enough."""
    model = TorchMiniLM(Path(inputs["minilm"]), max_tokens=inputs["max_tokens"])
    module = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=inputs["lite0"]).eval()

    def texts(rows: list[timed.Row]) -> Array:
        given = [timed.one_text(row) for row in rows]
        return np.concatenate([model.encode(given[at : at + BATCH]) for at in range(0, len(given), BATCH)])

    def photos(rows: list[timed.Row]) -> Array:
        return np.concatenate([_features(module, rows[at : at + BATCH]) for at in range(0, len(rows), BATCH)])

    classifier = LogisticRegression(C=10, max_iter=300)
    classifier.fit(np.hstack([texts(warm), photos(warm)]), [row["label"] for row in warm])

    def full(rows: list[timed.Row]) -> Array:
        return np.asarray(classifier.predict_proba(np.hstack([texts(rows), photos(rows)])))

    return {"texts": texts, "photos": photos, "full": full}


def open_photo(path: str) -> NDArray[np.uint8]:
    """Decode the whole photo, then resize it."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def _features(module: torch.nn.Module, rows: list[timed.Row]) -> Array:
    pixels = np.stack([open_photo(row["photo"]) for row in rows])
    with torch.inference_mode():
        planes = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
        maps = module.extract_features((planes - 127) / 128)
        return np.asarray(maps.mean((2, 3)).numpy())


if __name__ == "__main__":
    timed.run(open_contestant)

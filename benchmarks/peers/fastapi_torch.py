"""The same engine behind a plain FastAPI endpoint, its encoders in torch: ``python fastapi_torch.py ENGINE PORT``.

What somebody would write first: a function per endpoint, which FastAPI calls in its threadpool; every request is
answered by itself, by the networks of transformers and of efficientnet_lite_pytorch, torch with as many threads as it
starts with. Tokens go through transformers' tokenizer. What is not torch is the engine's own, the decoding of photos
among it, which is quicker than a plain one: without it the answers would not be the same.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import uvicorn
from efficientnet_lite_pytorch import EfficientNet
from fastapi import FastAPI, File, Form
from minilm_torch import TorchMiniLM, write_folder
from numpy.typing import NDArray
from pydantic import BaseModel

import aisle
from aisle.encode import ENCODERS
from aisle.encode.portable import PhotoReader, TextReader
from aisle.engine.record import prediction_record
from aisle.settings import Settings
from aisle.weights import fetch, fetch_all

TEXT, PHOTO = "minilm", "efficientnet-lite0-avg"

Array = NDArray[np.float32]


class Item(BaseModel):
    """What is known of a product without a photo."""

    title: str = ""
    description: str = ""


class TorchText:
    """Takes the place of the text transformer."""

    def __init__(self, model: TorchMiniLM) -> None:
        self._model = model

    def encode(self, texts: Sequence[str], *, threads: int = 1) -> Array:
        """Embed texts, shape (n, 384); torch has its own threads."""
        return self._model.encode(texts)


class TorchPhotos:
    """Takes the place of the photo network."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def encode(self, pixels: NDArray[np.uint8]) -> Array:
        """Embed decoded photos: the average and the maximum of the feature maps, shape (n, 2560)."""
        with torch.inference_mode():
            planes = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
            maps = self._module.extract_features((planes - 127) / 128)
            return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], 1).numpy()


def load(folder: Path, *, settings: Settings) -> aisle.Engine:
    """Load an engine, and let torch do what its encoders do.

    Raises
    ------
    SystemExit
        It carries encoders that were not published, of which torch has no weights.
    """
    engine = aisle.load(folder, settings=settings)
    carried = {name: str(each.about["name"]) for name, each in engine.knowledge.encoders.items()}
    if carried != {"text": TEXT, "photo": PHOTO}:
        raise SystemExit(f"{folder} carries {carried}; this peer has {TEXT} and {PHOTO}, which `aisle train` takes")
    reader = engine._reader  # the one place where encoders of another kind can be put
    cut = int(engine.knowledge.encoders["text"].about["max_tokens"])
    reader._text = TextReader(TorchText(_open_text(settings, max_tokens=cut)))
    given = reader._photo
    reader._photo = PhotoReader(TorchPhotos(_open_photos(settings)), given.shape, given.outputs)
    return engine


def _open_text(settings: Settings, *, max_tokens: int) -> TorchMiniLM:
    weights, tokenizer = fetch_all([ENCODERS[TEXT].files[name] for name in ("weights", "tokenizer")], settings=settings)
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), weights=weights, tokenizer=tokenizer)
        return TorchMiniLM(Path(folder), max_tokens=max_tokens)


def _open_photos(settings: Settings) -> Any:
    weights = fetch(ENCODERS[PHOTO].files["weights"], settings=settings)
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(weights)).eval()


def make_app(engine: aisle.Engine) -> FastAPI:
    """Make the endpoints."""
    app = FastAPI()

    @app.get("/ready")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.post("/classify")
    def classify(item: Item) -> dict[str, Any]:
        return answer(aisle.Product(title=item.title, description=item.description))

    @app.post("/classify-photo")
    def classify_photo(title: Annotated[str, Form()], photo: Annotated[bytes, File()]) -> dict[str, Any]:
        return answer(aisle.Product(title=title, photo=photo))

    def answer(product: aisle.Product) -> dict[str, Any]:
        return prediction_record(engine.predict([product])[0])

    return app


def main() -> None:
    """Serve until told to stop."""
    # Of one product torch shares out the inside; the engine's own threads would only be in its way.
    engine = load(Path(sys.argv[1]), settings=replace(Settings.load(), threads=1))
    uvicorn.run(make_app(engine), port=int(sys.argv[2]), log_level="warning")


if __name__ == "__main__":
    main()

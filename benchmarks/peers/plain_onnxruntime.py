"""ONNX Runtime as FastEmbed runs it, a contestant of `speed.py`: the session's own options, batches as rows come.

256 texts at once, padded to the longest of them; 16 photos at once, opened one after another by Pillow. FastEmbed
fetches models of its own; this is the work of its ``OnnxTextModel`` and ``OnnxImageModel`` on the graphs of the engine
(https://github.com/qdrant/fastembed).
"""

from typing import Any

import numpy as np
import onnxruntime
import timed
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer

TEXTS, PHOTOS, SIDE = 256, 16, 224

Array = NDArray[np.float32]


def open_contestant(inputs: dict[str, Any], warm: list[timed.Row]) -> dict[str, timed.Work]:
    """Open both sessions, and learn a classifier, of which only the time counts."""
    tokenizer = Tokenizer.from_file(inputs["tokenizer"])
    tokenizer.enable_truncation(max_length=inputs["max_tokens"])
    tokenizer.enable_padding()
    text = onnxruntime.InferenceSession(inputs["text graph"], providers=["CPUExecutionProvider"])
    photo = onnxruntime.InferenceSession(inputs["photo graph"], providers=["CPUExecutionProvider"])

    def texts(rows: list[timed.Row]) -> Array:
        found = []
        for at in range(0, len(rows), TEXTS):
            encoded = tokenizer.encode_batch([timed.one_text(row) for row in rows[at : at + TEXTS]])
            ids = np.array([each.ids for each in encoded], dtype=np.int64)
            mask = np.array([each.attention_mask for each in encoded], dtype=np.int64)
            found.append(text.run(["embedding"], {"input_ids": ids, "attention_mask": mask})[0])
        return np.concatenate(found)

    def photos(rows: list[timed.Row]) -> Array:
        found = []
        for at in range(0, len(rows), PHOTOS):
            pixels = np.stack([open_photo(row["photo"]) for row in rows[at : at + PHOTOS]])
            found.append(photo.run(["features_avg"], {photo.get_inputs()[0].name: pixels})[0])
        return np.concatenate(found)

    classifier = LogisticRegression(C=10, max_iter=300)
    classifier.fit(np.hstack([texts(warm), photos(warm)]), [row["label"] for row in warm])

    def full(rows: list[timed.Row]) -> Array:
        return np.asarray(classifier.predict_proba(np.hstack([texts(rows), photos(rows)])))

    return {"texts": texts, "photos": photos, "full": full}


def open_photo(path: str) -> NDArray[np.uint8]:
    """Decode the whole photo, then resize it."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC))


if __name__ == "__main__":
    timed.run(open_contestant)

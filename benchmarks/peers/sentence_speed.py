"""sentence-transformers with its defaults: a contestant of `speed.py`, for texts alone."""

from typing import Any

import timed
from sentence_transformers import SentenceTransformer


def open_contestant(inputs: dict[str, Any], warm: list[timed.Row]) -> dict[str, timed.Work]:
    """Open the model."""
    model = SentenceTransformer(inputs["sentence-transformer"], device="cpu", local_files_only=True)
    model.max_seq_length = inputs["max_tokens"]

    def texts(rows: list[timed.Row]) -> object:
        return model.encode([timed.one_text(row) for row in rows], show_progress_bar=False)

    return {"texts": texts}


if __name__ == "__main__":
    timed.run(open_contestant)

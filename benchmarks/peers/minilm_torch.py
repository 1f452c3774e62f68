"""MiniLM in torch and transformers, with a logistic regression behind it: no hub, no aisle.

Imported where torch is installed, or run in a process of its own:
``python minilm_torch.py JOB ANSWER``, two JSON files.
"""

import time

STARTED = time.perf_counter()

import json  # noqa: E402 - what an import takes is part of loading
import sys  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

MAX_TOKENS = 256
BATCH = 32


class TorchMiniLM:
    """Embeds texts as sentence-transformers does: sorted by length, in batches of 32, the mean of the tokens.

    Parameters
    ----------
    folder : Path
        ``config.json``, ``model.safetensors`` and ``tokenizer.json``.
    max_tokens : int
        Where a text is cut.
    """

    def __init__(self, folder: Path, *, max_tokens: int = MAX_TOKENS) -> None:
        import torch
        from transformers import BertModel, logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self._torch = torch
        self._model = BertModel.from_pretrained(folder, local_files_only=True, add_pooling_layer=False).eval()
        self._tokenizer = _open_tokenizer(folder, max_tokens)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts, shape (n, 384)."""
        order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        found = np.empty((len(texts), 384), dtype=np.float32)
        with self._torch.inference_mode():
            for at in range(0, len(order), BATCH):
                rows = order[at : at + BATCH]
                batch = self._tokenizer(
                    [texts[row] for row in rows], padding=True, truncation=True, return_tensors="pt"
                )
                states = self._model(**batch).last_hidden_state
                mask = batch["attention_mask"][:, :, None].float()
                mean = (states * mask).sum(1) / mask.sum(1)
                found[rows] = self._torch.nn.functional.normalize(mean, dim=1).numpy()
        return found


def _open_tokenizer(folder: Path, max_tokens: int) -> Any:
    from transformers import PreTrainedTokenizerFast

    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    return PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), model_max_length=max_tokens, **special
    )


def write_folder(folder: Path, *, weights: Path, tokenizer: Path) -> None:
    """Lay out what transformers reads a model from."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"architectures": ["BertModel"], "model_type": "bert", "vocab_size": 30522, "hidden_size": 384}
    config |= {"num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    for source, name in ((weights, "model.safetensors"), (tokenizer, "tokenizer.json")):
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_bytes(source.read_bytes())


def write_sentence_transformer(folder: Path, *, bare: Path) -> None:
    """Lay out what SetFit reads a model from."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer

    _open_tokenizer(bare, MAX_TOKENS).save_pretrained(bare)
    body = Transformer(str(bare), max_seq_length=MAX_TOKENS)
    SentenceTransformer(modules=[body, Pooling(384, "mean"), Normalize()], device="cpu").save(str(folder))


def main() -> None:
    """Load, then answer the cases of a job."""
    job: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    model = TorchMiniLM(Path(job["folder"]))
    head = np.load(job["head"])
    coefficients, bias = head["coefficients"].T, head["bias"]

    def predict(texts: Sequence[str]) -> list[int]:
        return [int(best) for best in (model.encode(texts) @ coefficients + bias).argmax(axis=1)]

    answer: dict[str, Any] = {"load": time.perf_counter() - STARTED}
    predict(["first"])
    answer["first"] = time.perf_counter() - STARTED
    answer["cases"], answer["batches"] = {}, {}
    for name, rows in job["cases"].items():
        texts = [row["text"] for row in rows]
        milliseconds = []
        for text in texts[:10] + texts:
            started = time.perf_counter()
            predict([text])
            milliseconds.append(1e3 * (time.perf_counter() - started))
        answer["cases"][name] = milliseconds[10:]
    for name, rows in job["batches"].items():
        started = time.perf_counter()
        predict([row["text"] for row in rows])
        answer["batches"][name] = time.perf_counter() - started
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main()

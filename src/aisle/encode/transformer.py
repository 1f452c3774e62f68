"""Text transformers in ONNX Runtime: no torch, texts packed by length."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from aisle.encode.session import open_session

TOKEN_BUDGET = 2048
"""Tokens of one batch, padding included: small enough to stay in the cache of a core."""

_TOKENISE_AT_ONCE = 4096


@dataclass(frozen=True, kw_only=True)
class TokenRules:
    """How texts become tokens.

    Attributes
    ----------
    file : Path
        A ``tokenizer.json``.
    max_tokens : int
        Where a text is cut.
    """

    file: Path
    max_tokens: int


class TextTransformer:
    """Embeds texts with a transformer graph.

    Parameters
    ----------
    graph : Path or bytes
        An ONNX graph with inputs ``input_ids`` and ``attention_mask`` (and ``token_type_ids``, zero, where it asks).
    tokens : TokenRules
        Its tokenizer.
    output : str
        The output that holds one vector per text, or one per token: those are averaged over the text.
    """

    def __init__(self, graph: Path | bytes, *, tokens: TokenRules, output: str) -> None:
        self._session = open_session(graph)
        self._inputs = {each.name for each in self._session.get_inputs()}
        self._output = output
        self._tokenizer = Tokenizer.from_file(str(tokens.file))
        self._tokenizer.enable_truncation(max_length=tokens.max_tokens)
        self._tokenizer.no_padding()

    def encode(self, texts: Sequence[str], *, threads: int = 1) -> NDArray[np.float32]:
        """Embed texts, one row each, in their order: shape (n, d)."""
        encodings: list[Encoding] = []
        for at in range(0, len(texts), _TOKENISE_AT_ONCE):
            encodings += self._tokenizer.encode_batch_fast(list(texts[at : at + _TOKENISE_AT_ONCE]))
        batches = list(_pack([len(encoding.ids) for encoding in encodings]))
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(lambda rows: self._run([encodings[row] for row in rows]), batches))
        result = np.empty((len(texts), parts[0].shape[1] if parts else 0), dtype=np.float32)
        for rows, part in zip(batches, parts, strict=True):
            result[rows] = part
        return result

    def _run(self, encodings: Sequence[Encoding]) -> NDArray[np.float32]:
        longest = max(len(encoding.ids) for encoding in encodings)
        ids = np.zeros((len(encodings), max(longest, 1)), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        found = self._session.run([self._output], {name: feed[name] for name in self._inputs})[0]
        if found.ndim == 3:
            weights = mask[:, :, None].astype(np.float32)
            found = (found * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)
        return np.asarray(found, dtype=np.float32)


def _pack(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Put texts of about equal length together, as many as the token budget holds; longest first."""
    batch: list[int] = []
    longest = 0
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        longest = longest or max(lengths[row], 1)
        if batch and longest * (len(batch) + 1) > TOKEN_BUDGET:
            yield batch
            batch, longest = [], max(lengths[row], 1)
        batch.append(row)
    if batch:
        yield batch

"""Text transformers in ONNX Runtime: no torch, texts packed by length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from aisle.encode.parallel import map_threads
from aisle.encode.session import open_session

TOKEN_BUDGET = 512
"""Tokens of one batch, padding included: small enough to stay in the cache of a core (`benchmarks/speed.py`)."""

_RUN_COST = 8
"""Tokens that a core embeds in the time that a batch takes beside its tokens (`benchmarks/text_batches.py`).

A text that would be padded with more than that is embedded sooner in a batch of its own.
"""

_TOKENISE_AT_ONCE = 4096

Array = NDArray[np.float32]
Pooling = Literal["mean", "cls", "max"]
POOLINGS: tuple[Pooling, ...] = ("mean", "cls", "max")


@dataclass(frozen=True, kw_only=True)
class TokenRules:
    """How texts become tokens.

    Attributes
    ----------
    file : Path or bytes
        A ``tokenizer.json``, or the content of one.
    max_tokens : int
        Where a text is cut, the special tokens included.
    """

    file: Path | bytes
    max_tokens: int


class TextTransformer:
    """Embeds texts with a transformer graph.

    Parameters
    ----------
    graph : Path or bytes
        An ONNX graph with the input ``input_ids``; ``attention_mask`` and ``token_type_ids`` (zero) where it
        asks. A graph that takes no mask is never shown padding: its batches hold texts of equal length.
    tokens : TokenRules
        Its tokenizer.
    output : str
        The output that holds one vector per text, or one per token.
    pooling : {"mean", "cls", "max"}
        How the vectors of the tokens become one.
    normalise : bool
        Whether vectors are brought to unit length.
    """

    def __init__(
        self,
        graph: Path | bytes,
        *,
        tokens: TokenRules,
        output: str,
        pooling: Pooling = "mean",
        normalise: bool = False,
    ) -> None:
        self._session = open_session(graph)
        self._inputs = {
            each.name: np.int32 if each.type == "tensor(int32)" else np.int64 for each in self._session.get_inputs()
        }
        self.tokens = tokens
        self.output = output
        self.pooling = pooling
        self.normalise = normalise
        if isinstance(tokens.file, bytes):
            self._tokenizer = Tokenizer.from_buffer(tokens.file)
        else:
            self._tokenizer = Tokenizer.from_file(str(tokens.file))
        padding = (self._tokenizer.padding or {}).get("pad_id")
        named = (self._tokenizer.token_to_id(name) for name in ("[PAD]", "<pad>"))
        self._padding: int = next((number for number in (padding, *named) if number is not None), 0)
        self._tokenizer.enable_truncation(max_length=tokens.max_tokens)
        self._tokenizer.no_padding()

    def encode(self, texts: Sequence[str], *, threads: int = 1) -> Array:
        """Embed texts, one row each, in their order: shape (n, d)."""
        encodings: list[Encoding] = []
        for at in range(0, len(texts), _TOKENISE_AT_ONCE):
            encodings += self._tokenizer.encode_batch_fast(list(texts[at : at + _TOKENISE_AT_ONCE]))
        lengths = [len(encoding.ids) for encoding in encodings]
        batches = list(_pack(lengths, equal="attention_mask" not in self._inputs))

        def run(rows: Sequence[int]) -> Array:
            return self._run([encodings[row] for row in rows])

        # A thread for a single batch costs more than it is worth where one text is all there is.
        parts = list(map_threads(run, batches, threads=threads) if len(batches) > 1 else map(run, batches))
        result = np.empty((len(texts), parts[0].shape[1] if parts else 0), dtype=np.float32)
        for rows, part in zip(batches, parts, strict=True):
            result[rows] = part
        return result

    def _run(self, encodings: Sequence[Encoding]) -> Array:
        longest = max([1, *(len(encoding.ids) for encoding in encodings)])
        ids = np.full((len(encodings), longest), self._padding, dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        found = self._session.run(
            [self.output], {name: feed[name].astype(kind) for name, kind in self._inputs.items()}
        )[0]
        vectors = _pool(found, mask, self.pooling) if found.ndim == 3 else found
        if self.normalise:
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return np.asarray(vectors, dtype=np.float32)


def _pool(states: Array, mask: NDArray[np.int64], pooling: Pooling) -> Array:
    """Make one vector of the tokens' vectors [n, tokens, d], padding left out."""
    if pooling == "cls":
        return np.asarray(states[:, 0])
    if pooling == "max":
        return np.asarray(np.where(mask[:, :, None] == 1, states, np.float32(-np.inf)).max(axis=1))
    weights = mask[:, :, None].astype(np.float32)
    return np.asarray((states * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1))


def _pack(lengths: Sequence[int], *, equal: bool) -> Iterator[list[int]]:
    """Put texts of about equal length together, as many as the token budget holds; longest first."""
    batch: list[int] = []
    longest = 0
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        full = longest * (len(batch) + 1) > TOKEN_BUDGET
        if batch and (full or longest - lengths[row] > (0 if equal else _RUN_COST)):
            yield batch
            batch = []
        longest = longest if batch else max(lengths[row], 1)
        batch.append(row)
    if batch:
        yield batch

"""Tuned encoders in 8 bits, where that is worth it; what it costs is told by the head that each was trained with."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from aisle.catalog.photos import decode_all
from aisle.encode.convnet import PhotoNetwork, PixelRules
from aisle.encode.transformer import TextTransformer, TokenRules
from aisle.engine.fields import field_text
from aisle.finetune import quantise
from aisle.finetune.encoder_writer import EncoderFiles, PhotoFiles, TextFiles
from aisle.finetune.examples import Ids
from aisle.finetune.export import LinearHead
from aisle.finetune.labelled import TEXT_FIELDS
from aisle.finetune.quantise import Feed, Int8Offer, offer_int8
from aisle.finetune.result import Finetuned
from aisle.product import Product
from aisle.settings import Settings

_MOST_JUDGED = 1000
"""Held-out products that a graph is scored on."""

_FEED = 64
"""Products learned from that it is timed and measured on."""

_AT_ONCE = 16

_SEED = 0

Array = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def shrink(tuned: Finetuned, content: EncoderFiles, *, settings: Settings) -> tuple[EncoderFiles, dict[str, Any]]:
    """Replace graphs by ones in 8 bits where these are faster on this machine and as good; see `offer_int8`.

    Parameters
    ----------
    tuned : Finetuned
    content : EncoderFiles
        Its encoders, in 32 bits.
    settings : Settings

    Returns
    -------
    EncoderFiles
        To be written; ``about["precision"]`` says which graph is which.
    dict of str to dict
        For each modality ``offered``, ``speedup`` or None, ``loss`` in points or None, and ``reason``.

    Raises
    ------
    DiskFullError
        The disk of temporary files is full.
    """
    facts: dict[str, Any] = {}
    for name, encoder in (("text", tuned.text), ("photo", tuned.photo)):
        files: TextFiles | PhotoFiles | None = getattr(content, name)
        if encoder is None or files is None:
            continue
        offer = _offer(tuned, files, encoder.head, settings)
        facts[name] = {
            "offered": offer.graph is not None,
            "speedup": offer.speedup,
            "loss": offer.loss,
            "reason": offer.reason,
        }
        if offer.graph is not None:
            precision = {**content.about["precision"], name: "int8"}
            changed: dict[str, Any] = {name: replace(files, graph=offer.graph)}
            content = replace(content, about={**content.about, "precision": precision}, **changed)
    return content, facts


def _offer(tuned: Finetuned, files: TextFiles | PhotoFiles, head: LinearHead, settings: Settings) -> Int8Offer:
    """Offer a graph in 8 bits, if so many products are held out that one alone weighs no more than may be lost."""
    reader = _Texts(files) if isinstance(files, TextFiles) else _Photos(files, settings)
    learned, held_out = (
        np.random.default_rng(_SEED).permutation(rows) for rows in (tuned.split.train, tuned.split.validation)
    )
    probes: Any  # texts or photos, as the reader wants them
    probes, owners = reader.draw(tuned.products, held_out, most=_MOST_JUDGED)
    judged, places = np.unique(owners, return_inverse=True)
    least = math.ceil(100 / quantise.MOST_LOSS)
    if len(judged) < least:
        reason = (
            f"a loss of {quantise.MOST_LOSS} points can be told on at least {least} held-out products with "
            f"{reader.wanted}, and there are {len(judged) or 'none'}"
        )
        return Int8Offer(graph=None, speedup=None, loss=None, reason=reason)
    score = _Score(lambda graph: reader.embed(graph, probes), places, tuned.labels.columns[judged, 0], head)
    examples: Any = reader.draw(tuned.products, learned, most=_FEED)[0]
    return offer_int8(files.graph, feed=reader.feed(examples), score=score)


class _Score:
    """The share of products whose top category the head finds, in what a graph makes of all that they have."""

    def __init__(self, embed: Callable[[bytes], Array], places: Ids, truths: Ids, head: LinearHead) -> None:
        self._embed, self._places, self._truths, self._head = embed, places, truths, head

    def __call__(self, graph: bytes) -> float:
        shares = self._head.probabilities(self._embed(graph))
        sums = np.zeros((len(self._truths), shares.shape[1]))
        np.add.at(sums, self._places, shares)
        return float((sums.argmax(1) == self._truths).mean())


class _Texts:
    """Titles and descriptions as a text graph reads them."""

    wanted = "a title or a description"

    def __init__(self, files: TextFiles) -> None:
        self._files = files

    def draw(self, products: Sequence[Product], rows: Ids, *, most: int) -> tuple[list[str], Ids]:
        """Return the texts of the first rows that have any, and the row that each is of."""
        texts: list[str] = []
        owners: list[int] = []
        for row in rows.tolist():
            found = [text for name in TEXT_FIELDS if (text := field_text(products[row], name))]
            texts += found
            owners += [row] * len(found)
            most -= bool(found)
            if not most:
                break
        return texts, np.array(owners, dtype=np.int64)

    def feed(self, texts: Sequence[str]) -> list[Feed]:
        """Return texts as batches of inputs."""
        tokenizer = Tokenizer.from_buffer(self._files.tokenizer)
        tokenizer.enable_truncation(max_length=self._files.max_tokens)
        tokenizer.enable_padding()
        batches = [tokenizer.encode_batch(list(texts[at : at + _AT_ONCE])) for at in range(0, len(texts), _AT_ONCE)]
        return [
            {
                "input_ids": np.array([each.ids for each in batch], dtype=np.int64),
                "attention_mask": np.array([each.attention_mask for each in batch], dtype=np.int64),
            }
            for batch in batches
        ]

    def embed(self, graph: bytes, texts: Sequence[str]) -> Array:
        """Return what a graph makes of texts, [n, width]."""
        rules = TokenRules(file=self._files.tokenizer, max_tokens=self._files.max_tokens)
        return TextTransformer(graph, tokens=rules, output="embedding").encode(texts)


class _Photos:
    """Photos as a photo graph reads them."""

    wanted = "a photo that can be read"

    def __init__(self, files: PhotoFiles, settings: Settings) -> None:
        self._files, self._threads = files, settings.threads

    def draw(self, products: Sequence[Product], rows: Ids, *, most: int) -> tuple[Pixels, Ids]:
        """Return the pixels of the first rows that have any, and the row that each is of."""
        shape = self._files.shape
        rows = np.array([row for row in rows.tolist() if products[row].photo is not None], dtype=np.int64)
        photos = [products[row].photo for row in rows.tolist()]
        decoded = decode_all(photos, shape=shape, threads=self._threads, label="decoding photos")
        found = list(islice((each for each in decoded if isinstance(each[1], np.ndarray)), most))
        pixels = np.array([pixels for _, pixels in found], dtype=np.uint8).reshape(-1, shape.height, shape.width, 3)
        return pixels, rows[[place for place, _ in found]]

    def feed(self, pixels: Pixels) -> list[Feed]:
        """Return photos as batches of inputs."""
        norm = self._files.norm
        mean, std = (np.array(values, dtype=np.float32) for values in (norm.mean, norm.std))
        values = np.ascontiguousarray(((pixels - mean) / std).transpose(0, 3, 1, 2))
        return [{"pixel_values": values[at : at + _AT_ONCE]} for at in range(0, len(values), _AT_ONCE)]

    def embed(self, graph: bytes, pixels: Pixels) -> Array:
        """Return what a graph makes of photos, [n, width]."""
        rules = PixelRules(scale=1.0, mean=self._files.norm.mean, std=self._files.norm.std)
        network = PhotoNetwork(graph, outputs=["embedding"], rules=rules)
        return np.concatenate([network.encode(pixels[at : at + _AT_ONCE]) for at in range(0, len(pixels), _AT_ONCE)])

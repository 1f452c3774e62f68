"""Tuned encoders in 8 bits, where that is worth it; what it costs is told by the head that each was trained with."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from aisle.catalog.photos import decode_all
from aisle.encode.convnet import PhotoNetwork, PixelRules
from aisle.encode.transformer import TextTransformer, TokenRules
from aisle.engine.fields import field_text
from aisle.finetune.encoder_writer import EncoderFiles, PhotoFiles, TextFiles
from aisle.finetune.examples import Ids
from aisle.finetune.export import LinearHead
from aisle.finetune.labelled import TEXT_FIELDS
from aisle.finetune.quantise import Feed, offer_int8
from aisle.finetune.result import Finetuned
from aisle.product import Product
from aisle.settings import Settings

_MOST_PROBES = 500
"""Held-out products that a graph is scored on."""

_FEED = 64
"""Products learned from that it is timed and measured on."""

_AT_ONCE = 16

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
        For each modality ``offered``, ``speedup``, ``loss`` in points or None, and ``reason``.
    """
    facts: dict[str, Any] = {}
    for name, encoder in (("text", tuned.text), ("photo", tuned.photo)):
        files: TextFiles | PhotoFiles | None = getattr(content, name)
        if encoder is None or files is None:
            continue
        feed, embed, places = _inputs(tuned, files, settings)
        score = _Score(embed, places, tuned.labels.columns[_held_out(tuned), 0], encoder.head)
        offer = offer_int8(files.graph, feed=feed, score=score)
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


class _Score:
    """The share of products whose top category the head finds, in what a graph makes of all that they have."""

    def __init__(self, embed: Callable[[bytes], Array], places: Ids, truths: Ids, head: LinearHead) -> None:
        self._embed, self._places, self._truths, self._head = embed, places, truths, head

    def __call__(self, graph: bytes) -> float:
        shares = self._head.probabilities(self._embed(graph))
        sums = np.zeros((len(self._truths), shares.shape[1]))
        np.add.at(sums, self._places, shares)
        judged = np.unique(self._places)
        return float((sums[judged].argmax(1) == self._truths[judged]).mean())


def _held_out(tuned: Finetuned) -> Ids:
    return tuned.split.validation[:_MOST_PROBES]


def _inputs(
    tuned: Finetuned, files: TextFiles | PhotoFiles, settings: Settings
) -> tuple[list[Feed], Callable[[bytes], Array], Ids]:
    """Return what graphs are timed on, how they embed the held-out products, and of which product each row is."""
    learned, held_out = (
        [tuned.products[row] for row in rows.tolist()] for rows in (tuned.split.train[:_FEED], _held_out(tuned))
    )
    if isinstance(files, TextFiles):
        texts, places = _texts(held_out)
        rules = TokenRules(file=files.tokenizer, max_tokens=files.max_tokens)
        return (
            _text_feed(_texts(learned)[0], files),
            lambda graph: TextTransformer(graph, tokens=rules, output="embedding").encode(texts),
            places,
        )
    norm = PixelRules(scale=1.0, mean=files.norm.mean, std=files.norm.std)
    pixels, places = _pixels(held_out, files, settings)

    def embed(graph: bytes) -> Array:
        network = PhotoNetwork(graph, outputs=["embedding"], rules=norm)
        return np.concatenate([network.encode(pixels[at : at + _AT_ONCE]) for at in range(0, len(pixels), _AT_ONCE)])

    return _photo_feed(_pixels(learned, files, settings)[0], files), embed, places


def _texts(products: Sequence[Product]) -> tuple[list[str], Ids]:
    found = [
        (place, text)
        for place, product in enumerate(products)
        for name in TEXT_FIELDS
        if (text := field_text(product, name))
    ]
    return [text for _, text in found], np.array([place for place, _ in found], dtype=np.int64)


def _text_feed(texts: Sequence[str], files: TextFiles) -> list[Feed]:
    tokenizer = Tokenizer.from_buffer(files.tokenizer)
    tokenizer.enable_truncation(max_length=files.max_tokens)
    tokenizer.enable_padding()
    batches = [tokenizer.encode_batch(list(texts[at : at + _AT_ONCE])) for at in range(0, len(texts), _AT_ONCE)]
    return [
        {
            "input_ids": np.array([each.ids for each in batch], dtype=np.int64),
            "attention_mask": np.array([each.attention_mask for each in batch], dtype=np.int64),
        }
        for batch in batches
    ]


def _pixels(products: Sequence[Product], files: PhotoFiles, settings: Settings) -> tuple[Pixels, Ids]:
    photos = [product.photo for product in products]
    decoded = decode_all(photos, shape=files.shape, threads=settings.threads, label="decoding photos")
    found = sorted(
        ((place, pixels) for place, pixels in decoded if isinstance(pixels, np.ndarray)), key=lambda each: each[0]
    )
    return np.stack([pixels for _, pixels in found]), np.array([place for place, _ in found], dtype=np.int64)


def _photo_feed(pixels: Pixels, files: PhotoFiles) -> list[Feed]:
    mean, std = (np.array(values, dtype=np.float32) for values in (files.norm.mean, files.norm.std))
    values = np.ascontiguousarray(((pixels - mean) / std).transpose(0, 3, 1, 2))
    return [{"pixel_values": values[at : at + _AT_ONCE]} for at in range(0, len(values), _AT_ONCE)]

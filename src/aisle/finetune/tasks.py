"""What is learned from a batch: of texts, of photos, or of both together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aisle.finetune.augment import PhotoVariation, vary_photos, vary_tokens
from aisle.finetune.examples import Labels, PhotoShelf
from aisle.finetune.history import Judged
from aisle.finetune.loop import Ids, Rng
from aisle.finetune.losses import IGNORED, category_loss, image_text_contrastive, supervised_contrastive
from aisle.finetune.probe import fit_heads
from aisle.finetune.towers import Heads, PhotoTower, TextTower, TokenisedTexts, pad
from aisle.progress import track

HEAD_RATE = 1e-3
"""Learning rate of the heads."""

CONTRAST = 0.5
"""Weight of the contrastive losses beside the cross-entropy."""

SMOOTHING = 0.1
DROPPED_WORDS = 0.1
_AT_ONCE = 16


@dataclass(eq=False)
class TextTask:
    """Texts of one field after the other, each by itself: an engine embeds them so."""

    module: TextTower
    texts: TokenisedTexts
    labels: Labels
    train: Ids
    validation: Ids
    rate: float
    device: str

    def groups(self) -> list[dict[str, Any]]:
        """Return the network's parameters and the heads'."""
        return _groups(self.module.network, self.module.heads, self.rate)

    def order(self, rng: Rng, batch: int) -> list[Ids]:
        """Deal the training rows into batches of about equal length."""
        lengths = np.array([max(map(len, texts)) for texts in self._all(self.train)])
        runs = shuffled(np.arange(len(self.train)), rng, batch * 16)
        sorted_runs = (run[np.argsort(lengths[run], kind="stable")] for run in runs)
        parts = [part for run in sorted_runs for part in np.array_split(run, -(-len(run) // batch))]
        return [self.train[parts[place]] for place in rng.permutation(len(parts))]

    def loss(self, rows: Ids, rng: Rng) -> Tensor:
        """Return cross-entropy at each depth, and supervised contrast at the deepest."""
        embeddings = self.embed(vary_tokens(self.texts.draw(rows, rng), drop=DROPPED_WORDS, rng=rng))
        return _labelled_loss(self.module.heads, embeddings, self._labels(rows))

    def judge(self, rows: Ids) -> Judged:
        """Judge every text of the rows."""
        found = list(self.texts.each(rows))
        places = np.array([place for place, _ in found])
        return _judge(self.module.heads, self._embed_all([text for _, text in found]), self._labels(rows[places]))

    def fit_heads(self, at_once: int, *, label: str) -> None:
        """Fit the heads to the network as it is; see `aisle.finetune.probe`."""
        found = list(self.texts.each(self.train))
        rows = self.train[np.array([place for place, _ in found])]
        with torch.no_grad():
            embeddings = self._embed_all([text for _, text in found], at_once=at_once, label=label)
        fit_heads(self.module.heads, embeddings, self._labels(rows))

    def _embed_all(self, texts: Sequence[NDArray[np.int64]], *, at_once: int = _AT_ONCE, label: str = "") -> Tensor:
        """Return embeddings of texts of any lengths, [n, width]: those of about equal length together."""
        order = np.argsort([-len(text) for text in texts], kind="stable")  # memory ends with the first, or with none
        parts = _parts(order, at_once, label=label)
        found = torch.cat([self.embed([texts[place] for place in part]) for part in parts])
        return found[torch.from_numpy(np.argsort(order)).to(found.device)]

    def embed(self, texts: Sequence[NDArray[np.int64]]) -> Tensor:
        """Return embeddings of texts, [n, width]."""
        return self.module(*pad(texts, padding=self.texts.padding, device=self.device))

    def _labels(self, rows: Ids) -> Tensor:
        return torch.from_numpy(self.labels.columns[rows]).to(self.device)

    def _all(self, rows: Ids) -> list[list[NDArray[np.int64]]]:
        found: list[list[NDArray[np.int64]]] = [[] for _ in rows]
        for place, text in self.texts.each(rows):
            found[place].append(text)
        return found


@dataclass(eq=False)
class PhotoTask:
    """Photos, varied."""

    module: PhotoTower
    photos: PhotoShelf
    labels: Labels
    train: Ids
    validation: Ids
    rate: float
    device: str
    variation: PhotoVariation = field(default_factory=PhotoVariation)

    def groups(self) -> list[dict[str, Any]]:
        """Return the network's parameters above the frozen ones, and the heads'."""
        return _groups(self.module.network, self.module.heads, self.rate)

    def order(self, rng: Rng, batch: int) -> list[Ids]:
        """Deal the training rows into batches."""
        return shuffled(self.train, rng, batch)

    def loss(self, rows: Ids, rng: Rng) -> Tensor:
        """Return cross-entropy at each depth, and supervised contrast at the deepest."""
        return _labelled_loss(self.module.heads, self.embed(rows, rng), self._labels(rows))

    def judge(self, rows: Ids) -> Judged:
        """Judge the photos of the rows."""
        return _judge(self.module.heads, self.embed(rows), self._labels(rows))

    def fit_heads(self, at_once: int, *, label: str) -> None:
        """Fit the heads to the network as it is; see `aisle.finetune.probe`."""
        with torch.no_grad():
            embeddings = torch.cat([self.embed(part) for part in _parts(self.train, at_once, label=label)])
        fit_heads(self.module.heads, embeddings, self._labels(self.train))

    def embed(self, rows: Ids, rng: Rng | None = None) -> Tensor:
        """Return embeddings of photos, [n, width]; varied by chance where there is one."""
        pixels = torch.from_numpy(self.photos.take(rows)).to(self.device).permute(0, 3, 1, 2).float()
        size = self.module.size
        if rng is None:
            pixels = torch.nn.functional.interpolate(pixels, (size, size), mode="bicubic", antialias=True)
        else:
            pixels = vary_photos(pixels, size=size, variation=self.variation, rng=rng)
        return self.module(pixels.clamp(0.0, 255.0))

    def _labels(self, rows: Ids) -> Tensor:
        return torch.from_numpy(self.labels.columns[rows]).to(self.device)


class JointTask:
    """Texts and photos of the same products: each learned as by itself, matched with each other, and added up.

    Of a product that has both, one is left out now and then, so that the sum stays good where one is missing.

    Parameters
    ----------
    text : TextTask
    photo : PhotoTask
        Of the same catalogue and the same split.
    """

    def __init__(self, text: TextTask, photo: PhotoTask) -> None:
        self.text, self.photo = text, photo
        self.module = nn.ModuleDict({"text": text.module, "photo": photo.module})
        self.train = np.intersect1d(text.train, photo.train)
        self.validation = np.intersect1d(text.validation, photo.validation)

    def groups(self) -> list[dict[str, Any]]:
        """Return the parameters of both."""
        return [*self.text.groups(), *self.photo.groups()]

    def fit_heads(self, at_once: int, *, label: str) -> None:
        """Fit the heads of both to the networks as they are."""
        self.text.fit_heads(at_once, label=f"{label} (texts)")
        self.photo.fit_heads(at_once, label=f"{label} (photos)")

    def order(self, rng: Rng, batch: int) -> list[Ids]:
        """Deal the products that have both into batches."""
        return shuffled(self.train, rng, batch)

    def loss(self, rows: Ids, rng: Rng) -> Tensor:
        """Return the losses of both, of their match, and of their sum with one left out now and then."""
        texts = vary_tokens(self.text.texts.draw(rows, rng), drop=DROPPED_WORDS, rng=rng)
        words, pictures = self.text.embed(texts), self.photo.embed(rows, rng)
        labels = self.text._labels(rows)
        heads = self.text.module.heads, self.photo.module.heads
        alone = _labelled_loss(heads[0], words, labels) + _labelled_loss(heads[1], pictures, labels)
        match = image_text_contrastive(heads[1].shared(pictures), heads[0].shared(words))
        kept = torch.from_numpy(_modality_dropout(len(rows), rng)).to(words.device)
        both = zip(heads[0].logits(words), heads[1].logits(pictures), strict=True)
        fused = [kept[:, :1] * text + kept[:, 1:] * photo for text, photo in both]
        return alone + CONTRAST * match + _category_losses(fused, labels)

    def judge(self, rows: Ids) -> Judged:
        """Judge the sum of both."""
        words, pictures = self.text.embed(self.text.texts.first(rows)), self.photo.embed(rows)
        both = zip(self.text.module.heads.logits(words), self.photo.module.heads.logits(pictures), strict=True)
        return _judge_logits([text + photo for text, photo in both], self.text._labels(rows))


def shuffled(rows: Ids, rng: Rng, batch: int) -> list[Ids]:
    """Deal rows into batches by chance; a last one of a single row joins the one before."""
    order: Sequence[int] = rng.permutation(rows)  # type: ignore[assignment]
    parts = [np.asarray(order[start : start + batch]) for start in range(0, len(order), batch)]
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [np.concatenate(parts[-2:])]
    return parts


def _parts(rows: Ids, at_once: int, *, label: str) -> Iterable[Ids]:
    """Return rows a few at a time, with a progress bar where it has a label."""
    parts = np.array_split(rows, -(-len(rows) // min(at_once, _AT_ONCE)))
    return track(parts, label=label, total=len(parts), unit="batch") if label else parts


def _modality_dropout(count: int, rng: Rng) -> NDArray[np.float32]:
    """Return which of text and photo are kept, shape (n, 2): both of half the products, one of the others."""
    kept = np.ones((count, 2), dtype=np.float32)
    out = rng.random(count) < 0.5
    kept[np.flatnonzero(out), rng.integers(0, 2, int(out.sum()))] = 0.0
    return kept


def _groups(network: nn.Module, heads: Heads, rate: float) -> list[dict[str, Any]]:
    trained = [value for value in network.parameters() if value.requires_grad]
    return [{"params": trained, "lr": rate}, {"params": list(heads.parameters()), "lr": HEAD_RATE}]


def _labelled_loss(heads: Heads, embeddings: Tensor, labels: Tensor) -> Tensor:
    contrast = supervised_contrastive(heads.shared(embeddings), labels[:, -1])
    return _category_losses(heads.logits(embeddings), labels) + CONTRAST * contrast


def _category_losses(logits: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Return the mean over the depths."""
    losses = [category_loss(each, labels[:, depth], smoothing=SMOOTHING) for depth, each in enumerate(logits)]
    return torch.stack(losses).mean()


def _judge(heads: Heads, embeddings: Tensor, labels: Tensor) -> Judged:
    return _judge_logits(heads.logits(embeddings), labels)


def _judge_logits(logits: Sequence[Tensor], labels: Tensor) -> Judged:
    """Judge by the top category: every product has one."""
    counts = [int((labels[:, depth] != IGNORED).sum()) for depth in range(len(logits))]
    losses = [
        float(category_loss(each, labels[:, depth], smoothing=0.0)) * count
        for depth, (each, count) in enumerate(zip(logits, counts, strict=True))
    ]
    right = int((logits[0].argmax(1) == labels[:, 0]).sum())
    return Judged(tuple(losses), tuple(counts), right, len(labels))

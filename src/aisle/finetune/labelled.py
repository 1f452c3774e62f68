"""Labelled products on their way into a network, and what is told of a network that has learned them."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from aisle.encode import EncoderSpec, find_encoder, photo_keys, training_keys
from aisle.encode.supply import fetch_files
from aisle.engine.fields import field_text
from aisle.engine.gather import group_duplicates
from aisle.errors import TrainingError
from aisle.finetune.checkpoint import Checkpoints
from aisle.finetune.examples import LEAST_PRODUCTS, Ids, Labels, Split, split_products
from aisle.finetune.history import Epoch
from aisle.finetune.loop import LoopOptions, Task, train
from aisle.finetune.options import RECIPE, FinetuneOptions
from aisle.finetune.result import Tuned
from aisle.finetune.tasks import JointTask, PhotoTask, TextTask
from aisle.finetune.towers import TokenisedTexts
from aisle.product import Product
from aisle.settings import Settings

Log = tuple[tuple[Epoch, ...], int, int, float]
"""Epochs, the number of the best, the batch at the end, and the share of the best weights that was kept."""

TEXT_FIELDS = ("title", "description")
"""What is learned from: an engine embeds each of them by itself."""

BATCHES = {"cpu": 32, "cuda": 128}


@dataclass(frozen=True, eq=False)
class LabelledCatalog:
    """Labelled products, their categories, near-duplicates, and who is held out."""

    products: Sequence[Product]
    labels: Labels
    groups: Ids
    split: Split
    options: FinetuneOptions
    settings: Settings
    checkpoints: Path | None

    @classmethod
    def of(
        cls, products: Sequence[Product], options: FinetuneOptions, settings: Settings, checkpoints: Path | None
    ) -> "LabelledCatalog":
        """Take the products that have a category, and hold some of them out.

        Raises
        ------
        TrainingError
            They are too few, of one category, or all alike.
        """
        labelled = [product for product in products if product.category]
        groups = group_duplicates(labelled, threads=settings.threads)
        split = split_products(labelled, groups=groups, share=options.validation, seed=options.seed)
        labels = Labels.of([product.category[: options.level] for product in labelled])
        return cls(labelled, labels, groups, split, options, settings, checkpoints)

    @property
    def with_text(self) -> NDArray[np.bool_]:
        """Which products have a title or a description."""
        return np.array([any(field_text(product, name) for name in TEXT_FIELDS) for product in self.products])

    def rows(self, present: NDArray[np.bool_], *, what: str) -> Split:
        """Return the training and validation rows that have what a network reads.

        Raises
        ------
        TrainingError
            They are too few.
        """
        found = Split(*(side[present[side]] for side in (self.split.train, self.split.validation)))
        if len(found.train) < LEAST_PRODUCTS or not found.validation.size:
            raise TrainingError(
                f"{int(present.sum())} labelled products have {what}; fine-tuning needs at least {LEAST_PRODUCTS} to "
                "learn from and some to see when to stop"
            )
        return found

    def learn(self, task: TextTask | PhotoTask | JointTask, *, name: str, label: str, epochs: int) -> Log:
        """Train; return the log, the best epoch and the batch at the end."""
        options = self.options
        loop = LoopOptions(
            epochs=epochs,
            batch=options.batch or BATCHES[options.device],
            patience=options.patience,
            seed=options.seed,
            device=options.device,
            label=label,
            blend=True,
        )
        kept = None
        if self.checkpoints is not None:
            kept = Checkpoints(self.checkpoints, name, self._run(task, loop))
        done = train(task, loop, checkpoints=kept)
        return tuple(done.epochs), done.best, done.batch, done.share

    def tuned(self, task: TextTask | PhotoTask, log_: Log) -> Tuned:
        """Return the encoder of a task that has been learned."""
        name = self.options.text_encoder if isinstance(task, TextTask) else self.options.photo_encoder
        spec = find_encoder(name, settings=self.settings)
        learned = task.train.tolist() if log_[-1] > 0 else []  # as it was, it knows no more than before
        seen = training_keys([self.products[row] for row in learned])
        head = task.module.heads.top()
        return Tuned(spec, task.module.network.cpu().eval(), head, *log_, products=len(learned), seen=seen)

    def _run(self, task: Task, loop: LoopOptions) -> str:
        """Return what tells this training from any other: options, data, and the weights that it starts from.

        Fitted heads are no part of it: with another number of threads they come out a little different.
        """
        digest = hashlib.sha256(json.dumps([RECIPE, self.options.level, asdict(loop)], sort_keys=True).encode())
        photos = photo_keys([product.photo for product in self.products])
        for product, photo in zip(self.products, photos, strict=True):
            digest.update(repr((product.id, product.title, product.description, product.category, photo)).encode())
        for rows in (task.train, task.validation):
            digest.update(rows.tobytes())
        for value in task.module.state_dict().values():
            digest.update(value.detach().cpu().numpy().tobytes())
        return digest.hexdigest()


def tokenise(products: Sequence[Product], spec: EncoderSpec, *, settings: Settings) -> TokenisedTexts:
    """Turn titles and descriptions into tokens, as the encoder reads them."""
    file = fetch_files({"tokenizer": spec.files["tokenizer"]}, settings=settings)["tokenizer"]
    tokenizer = Tokenizer.from_file(str(file))
    padding = (tokenizer.padding or {}).get("pad_id", 0)
    tokenizer.no_padding()
    tokenizer.enable_truncation(spec.max_tokens)
    fields = []
    for name in TEXT_FIELDS:
        texts = [field_text(product, name).encode("utf-8", "replace").decode() for product in products]
        found = tokenizer.encode_batch_fast(texts)
        fields.append([np.array(each.ids, dtype=np.int64) if text else None
                       for each, text in zip(found, texts, strict=True)])  # fmt: skip
    return TokenisedTexts(tuple(fields), padding)

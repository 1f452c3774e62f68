"""Encoders tuned to parts of a catalogue, and kept in the cache by what they were tuned on."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.photos import DECODE_VERSION
from aisle.encode import photo_keys, seen_rows, training_keys
from aisle.encode.folder import folder_modalities
from aisle.engine.gather import Encoders, find_encoders
from aisle.errors import TrainingError
from aisle.files import sha256_bytes, write_bytes
from aisle.product import Product
from aisle.settings import Settings
from aisle.train.extra import choose_others

if TYPE_CHECKING:
    from aisle.finetune import FinetuneOptions, Tuned

Ids = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class FinetuneTrial:
    """What is tried.

    Attributes
    ----------
    finetune : FinetuneOptions
        How encoders are tuned.
    pretune : tuple of Product
        Other labelled products that the text encoder is tuned to first; near-duplicates of the catalogue's are left
        out, whichever fold they would be tested in.
    """

    finetune: "FinetuneOptions"
    pretune: tuple[Product, ...] = ()


@dataclass(eq=False)
class Tuner:
    """Tunes encoders to parts of a catalogue; what is done is kept.

    Attributes
    ----------
    products : sequence of Product
        The labelled ones of the catalogue.
    trial : FinetuneTrial
    settings : Settings
    seconds : list of float
        What the encoders of each part took, whenever they were tuned.
    went_on : list of bool
        Whether a tuning that was stopped went on there: its seconds count from then on.
    """

    products: Sequence[Product]
    trial: FinetuneTrial
    settings: Settings
    seconds: list[float] = field(default_factory=list)
    went_on: list[bool] = field(default_factory=list)

    @cached_property
    def start(self) -> "Tuned | None":
        """The text encoder that every part starts from: tuned to other products, none like those of the catalogue."""
        from aisle.finetune import pretune
        from aisle.finetune.pretuned import keep_pretuned

        others, options, settings = self._others, self.trial.finetune, self.settings
        if not others:
            return None
        place = settings.cache_dir / "finetune" / f"pretuned-{_digest(options, others, None)}"

        def make() -> "Tuned":
            return pretune(others, options=options, checkpoints=place, settings=settings)

        return keep_pretuned(place, make, options=options, settings=settings)

    def pretuning(self) -> dict[str, int] | None:
        """Return how many products were given to tune to first, how many are used, and how many learned from."""
        if self.start is None:
            return None
        counts = {"given": len(self.trial.pretune), "used": len(self._others)}
        return {**counts, "learned_from": self.start.products}

    def tune(self, rows: Ids) -> Encoders:
        """Return encoders that have seen no other products of the catalogue than these rows."""
        from aisle.finetune import finetune_to_folder
        from aisle.finetune.folder import LOG, unfinished_of

        options, start = self.trial.finetune, self.start
        part = [self.products[row] for row in rows.tolist()]
        folder = self.settings.cache_dir / "finetune" / _digest(options, part, start)
        mark = folder.with_suffix(".went-on")
        if not (folder / "encoder.json").is_file():
            _mark(mark, unfinished_of(folder))
            finetune_to_folder(part, folder, options=options, start=start, catalog="a fold", settings=self.settings)
        self.seconds.append(json.loads((folder / LOG).read_bytes())["seconds"])
        self.went_on.append(mark.exists())
        named = {"text": options.text_encoder, "photo": options.photo_encoder}
        named |= dict.fromkeys(folder_modalities(folder), str(folder))
        return find_encoders(text=named["text"], photo=named["photo"], settings=self.settings)

    @cached_property
    def _others(self) -> list[Product]:
        if not self.trial.pretune or self.trial.finetune.modality == "photo":
            return []
        return choose_pretuning(self.products, self.trial.pretune)


def choose_pretuning(own: Sequence[Product], others: Sequence[Product]) -> list[Product]:
    """Return the products that a text encoder may be tuned to first: none that says anything of the catalogue's own.

    Raises
    ------
    TrainingError
        There is none.
    """
    chosen = choose_others(own, others)
    known = seen_rows(chosen, training_keys(own))  # what has no title is told by the rest of it
    found = [product for product, alike in zip(chosen, known.tolist(), strict=True) if not alike]
    if not found:
        raise TrainingError(
            f"none of the {len(others):,} products to tune to first can be used: they have no category, or titles that "
            "are nearly those of the catalogue"
        )
    return found


def _mark(place: Path, unfinished: Path) -> None:
    """Keep in mind whether a tuning goes on from an earlier run; a kill of this one does not undo it."""
    if any(unfinished.glob("*.checkpoint")):
        write_bytes(place, b"")
    else:
        place.unlink(missing_ok=True)


def _digest(options: "FinetuneOptions", products: Sequence[Product], start: "Tuned | None") -> str:
    """Return a name for what is tuned: other options, products, weights or versions give another."""
    from aisle.finetune.options import RECIPE

    photos = photo_keys([product.photo for product in products])
    facts = [repr((p.id, p.title, p.description, p.category, photo)) for p, photo in zip(products, photos, strict=True)]
    pretuned = None if start is None else start.fingerprint()
    parts = [RECIPE, DECODE_VERSION, asdict(options), pretuned, sha256_bytes("\n".join(facts).encode())]
    return sha256_bytes(json.dumps(parts, sort_keys=True).encode())[:32]

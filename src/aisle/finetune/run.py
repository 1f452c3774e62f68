"""Fine-tuning from a catalogue to encoders that can be written."""

import logging
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from aisle.catalog.photo_pixels import PixelShape
from aisle.encode import EncoderSpec, find_encoder
from aisle.errors import TrainingError, UnknownEncoderError
from aisle.finetune.examples import PhotoShelf, Split
from aisle.finetune.labelled import LabelledCatalog, Log, tokenise
from aisle.finetune.networks import check_encoder, open_photo_network, open_text_network
from aisle.finetune.options import FinetuneOptions
from aisle.finetune.result import Finetuned, Tuned
from aisle.finetune.tasks import JointTask, PhotoTask, TextTask
from aisle.finetune.towers import PhotoTower, TextTower
from aisle.product import Product
from aisle.settings import Settings

log = logging.getLogger(__name__)

TEXT_RATE, PHOTO_RATE = 5e-5, 3e-4
"""Learning rates of the published networks."""

FROZEN_BLOCKS = 8
"""Of a photo network, from the pixels up: edges and textures are the same everywhere, and half of the work."""


def finetune(
    products: Sequence[Product],
    *,
    options: FinetuneOptions | None = None,
    start: Tuned | None = None,
    checkpoints: Path | None = None,
    settings: Settings | None = None,
) -> Finetuned:
    """Tune encoders to a labelled catalogue.

    Parameters
    ----------
    products : sequence of Product
        Those without a category are left out.
    options : FinetuneOptions, optional
    start : Tuned, optional
        A text encoder to start from, from `pretune`; by default the one that the options name.
    checkpoints : Path, optional
        A folder where the state is kept after each epoch, and taken up.
    settings : Settings, optional
        This machine's by default.

    Raises
    ------
    TrainingError
        There are too few labelled products, one category, neither texts nor photos to learn from, or not the ones that
        are asked for alone; or not enough memory.
    UnknownEncoderError
        What is named to start from cannot be fine-tuned.
    WeightsNotReachableError
        The weights to start from are not in the cache and cannot be fetched.
    DiskFullError
        The disk is full; what was kept before stays.
    """
    options, settings = options or FinetuneOptions(), settings or Settings.load()
    check_start(options, settings)
    torch.set_num_threads(settings.threads)
    catalog = LabelledCatalog.of(products, options, settings, checkpoints)
    text, photo = _tasks(catalog, start)
    logs = _learn(catalog, text, photo)
    tasks = [task for task in (text, photo) if task is not None]
    learned, held_out = (
        np.unique(np.concatenate(rows)) for rows in zip(*((t.train, t.validation) for t in tasks), strict=True)
    )
    words = None if text is None else catalog.tuned(text, logs["text"])
    if words is not None and start is not None:
        words = replace(words, seen=np.union1d(words.seen, start.seen))
    return Finetuned(
        text=words,
        photo=None if photo is None else catalog.tuned(photo, logs["photo"]),
        products=tuple(catalog.products),
        labels=catalog.labels,
        groups=catalog.groups,
        split=Split(learned, held_out),
    )


def pretune(
    extra: Sequence[Product],
    *,
    options: FinetuneOptions,
    checkpoints: Path | None = None,
    settings: Settings,
) -> Tuned:
    """Tune the text encoder to other labelled products first, e.g. to titles of the same marketplace.

    Their whole paths are learned, whatever the depth that the options name: that one is the catalogue's.

    Raises
    ------
    TrainingError
        There are too few, or one category.
    """
    check_start(options, settings)
    torch.set_num_threads(settings.threads)
    catalog = LabelledCatalog.of(extra, replace(options, validation=0.1, level=None), settings, checkpoints)
    task = _text_task(catalog, None)
    done = catalog.learn(task, name="pretune", label="tuning texts of other catalogues", epochs=options.text_epochs)
    return catalog.tuned(task, done)


def check_start(options: FinetuneOptions, settings: Settings) -> None:
    """Refuse before the work a GPU that is not there, and encoders that cannot be tuned.

    Raises
    ------
    TrainingError
        There is no GPU.
    UnknownEncoderError
        There is no such encoder, or it cannot be fine-tuned.
    """
    if options.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("torch finds no GPU on this machine (--device cuda); leave the option out to use the CPU")
    for modality, name in (("text", options.text_encoder), ("photo", options.photo_encoder)):
        if options.modality in (modality, "both"):
            check_encoder(find_encoder(name, settings=settings, modality=modality), modality=modality)


def _tasks(catalog: LabelledCatalog, start: Tuned | None) -> tuple[TextTask | None, PhotoTask | None]:
    """Return what is to be learned: of both modalities the one alone where the products do not have the other."""
    options = catalog.options
    text = photo = None
    missing: list[TrainingError] = []
    for modality in ("text", "photo"):
        if options.modality not in (modality, "both"):
            continue
        try:
            if modality == "text":
                text = _text_task(catalog, start)
            else:
                photo = _photo_task(catalog)
        except TrainingError as err:
            if options.modality != "both" or options.joint or missing:
                raise
            missing.append(err)
    for reason in missing:
        log.warning("only the %s encoder is tuned: %s", "photo" if text is None else "text", reason)
    return text, photo


def _learn(catalog: LabelledCatalog, text: TextTask | None, photo: PhotoTask | None) -> dict[str, Log]:
    options = catalog.options
    if options.joint and text is not None and photo is not None:
        rows = catalog.rows(catalog.with_text & photo.photos.present, what="a text and a photo")
        for task in (text, photo):  # nothing else is learned from, or judged
            task.train, task.validation = rows.train, rows.validation
        joint = JointTask(text, photo)
        found = catalog.learn(joint, name="joint", label="tuning text and photos", epochs=options.photo_epochs)
        return {"text": found, "photo": found}
    logs = {}
    if text is not None:
        logs["text"] = catalog.learn(text, name="text", label="tuning texts", epochs=options.text_epochs)
    if photo is not None:
        logs["photo"] = catalog.learn(photo, name="photo", label="tuning photos", epochs=options.photo_epochs)
    return logs


def _text_task(catalog: LabelledCatalog, start: Tuned | None) -> TextTask:
    options, settings = catalog.options, catalog.settings
    rows = catalog.rows(catalog.with_text, what="a title or a description")
    spec = find_encoder(options.text_encoder, settings=settings)
    network = deepcopy(start.network) if start is not None else open_text_network(spec, settings)
    texts = tokenise(catalog.products, spec, settings=settings)
    torch.manual_seed(options.seed)
    tower = TextTower(network, categories=[len(names) for names in catalog.labels.names])
    return TextTask(tower, texts, catalog.labels, rows.train, rows.validation, TEXT_RATE, options.device)


def _photo_task(catalog: LabelledCatalog) -> PhotoTask:
    options, settings = catalog.options, catalog.settings
    catalog.rows(np.array([product.photo is not None for product in catalog.products]), what="a photo")
    spec = find_encoder(options.photo_encoder, settings=settings)
    network = open_photo_network(spec, settings)
    size = pixels_of(spec).height
    shelf = PhotoShelf(catalog.products, size=size, folder=settings.cache_dir / "finetune", threads=settings.threads)
    rows = catalog.rows(shelf.present, what="a photo that can be read")
    torch.manual_seed(options.seed)
    tower = PhotoTower(
        network, size=size, frozen=FROZEN_BLOCKS, categories=[len(names) for names in catalog.labels.names]
    )
    return PhotoTask(tower, shelf, catalog.labels, rows.train, rows.validation, PHOTO_RATE, options.device)


def pixels_of(spec: EncoderSpec) -> PixelShape:
    """Return the pixels that a photo encoder reads.

    Raises
    ------
    UnknownEncoderError
        It reads none.
    """
    if spec.shape is None:
        raise UnknownEncoderError(f"{spec.name} reads no photos")
    return spec.shape

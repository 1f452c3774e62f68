"""From a catalogue to a folder with encoders: tuned, proved to be what was trained, compared with what was before."""

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.photos import decode_all
from aisle.encode.supply import fetch_files
from aisle.engine.fields import field_text
from aisle.engine.gather import find_encoders
from aisle.files import disk_errors
from aisle.finetune.checkpoint import remove_checkpoints
from aisle.finetune.compare import compare
from aisle.finetune.eight_bits import shrink
from aisle.finetune.encoder_writer import EncoderFiles, PhotoFiles, TextFiles, check_destination, write_encoder
from aisle.finetune.export import Parity, draw_photo, draw_text, photo_parity, text_parity
from aisle.finetune.options import FinetuneOptions
from aisle.finetune.report import render_card, render_training
from aisle.finetune.result import Finetuned, Tuned
from aisle.finetune.run import check_start, finetune, pixels_of
from aisle.product import Product
from aisle.settings import Settings

_MOST_PROBES = 500

_DRAFT = "draft-"

PAGE, LOG = "training.html", "training.json"


def finetune_to_folder(
    products: Sequence[Product],
    out: Path,
    *,
    options: FinetuneOptions | None = None,
    start: Tuned | None = None,
    int8: bool = False,
    catalog: str = "a catalogue",
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Tune encoders to a catalogue and write them as a folder that every command takes.

    Until the folder is written, the state after each epoch is kept beside it: a run that was stopped goes on when it
    is started again.

    Parameters
    ----------
    products : sequence of Product
        Those without a category are left out.
    out : Path
        An encoder that was written there before is replaced.
    options : FinetuneOptions, optional
    start : Tuned, optional
        From `aisle.finetune.pretune`.
    int8 : bool
        Write graphs in 8 bits where these are faster on this machine and as good.
    catalog : str
        What the page calls the catalogue.
    settings : Settings, optional
        This machine's by default.

    Returns
    -------
    dict
        What the page is drawn from: plain values.

    Raises
    ------
    TrainingError
        There is too little to learn from; or the exported graph is not what was trained.
    UnknownEncoderError
        What is named to start from cannot be fine-tuned.
    EncoderFolderError
        The folder holds something else.
    WeightsNotReachableError
        The weights to start from are not in the cache and cannot be fetched.
    DiskFullError
        The disk is full; what was kept before stays.
    """
    options, settings = options or FinetuneOptions(), settings or Settings.load()
    out = Path(os.path.realpath(out))
    check_destination(out)
    check_start(options, settings)
    started = time.perf_counter()
    unfinished = unfinished_of(out)
    tuned = finetune(products, options=options, start=start, checkpoints=unfinished, settings=settings)
    summary = _summary(tuned, options, catalog=catalog, start=start)
    content = EncoderFiles(
        text=None if tuned.text is None else _text_files(tuned.text, settings),
        photo=None if tuned.photo is None else _photo_files(tuned.photo),
        about={
            "base": {name: each["name"] for name, each in summary["encoders"].items()},
            "precision": dict.fromkeys(summary["encoders"], "float32"),
            "options": asdict(options),
        },
        seen=tuned.seen,
        products=max(each.products for each in (tuned.text, tuned.photo) if each is not None),
        card="",
    )
    with _draft(unfinished) as draft:
        write_encoder(draft, content)
        _prove(tuned, draft, summary, settings)
        if int8:
            content, facts = shrink(tuned, content, settings=settings)
            write_encoder(draft, content)
            for name, each in facts.items():
                summary["encoders"][name]["int8"] = each
        _judge(tuned, draft, summary, settings)
    summary["seconds"] = time.perf_counter() - started
    others = {PAGE: render_training(summary).encode(), LOG: json.dumps(summary, ensure_ascii=False, indent=2).encode()}
    write_encoder(out, replace(content, card=render_card(summary), others=others))
    _clear(unfinished)
    return summary


def unfinished_of(out: Path) -> Path:
    """Return where the state of a run is kept until its encoders are written."""
    return out.with_name(f".{out.name}.unfinished")


@contextlib.contextmanager
def _draft(unfinished: Path) -> Iterator[Path]:
    """Make room for encoders that are tried out before they are written."""
    with contextlib.ExitStack() as stack:
        with disk_errors(unfinished):
            unfinished.mkdir(parents=True, exist_ok=True)
            place = stack.enter_context(tempfile.TemporaryDirectory(dir=unfinished, prefix=_DRAFT))
        yield Path(place) / "encoder"


def _clear(unfinished: Path) -> None:
    """Remove what this run kept, and what one that was killed left behind."""
    for place in unfinished.iterdir():
        if place.name.startswith(_DRAFT):
            shutil.rmtree(place, ignore_errors=True)
        elif place.suffix == ".part":
            place.unlink(missing_ok=True)
    remove_checkpoints(unfinished)


def _summary(tuned: Finetuned, options: FinetuneOptions, *, catalog: str, start: Tuned | None) -> dict[str, Any]:
    sizes = np.bincount(tuned.groups)
    both = {name: each for name, each in (("text", tuned.text), ("photo", tuned.photo)) if each is not None}
    pretuned = None
    if start is not None:
        pretuned = {"products": start.products, "epochs": [asdict(epoch) for epoch in start.epochs], "best": start.best}
    return {
        "catalog": catalog,
        "products": len(tuned.products),
        "learned_from": len(tuned.split.train),
        "held_out": len(tuned.split.validation),
        "categories": [len(names) for names in tuned.labels.names],
        "near_duplicates": int((sizes[tuned.groups] > 1).sum()),
        "device": options.device,
        "joint": options.joint,
        "options": asdict(options),
        "pretuned": pretuned,
        "encoders": {name: _about(each) for name, each in both.items()},
    }


def _about(tuned: Tuned) -> dict[str, Any]:
    values = list(tuned.network.parameters())
    return {
        "name": tuned.spec.name,
        "title": tuned.spec.title,
        "licence": tuned.spec.licence,
        "best": tuned.best,
        "batch": tuned.batch,
        "share": tuned.share,
        "parameters": sum(value.numel() for value in values),
        "trained_parameters": sum(value.numel() for value in values if value.requires_grad),
        "epochs": [asdict(epoch) for epoch in tuned.epochs],
    }


def _text_files(tuned: Tuned, settings: Settings) -> TextFiles:
    file = fetch_files({"tokenizer": tuned.spec.files["tokenizer"]}, settings=settings)["tokenizer"]
    return TextFiles(graph=draw_text(tuned.network), tokenizer=file.read_bytes(), max_tokens=tuned.spec.max_tokens)


def _photo_files(tuned: Tuned) -> PhotoFiles:
    shape = pixels_of(tuned.spec)
    return PhotoFiles(graph=draw_photo(tuned.network, size=shape.height), shape=shape, norm=tuned.network.pixel_norm)


def _prove(tuned: Finetuned, folder: Path, summary: Mapping[str, Any], settings: Settings) -> None:
    """Prove that what was written is what was trained."""
    products = [tuned.products[row] for row in tuned.split.validation.tolist()]
    checks = {"text": _check_text, "photo": _check_photo}
    for name, each in (("text", tuned.text), ("photo", tuned.photo)):
        if each is not None:
            summary["encoders"][name]["parity"] = asdict(checks[name](each, folder, products, settings))


def _judge(tuned: Finetuned, folder: Path, summary: Mapping[str, Any], settings: Settings) -> None:
    """Say what was written is worth."""
    for name, each in (("text", tuned.text), ("photo", tuned.photo)):
        if each is not None:
            before = find_encoders(**{"text": None, "photo": None, name: each.spec.name}, settings=settings)
            after = find_encoders(**{"text": None, "photo": None, name: str(folder)}, settings=settings)
            summary["encoders"][name] |= compare(tuned, name, before=before, after=after, settings=settings)


def _check_text(tuned: Tuned, folder: Path, products: Sequence[Product], settings: Settings) -> Parity:
    texts = [text for product in products for name in ("title", "description") if (text := field_text(product, name))]
    return text_parity(tuned.network, folder, texts[:_MOST_PROBES], head=tuned.head, settings=settings)


def _check_photo(tuned: Tuned, folder: Path, products: Sequence[Product], settings: Settings) -> Parity:
    photos = [product.photo for product in products if product.photo is not None][:_MOST_PROBES]
    decoded = decode_all(photos, shape=pixels_of(tuned.spec), threads=settings.threads, label="checking the export")
    pixels: list[NDArray[np.uint8]] = [found for _, found in decoded if isinstance(found, np.ndarray)]
    return photo_parity(tuned.network, folder, np.stack(pixels), head=tuned.head, settings=settings)

"""An encoder's folder, written beside the old one and put in its place whole."""

import contextlib
import io
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.photo_pixels import PixelShape
from aisle.encode.spec import SEEN_BY, SEEN_FILE
from aisle.errors import DiskFullError, EncoderFolderError
from aisle.files import disk_errors, sha256_bytes, sync_folder
from aisle.weights.graphs import PixelNorm

FORMAT = 1
"""The layout of ``encoder.json``."""

MANIFEST = "encoder.json"
CARD = "README.md"

_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
"""What file browsers leave in a folder that somebody has looked at."""

_RESAMPLE = {"lanczos": 1, "bilinear": 2, "bicubic": 3}
"""Pillow's numbers, which transformers writes."""


@dataclass(frozen=True, kw_only=True)
class TextFiles:
    """A text encoder: ONNX, the bytes of its ``tokenizer.json``, and where texts are cut."""

    graph: bytes
    tokenizer: bytes
    max_tokens: int


@dataclass(frozen=True, kw_only=True)
class PhotoFiles:
    """A photo encoder: ONNX, the pixels it reads, and how they are normalised."""

    graph: bytes
    shape: PixelShape
    norm: PixelNorm


@dataclass(frozen=True, kw_only=True)
class EncoderFiles:
    """What goes into an encoder's folder.

    Attributes
    ----------
    text, photo : TextFiles, PhotoFiles or None
        The encoders; one at least.
    about : mapping of str to Any
        What ``encoder.json`` says of them, as JSON: base, licence, options. Modality, the number of products and the
        hashes are added.
    seen : mapping of str to ndarray of uint64
        For each modality `aisle.encode.seen.training_keys` of the products that its encoder learned from.
    products : int
        How many products that are.
    card : str
        The README.
    others : mapping of str to bytes
        Further files, by name.
    """

    text: TextFiles | None = None
    photo: PhotoFiles | None = None
    about: Mapping[str, Any]
    seen: Mapping[str, NDArray[np.uint64]]
    products: int
    card: str
    others: Mapping[str, bytes] = field(default_factory=dict)


def write_encoder(folder: Path, content: EncoderFiles) -> None:
    """Write a folder that `aisle.encode.find_encoder` opens, and that appears only once it is complete.

    Parameters
    ----------
    folder : Path
        Where to write. Missing parents are made; an encoder that was written here before is replaced.
    content : EncoderFiles

    Raises
    ------
    EncoderFolderError
        The folder holds anything else, or the system refuses to write.
    DiskFullError
        The disk is full. What was there is untouched.
    """
    folder = Path(os.path.realpath(folder))
    files = _files(content)
    with _explained(folder), disk_errors(folder):
        check_destination(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = _beside(folder, "part")
        try:
            _fill(staging, files)
            _exchange(folder, staging)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise


def check_destination(folder: Path) -> None:
    """Refuse before the work what `write_encoder` would refuse after it; change nothing.

    Raises
    ------
    EncoderFolderError
        The folder holds anything but an encoder that was written here, and not a file more; or is a file.
    """
    folder = Path(os.path.realpath(folder))
    if not folder.name:
        raise EncoderFolderError(f"{folder} cannot be an encoder; choose a folder of its own")
    if not os.path.lexists(folder):
        return
    if not folder.is_dir():
        raise EncoderFolderError(f"{folder} is a file, and an encoder is a folder; choose another name")
    present = {path.name for path in folder.iterdir()} - _LITTER
    if present and (foreign := sorted(present - _listed(folder))):
        raise EncoderFolderError(
            f"{folder} holds {foreign[0]!r}, which is no part of a fine-tuned encoder and would be lost. Nothing was "
            "changed: move it away, or choose another folder"
        )


def _listed(folder: Path) -> set[str]:
    """Return the files that a folder's manifest names, itself among them; none where there is no manifest."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return {MANIFEST, *map(str, manifest["sha256"])} if manifest["format"] == FORMAT else set()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return set()


def _files(content: EncoderFiles) -> dict[str, bytes]:
    files = dict(content.others)
    if content.text is not None:
        files["text_model.onnx"] = content.text.graph
        files["tokenizer.json"] = content.text.tokenizer
        files["sentence_bert_config.json"] = _json({"max_seq_length": content.text.max_tokens})
    if content.photo is not None:
        files["vision_model.onnx"] = content.photo.graph
        files["preprocessor_config.json"] = _json(_preprocessor(content.photo))
    everything = np.unique(np.concatenate([np.empty(0, dtype=np.uint64), *content.seen.values()]))
    files[SEEN_FILE] = _stored(everything)
    for kind, keys in content.seen.items():
        if len(np.unique(keys)) < len(everything):
            files[SEEN_BY[kind]] = _stored(keys)
    files[CARD] = content.card.encode()
    kinds = [kind for kind, part in (("text", content.text), ("photo", content.photo)) if part is not None]
    hashes = {name: sha256_bytes(files[name]) for name in sorted(files)}
    about = {**content.about, "modality": kinds, "seen": content.products, "sha256": hashes}
    return {**files, MANIFEST: _json({"format": FORMAT, **about})}


def _stored(keys: NDArray[np.uint64]) -> bytes:
    file = io.BytesIO()
    np.save(file, np.unique(keys).astype("<u8"), allow_pickle=False)
    return file.getvalue()


def _preprocessor(photo: PhotoFiles) -> dict[str, Any]:
    """Say as transformers does which pixels a network reads."""
    shape = photo.shape
    if shape.fit != "stretch" or shape.grey:
        raise ValueError(f"a preprocessor_config.json cannot say {shape}; only stretched photos in colour are written")
    return {
        "do_resize": True,
        "size": {"height": shape.height, "width": shape.width},
        "resample": _RESAMPLE[shape.resample],
        "do_center_crop": False,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [value / 255 for value in photo.norm.mean],
        "image_std": [value / 255 for value in photo.norm.std],
    }


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _beside(folder: Path, kind: str) -> Path:
    return folder.with_name(f".{folder.name[:40]}.{secrets.token_hex(8)}.{kind}")


def _fill(staging: Path, files: Mapping[str, bytes]) -> None:
    staging.mkdir()
    for name, data in files.items():
        with (staging / name).open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    sync_folder(staging)


def _exchange(folder: Path, staging: Path) -> None:
    """Give the new folder the name of the old one, which steps aside first and back where that fails."""
    old = _beside(folder, "old")
    was = os.path.lexists(folder)
    if was:
        os.rename(folder, old)
    try:
        os.rename(staging, folder)
    except BaseException:
        if was:
            os.rename(old, folder)
        raise
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except (EncoderFolderError, DiskFullError):
        raise
    except OSError as err:
        raise EncoderFolderError(
            f"the encoder cannot be written to {folder}: {err.strerror or err}. What was there is untouched: choose "
            "another folder, one that is yours"
        ) from err

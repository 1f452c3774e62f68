"""Weights files read into numpy arrays: safetensors, and torch state dicts without torch."""

import io
import os
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors import deserialize as _deserialize

from aisle.errors import WeightsError
from aisle.weights.opcodes import Storage, TensorView, interpret

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
"""The first value of a torch file older than torch 1.6."""

_LEGACY_PROTOCOL = 1001
_ENCRYPTED = 0x1  # a flag of a zip member: APPNOTE.TXT, section 4.4.4
_MAX_PICKLE_BYTES = 64 << 20

_DTYPES = {
    "Double": "<f8",
    "Float": "<f4",
    "Half": "<f2",
    "BFloat16": "<u2",
    "Long": "<i8",
    "Int": "<i4",
    "Short": "<i2",
    "Char": "i1",
    "Byte": "u1",
    "Bool": "?",
}


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Read a weights file by the ending of its name: ``.safetensors``, otherwise a torch state dict."""
    return read_safetensors(path) if path.suffix == ".safetensors" else read_torch(path)


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Read a safetensors file.

    Parameters
    ----------
    path : Path
        The file; its header is checked by the safetensors library.

    Returns
    -------
    dict of str to ndarray
        Half-precision numbers (float16, bfloat16) become float32; other types stay.

    Raises
    ------
    WeightsError
        The file cannot be read, or is no valid safetensors file.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            if all(file.get_slice(name).get_dtype() != "BF16" for name in names):
                return {name: _widen(file.get_tensor(name)) for name in names}
        return {name: _from_record(record) for name, record in _records(path.read_bytes())}
    except (SafetensorError, OSError, KeyError, ValueError) as err:
        raise WeightsError(f"{path} is no valid safetensors file ({err}); fetch it again") from err


def _records(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    return list(_deserialize(data))  # type: ignore[no-untyped-call]


def _from_record(record: Mapping[str, Any]) -> np.ndarray:
    """Make an array of what ``safetensors.deserialize`` gives: dtype, shape and little-endian bytes."""
    code = record["dtype"]
    if code == "BF16":
        return _from_bfloat16(np.frombuffer(record["data"], dtype="<u2")).reshape(record["shape"])
    if code == "BOOL":
        return np.frombuffer(record["data"], dtype="?").reshape(record["shape"])
    dtype = f"<{code[0].lower()}{int(code[1:]) // 8}"
    return _widen(np.frombuffer(record["data"], dtype=dtype).reshape(record["shape"]))


def read_torch(path: Path) -> dict[str, np.ndarray]:
    """Read a torch state dict (``.pth``, ``.pt``, ``.bin``) without torch and without running its pickle.

    Both layouts are read: the zip file that torch writes since 1.6, and the row of pickles from before.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to ndarray
        Half-precision numbers (float16, bfloat16) become float32; other types stay.

    Raises
    ------
    WeightsError
        The file is damaged, is no state dict, or names a type that a state dict does not need.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return _read_zip(archive, source=str(path))
        with path.open("rb") as file:
            return _read_legacy(file, source=str(path))
    except (OSError, zipfile.BadZipFile, NotImplementedError, EOFError) as err:
        raise WeightsError(f"{path} cannot be read as a torch file ({err}); fetch it again") from err


def _read_zip(archive: zipfile.ZipFile, *, source: str) -> dict[str, np.ndarray]:
    members = {info.filename: info for info in archive.infolist()}
    pickles = [name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise WeightsError(f"{source} is a zip file, but not one that torch wrote: {len(pickles)} files data.pkl")
    root = pickles[0].removesuffix("data.pkl")

    def stored(name: str, limit: int) -> zipfile.ZipInfo:
        info = members.get(root + name)
        # Torch neither compresses nor encrypts, so no member can be larger than the file itself.
        if (
            info is None
            or info.compress_type != zipfile.ZIP_STORED
            or info.flag_bits & _ENCRYPTED
            or info.file_size > limit
        ):
            raise WeightsError(
                f"{source} is damaged: {name!r} is missing, compressed, encrypted, or larger than it may be"
            )
        return info

    if root + "byteorder" in members and archive.read(stored("byteorder", 16)) != b"little":
        raise WeightsError(f"{source} holds big-endian numbers, which are not supported")
    state = interpret(io.BytesIO(archive.read(stored("data.pkl", _MAX_PICKLE_BYTES))), source=source)
    blocks: dict[str, np.ndarray] = {}
    views = _views(state, source=source)
    for view in views.values():
        key = view.storage.key
        if key not in blocks:
            size = _byte_size(view.storage)
            blocks[key] = np.frombuffer(archive.read(stored(f"data/{key}", size)), dtype="u1")
    return {name: _array(view, blocks[view.storage.key], source=source) for name, view in views.items()}


def _read_legacy(file: IO[bytes], *, source: str) -> dict[str, np.ndarray]:
    # From memory: there, an instruction that asks for 2^60 bytes gets what is left instead of an allocation.
    head = io.BytesIO(file.read(_MAX_PICKLE_BYTES))
    if interpret(head, source=source) != LEGACY_MAGIC or interpret(head, source=source) != _LEGACY_PROTOCOL:
        raise WeightsError(f"{source} is not a torch file")
    system = interpret(head, source=source)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise WeightsError(f"{source} holds big-endian numbers, which are not supported")
    views = _views(interpret(head, source=source), source=source)
    storages = {view.storage.key: view.storage for view in views.values()}
    keys = interpret(head, source=source)
    if not isinstance(keys, list) or {type(key) for key in keys} - {str} or not set(storages) <= set(keys):
        raise WeightsError(f"{source} is damaged: some of its tensors have no numbers")
    blocks: dict[str, np.ndarray] = {}
    file.seek(head.tell())
    remaining = os.fstat(file.fileno()).st_size - head.tell()
    for key in keys:
        storage = storages.get(key)
        header = file.read(8)
        if storage is None or len(header) != 8 or struct.unpack("<q", header)[0] != storage.length:
            raise WeightsError(f"{source} is damaged: a block of numbers is not as long as its tensors say")
        remaining -= 8 + _byte_size(storage)
        if remaining < 0:
            raise WeightsError(f"{source} is cut short; fetch it again")
        blocks[key] = np.frombuffer(file.read(_byte_size(storage)), dtype="u1")
    return {name: _array(view, blocks[view.storage.key], source=source) for name, view in views.items()}


def _views(state: Any, *, source: str) -> dict[str, TensorView]:
    """Return the named tensors of a state dict, also where it is wrapped as ``{"state_dict": ...}``."""
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not state:
        raise WeightsError(f"{source} holds no state dict")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, TensorView):
            raise WeightsError(
                f"{source} is no plain state dict: {str(name)[:100]!r} is of type {type(value).__name__}"
            )
    return state


def _byte_size(storage: Storage) -> int:
    return storage.length * np.dtype(_DTYPES[storage.kind]).itemsize


def _array(view: TensorView, block: np.ndarray, *, source: str) -> np.ndarray:
    if block.size != _byte_size(view.storage):
        raise WeightsError(f"{source} is damaged: a storage has {block.size} bytes, not {_byte_size(view.storage)}")
    flat = block.view(_DTYPES[view.storage.kind])
    if 0 in view.sizes:
        return np.zeros(view.sizes, dtype=flat.dtype)
    # The interpreter has checked that the last number the strides reach lies inside the storage.
    array = np.lib.stride_tricks.as_strided(
        flat[view.offset :],
        view.sizes,
        tuple(stride * flat.itemsize for stride in view.strides),
        writeable=False,
    )
    if view.storage.kind == "BFloat16":
        return _from_bfloat16(array)
    return _widen(array)


def _widen(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _from_bfloat16(array: np.ndarray) -> np.ndarray:
    """Widen bfloat16, which is the upper half of a float32."""
    return (array.astype(np.uint32) << 16).view(np.float32)

"""Arrays from the bytes of a safetensors file, its header checked before the library sees it."""

import math
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from aisle.engine.strict_json import parse_json
from aisle.errors import EngineError

MAX_HEADER_BYTES = 8 << 20

_LENGTH = 8
_MAX_DIMENSIONS = 8
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1}
_BYTES |= {"U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1}
"""The types that numpy has, with their width. https://github.com/huggingface/safetensors#format"""


def read_tensors(data: bytes, *, source: str) -> dict[str, np.ndarray]:
    """Read the bytes of a safetensors file.

    Parameters
    ----------
    data : bytes
        The file; its hash has been checked.
    source : str
        What the error calls it.

    Returns
    -------
    dict of str to ndarray
        The arrays as they were saved, in memory of their own, contiguous.

    Raises
    ------
    EngineError
        The header is too long, is no header, names another type than numpy's, or does not describe the bytes that
        follow it; or a truth value is neither 0 nor 1.
    """
    try:
        _check_header(data, source=source)
        tensors: dict[str, np.ndarray] = load(data)
        if any(array.view(np.uint8).max(initial=0) > 1 for array in tensors.values() if array.dtype == np.bool_):
            raise ValueError("a truth value is neither 0 nor 1")
    except EngineError:
        raise
    except (SafetensorError, ValueError, KeyError, OverflowError) as err:
        raise EngineError(f"{source} is no safetensors file of an engine: {err}; train the engine anew") from err
    return tensors


def _check_header(data: bytes, *, source: str) -> None:
    if len(data) < _LENGTH:
        raise ValueError(f"it has {len(data)} bytes")
    length = int.from_bytes(data[:_LENGTH], "little")
    if length > MAX_HEADER_BYTES or length > len(data) - _LENGTH:
        raise ValueError(f"its header claims {length:,} bytes")
    header = parse_json(data[_LENGTH : _LENGTH + length], source=f"the header of {source}")
    if not isinstance(header, dict):
        raise ValueError("its header is no object")
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or any(not isinstance(note, str) for note in notes.values()):
        raise ValueError("its metadata are no texts")
    end = 0
    for first, last in sorted(_range(name, entry) for name, entry in header.items()):
        if first != end:
            raise ValueError("its tensors overlap, or leave a gap")
        end = last
    if end != len(data) - _LENGTH - length:
        raise ValueError(f"its tensors take {end:,} bytes of {len(data) - _LENGTH - length:,}")


def _range(name: str, entry: Any) -> tuple[int, int]:
    """Return where the numbers of a tensor begin and end, if its type and shape agree with that."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"its tensor {name[:100]!r} is not described")
    width = _BYTES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    shape, offsets = entry["shape"], entry["data_offsets"]
    if width is None:
        raise ValueError(f"its tensor {name[:100]!r} is of type {str(entry['dtype'])[:30]!r}")
    if not _are_sizes(shape) or len(shape) > _MAX_DIMENSIONS or math.prod(max(size, 1) for size in shape) >= 2**48:
        raise ValueError(f"its tensor {name[:100]!r} has no shape that can be")
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * width:
        raise ValueError(f"its tensor {name[:100]!r} is not as long as its shape says")
    return offsets[0], offsets[1]


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)

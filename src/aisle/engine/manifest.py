"""The manifest: which files an engine consists of, each with its size and hash, and what made it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aisle.engine.layout import (
    FORMAT,
    MAX_FILE_BYTES,
    MAX_MANIFEST_BYTES,
    MAX_TOTAL_BYTES,
    OLDEST_FORMAT,
    check_names,
)
from aisle.engine.strict_json import dump_json, parse_json
from aisle.errors import EngineError
from aisle.files import sha256_bytes

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FINGERPRINT = 12


@dataclass(frozen=True)
class Listed:
    """One file of an engine: its size in bytes, and its SHA-256 as 64 hex digits."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What an engine consists of.

    Parameters
    ----------
    files : mapping of str to Listed
        By name, the manifest itself left out.
    about : mapping of str to Any
        What the writer says of the engine, as JSON: versions of the taxonomy, the decode path, the encoders.
    written_by : str
        The program that wrote it, with its version.
    """

    files: Mapping[str, Listed]
    about: Mapping[str, Any]
    written_by: str

    def dump(self) -> bytes:
        """Return the one form that this manifest has as bytes. It names no time, so equal engines are equal."""
        files = {name: {"bytes": listed.size, "sha256": listed.sha256} for name, listed in self.files.items()}
        return dump_json({"format": FORMAT, "written_by": self.written_by, "files": files, "about": dict(self.about)})


def fingerprint(data: bytes) -> str:
    """Return the name of an engine: the first 12 hex digits of the SHA-256 of its manifest."""
    return sha256_bytes(data)[:_FINGERPRINT]


def parse_manifest(data: bytes, *, source: str) -> Manifest:
    """Read a manifest, trusting nothing in it.

    Raises
    ------
    EngineError
        It is of another format, is not byte for byte as Aisle writes it, or lists what no engine has.
    """
    value = parse_json(data, source=source, limit=MAX_MANIFEST_BYTES)
    _check_format(value, source=source)
    if value.keys() != {"format", "written_by", "files", "about"}:
        raise EngineError(f"{source} does not hold what a manifest holds; train the engine anew")
    # One engine, one form: a fingerprint that changes means an engine that changed.
    if dump_json(value) != data:
        raise EngineError(
            f"{source} is not byte for byte as Aisle writes it (line ends converted, or edited?); copy the engine again"
        )
    about, files = value["about"], value["files"]
    if not isinstance(about, dict) or not isinstance(value["written_by"], str):
        raise EngineError(f"{source} does not say what made the engine; train the engine anew")
    if not isinstance(files, dict) or not files:
        raise EngineError(f"{source} lists no files; train the engine anew")
    check_names(files, source=source)
    listed = {name: _listed(name, entry, source=source) for name, entry in files.items()}
    total = sum(file.size for file in listed.values())
    if total > MAX_TOTAL_BYTES:
        raise EngineError(f"{source} lists {total:,} bytes, and an engine has at most {MAX_TOTAL_BYTES:,}")
    return Manifest(listed, about, value["written_by"])


def _check_format(value: Any, *, source: str) -> None:
    number = value.get("format") if isinstance(value, dict) else None
    if type(number) is not int:
        raise EngineError(f"{source} is no manifest of an engine; name the folder that `aisle train` has written")
    if number > FORMAT:
        raise EngineError(
            f"{source} was made by a newer Aisle (format {number}, this one reads {FORMAT}): upgrade Aisle"
        )
    if number < OLDEST_FORMAT:
        raise EngineError(
            f"{source} is of format {number}, which this Aisle does not read (it reads {OLDEST_FORMAT} to {FORMAT}): "
            "train the engine anew"
        )


def _listed(name: str, entry: Any, *, source: str) -> Listed:
    if not isinstance(entry, dict) or entry.keys() != {"bytes", "sha256"}:
        raise EngineError(f"{source} does not describe {name!r}; train the engine anew")
    size, digest = entry["bytes"], entry["sha256"]
    if type(size) is not int or not 0 <= size <= MAX_FILE_BYTES:
        raise EngineError(f"{source} gives {name!r} a size that no file of an engine has (at most {MAX_FILE_BYTES:,})")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise EngineError(f"{source} gives {name!r} no SHA-256; train the engine anew")
    return Listed(size, digest)

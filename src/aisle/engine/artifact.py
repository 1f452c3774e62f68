"""An engine's folder, opened: its manifest believed only where hashes agree, its files read once each."""

import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np

from aisle.engine.folder_reader import open_regular, regular_size
from aisle.engine.layout import MANIFEST, MAX_MANIFEST_BYTES, Layout
from aisle.engine.manifest import Listed, fingerprint, parse_manifest
from aisle.engine.strict_json import parse_json
from aisle.engine.tensors import read_tensors
from aisle.errors import EngineError
from aisle.files import sha256_bytes

log = logging.getLogger(__name__)

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Artifact:
    """An engine's folder whose manifest has been read. Files that it does not list are never opened.

    The folder is not kept open. If it is replaced or changed meanwhile, the next read says so in an `EngineError`; it
    never gives other bytes than the manifest lists.

    Parameters
    ----------
    folder : Path
        Where the files lie.
    files : mapping of str to Listed
        What the manifest lists.
    about : mapping of str to Any
        What the writer said of the engine.
    written_by : str
        The program that wrote it, with its version.
    fingerprint : str
        12 hex digits, the engine's name: of the manifest, and so of every file.
    """

    folder: Path
    files: Mapping[str, Listed]
    about: Mapping[str, Any]
    written_by: str
    fingerprint: str

    def read(self, name: str) -> bytes:
        """Return a file's content: read once, and these very bytes compared with the manifest.

        Parameters
        ----------
        name : str
            As the manifest lists it, e.g. ``plots/reliability.svg``.

        Raises
        ------
        EngineError
            The file is not listed, is missing, is no plain file of the folder, or is not what the manifest lists.
        """
        listed = self._listed(name)
        with open_regular(self.folder, name) as (file, size):
            self._check_size(name, size)
            data = file.read(listed.size + 1)
        self._check_size(name, len(data))
        self._check_hash(name, sha256_bytes(data))
        return data

    def json(self, name: str) -> Any:
        """Return the value of a JSON file, read strictly.

        Raises
        ------
        EngineError
            As `read`; or the file is not JSON that an engine holds.
        """
        return parse_json(self.read(name), source=str(self.folder / name))

    def tensors(self, name: str) -> dict[str, np.ndarray]:
        """Return the arrays of a safetensors file.

        Raises
        ------
        EngineError
            As `read`; or the file's header does not describe its bytes.
        """
        return read_tensors(self.read(name), source=str(self.folder / name))

    def verify(self) -> None:
        """Compare every listed file with its hash, in bounded memory.

        Raises
        ------
        EngineError
            A file is not what the manifest lists; the first one is named.
        """
        for name, listed in self.files.items():
            with open_regular(self.folder, name) as (file, size):
                self._check_size(name, size)
                length, digest = _hash(file, listed.size + 1)
            self._check_size(name, length)
            self._check_hash(name, digest)

    def _listed(self, name: str) -> Listed:
        if name not in self.files:
            raise EngineError(f"{self.folder} lists no file {name[:100]!r}, which an engine needs; train it anew")
        return self.files[name]

    def _check_size(self, name: str, size: int) -> None:
        expected = self.files[name].size
        if size != expected:
            fault = "is cut short" if size < expected else "has more bytes than it should"
            raise EngineError(
                f"{self.folder / name} {fault} ({size:,} instead of {expected:,}); copy the engine again, or train it "
                "anew"
            )

    def _check_hash(self, name: str, digest: str) -> None:
        if digest != self.files[name].sha256:
            raise EngineError(
                f"{self.folder / name} is not the file that the engine was made with (its SHA-256 is {digest}, not "
                f"{self.files[name].sha256}); copy the engine again, or train it anew"
            )


def open_artifact(folder: Path) -> Artifact:
    """Open an engine's folder: read its manifest, and see that every listed file is there in its size.

    Content is compared with its hash when it is read, or all of it by `Artifact.verify`. Nothing outside of the folder
    is opened, with one exception: if the folder is missing because a writer was stopped between the two renames that
    exchange an engine, the previous engine, which still lies beside it, is used, with a warning.

    Parameters
    ----------
    folder : Path
        The folder that `write_artifact` has written; it may be reached through a symbolic link, its files may not.

    Raises
    ------
    EngineError
        It is no engine's folder, a damaged one, or one of another format.
    """
    folder = Path(folder)
    try:
        layout = Layout(folder)
        if not os.path.lexists(layout.real):
            if not layout.previous.is_dir():
                raise EngineError(f"there is no engine at {folder}; `aisle train CATALOG --out {folder}` makes one")
            log.warning(
                "%s is missing: a program was stopped while it replaced it; %s is used", folder, layout.previous
            )
            folder = layout.previous
        if not folder.is_dir():
            raise EngineError(f"{folder} is a file, and an engine is a folder; name the folder that holds {MANIFEST}")
    except (OSError, ValueError) as err:
        if isinstance(err, EngineError):
            raise
        raise EngineError(f"{str(folder)!r} cannot be read as an engine's folder ({err}); name another") from err
    return _open(folder)


def verify(folder: Path) -> str:
    """Compare every file of an engine with its hash, and return the engine's fingerprint.

    Raises
    ------
    EngineError
        As `open_artifact` and `Artifact.verify`.
    """
    artifact = open_artifact(folder)
    artifact.verify()
    return artifact.fingerprint


def _open(folder: Path) -> Artifact:
    layout = Layout(folder)
    with open_regular(folder, MANIFEST) as (file, _):
        data = file.read(MAX_MANIFEST_BYTES + 1)
    manifest = parse_manifest(data, source=str(layout.manifest))
    artifact = Artifact(
        folder=folder,
        files=MappingProxyType(dict(manifest.files)),
        about=MappingProxyType(dict(manifest.about)),
        written_by=manifest.written_by,
        fingerprint=fingerprint(data),
    )
    for name in artifact.files:
        artifact._check_size(name, regular_size(folder, name))
    return artifact


def _hash(file: IO[bytes], limit: int) -> tuple[int, str]:
    """Return the number of bytes in a file, counted up to a limit, and their SHA-256."""
    digest, length = hashlib.sha256(), 0
    while length < limit and (chunk := file.read(min(_CHUNK, limit - length))):
        digest.update(chunk)
        length += len(chunk)
    return length, digest.hexdigest()

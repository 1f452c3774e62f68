"""Encoders by what a person types: a name of the table, a folder, or a repository on a model hub."""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from aisle.encode.folder import EXTRA_FILES, GRAPH_FILES, RULE_FILES, folder_modalities
from aisle.encode.spec import ABOUT_FILE, MODALITIES, SEEN_BY, SEEN_FILE, EncoderSpec
from aisle.encode.supply import fetch_files
from aisle.encode.table import ENCODERS
from aisle.errors import EncoderFolderError, UnknownEncoderError, WeightsNotReachableError
from aisle.settings import Settings
from aisle.weights import HubFile, cache_path

HUB_PREFIX = "hub:"

_REPOSITORY = re.compile(r"(?P<repo>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")


def find_encoder(name: str, *, settings: Settings, modality: str = "") -> EncoderSpec:
    """Return the row that a name stands for.

    Parameters
    ----------
    name : str
        A name of the table (``minilm``), a folder with an ONNX encoder (``./my-encoder``), or
        ``hub:owner/name``, with ``@revision`` behind it where one is wanted. Where a folder or repository
        holds a text and a photo encoder, as CLIP does, ``#text`` or ``#photo`` at the end says which.
    settings : Settings
        The hub and the cache.
    modality : {"", "text", "photo"}
        Which is meant where there are both and the name does not say.

    Raises
    ------
    UnknownEncoderError
        It is none of these.
    EncoderFolderError
        The folder is incomplete, or holds two encoders and the name does not say which.
    WeightsNotReachableError
        The repository cannot be fetched.
    """
    if name in ENCODERS:
        return ENCODERS[name]
    place, _, asked = name.rpartition("#")
    if asked not in MODALITIES:
        place, asked = name, ""
    if place.startswith(HUB_PREFIX):
        repository = _Repository.parse(name, place.removeprefix(HUB_PREFIX), settings)
        folder = repository.fetch_rules(asked)
        found = _choose(folder, name, asked, modality)
        repository.fetch_graph(found)
    elif place and Path(place).is_dir():
        folder = Path(place)
        found = _choose(folder, name, asked, modality)
    else:
        raise UnknownEncoderError(_unknown(name))
    title = Path(place.removeprefix(HUB_PREFIX)).name or place
    return EncoderSpec(
        name=name,
        title=f"{title}, {asked}" if asked else title,
        modality=found,
        method="folder",
        folder=folder,
    )


def _choose(folder: Path, name: str, asked: str, modality: str) -> str:
    found = folder_modalities(folder)
    if asked and asked not in found:
        raise EncoderFolderError(f"{name} is asked for, but there is no {RULE_FILES[asked]} in {folder}")
    if not asked and len(found) > 1 and modality in found:
        return modality
    if not asked and len(found) > 1:
        both = " or ".join(f"{name}#{modality}" for modality in found)
        raise EncoderFolderError(f"{name} holds a text and a photo encoder; say which: {both}")
    return asked or found[0]


@dataclass(frozen=True)
class _Repository:
    """A repository on a model hub, of which the files of one encoder are fetched; the cache comes first."""

    repo: str
    revision: str
    settings: Settings

    @classmethod
    def parse(cls, name: str, text: str, settings: Settings) -> "_Repository":
        match = _REPOSITORY.fullmatch(text)
        if match is None or ".." in text:
            raise UnknownEncoderError(f"{name!r} names no repository; write {HUB_PREFIX}owner/name[@revision]")
        return cls(match["repo"], match["revision"] or "main", settings)

    def fetch_rules(self, asked: str) -> Path:
        """Fetch the small files that tell what the repository holds; return the folder where they lie."""
        names = [RULE_FILES[modality] for modality in ([asked] if asked else MODALITIES)]
        found: list[Path] = []
        trouble = WeightsNotReachableError(f"{self.repo} holds neither {' nor '.join(names)}")
        for name in names:
            try:
                found += self._fetch(name)
            except WeightsNotReachableError as err:
                trouble = err
        if not found:
            raise trouble
        return found[0].parent

    def fetch_graph(self, modality: str) -> None:
        """Fetch the first graph there is; last, so that a folder with a graph is whole."""
        names = GRAPH_FILES[modality]
        if any(self._place(name).is_file() for name in names):
            names = tuple(name for name in names if self._place(name).is_file())
        else:
            for name in (*EXTRA_FILES[modality], ABOUT_FILE, SEEN_FILE, SEEN_BY[modality]):
                self._fetch(name)
        if not any(self._fetch(name) for name in names):
            raise WeightsNotReachableError(
                f"{self.repo} holds no ONNX graph for {modality}; one of {', '.join(names)} is expected"
            )

    def _file(self, name: str) -> HubFile:
        return HubFile(repo=self.repo, revision=self.revision, filename=name, sha256=None)

    def _place(self, name: str) -> Path:
        return cache_path(self._file(name), settings=self.settings)

    def _fetch(self, name: str) -> list[Path]:
        """Fetch a file; nothing where the repository does not have it.

        Raises
        ------
        WeightsNotReachableError
            Whether it has it cannot be found out.
        """
        try:
            return list(fetch_files({name: self._file(name)}, settings=self.settings).values())
        except WeightsNotReachableError as err:
            if f"has no file {name!r}" in str(err):
                return []
            raise


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name.lower(), ENCODERS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return (
        f"there is no encoder {name!r} and no folder of that name.{hint} "
        f"Known: {', '.join(ENCODERS)}; or a folder, or {HUB_PREFIX}owner/name"
    )
